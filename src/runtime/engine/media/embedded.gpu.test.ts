/** The embedded projector gives the rows that the code it was trained with gives. */

import { expect, it } from "vitest";
import { compare } from "../../../kernels/testing/compare.ts";
import { openTestGpu } from "../../../kernels/testing/harness.ts";
import rowsUrl from "../../models/projector/goldens/rows.bin?url";
import { MediaRows } from "../mediaRows.ts";
import { openProjector } from "./loadProjector.ts";
import type { OpenedMedia } from "./mediaEncoder.ts";

const D = 256;
const options = { room: 200, signal: new AbortController().signal };

/** As `goldens/README.md` describes them. */
function picture(k: number) {
  const words = Uint32Array.from({ length: 64 * 64 }, (_, i) => {
    const [x, y] = [i % 64, Math.floor(i / 64)];
    const inside = (x - 24 - 8 * k) ** 2 + (y - 36) ** 2 < 200;
    const channel = (c: number) =>
      inside ? 40 + 70 * c : (x * (3 + 4 * k) + y * (5 + 2 * c) + 60 * c) % 256;
    return (channel(0) | (channel(1) << 8) | (channel(2) << 16) | (255 << 24)) >>> 0;
  });
  return { width: 64, height: 64, words };
}

function clip(k: number): Float32Array {
  const t = (j: number) => (Math.abs((j % 400) - 200) - 100) / 400;
  const n = (i: number) => (((i * 7919) % 211) - 105) / 20000;
  return Float32Array.from(
    { length: 15_000 * (k + 1) },
    (_, i) => (t(i * (7 + 6 * k + Math.floor(i / 4000))) * (1 + (i % 3000))) / 3000 + n(i),
  );
}

it("pictures and sounds become the rows that PyTorch computes", async () => {
  const t = await openTestGpu();
  const table = t.f32([200, D], new Float32Array(200 * D));
  const rows = new MediaRows(table);
  const file = await (await fetch("/models/omni-tiny-mmproj.gguf")).blob();
  const projector = await openProjector(file, D, undefined);
  const { encoder, weights } = await projector.load({
    ...{ gpu: t.gpu, rows, signal: undefined, onProgress: () => {} },
  });
  await projector.close();
  const opened: OpenedMedia[] = [
    await encoder.image(picture(0), "auto", options),
    await encoder.image(picture(1), "auto", options),
    await encoder.audio(clip(0), options),
    await encoder.audio(clip(1), options),
  ];
  const all = await t.read(table);
  const actual = opened.map(({ pieces }) =>
    pieces
      .flatMap((piece) => (typeof piece === "string" ? [] : [...piece]))
      .flatMap((token) => [...all.subarray(rows.rowOf(token) * D, (rows.rowOf(token) + 1) * D)]),
  );
  const expected = new Float32Array(await (await fetch(rowsUrl)).arrayBuffer());
  expect(actual.flat()).toHaveLength(expected.length);
  let at = 0;
  for (const [i, values] of actual.entries()) {
    const { maxError } = compare(
      values,
      expected.subarray(at, at + values.length),
      { max: 1e-3, nmse: 1e-7 },
      ["picture 0", "picture 1", "clip 0", "clip 1"][i],
    );
    console.info(`part ${i}: largest error ${maxError}`);
    at += values.length;
  }
  encoder.destroy();
  weights.destroy();
});
