import { describe, expect, it } from "vitest";
import { logMelRef } from "../../../kernels/spectrum/logMel.ref.ts";
import { whisperSpec } from "../../../kernels/spectrum/logMel.ts";
import { melFilters } from "../../../kernels/spectrum/melFilters.ts";
import { compare, difference, tolerances } from "../../../kernels/testing/compare.ts";
import { openTestGpu, testVariants } from "../../../kernels/testing/harness.ts";
import { randomValues } from "../../../kernels/testing/random.ts";
import type { WeightType } from "../../gpu/tensor.ts";
import { samplesPerPosition } from "../../models/whisper/encoder.ts";
import { cutTiny } from "../../weights/testing/whisperFiles.ts";
import type { WhisperSizes } from "../../weights/whisperGgml.ts";
import { loadWhisper } from "./testing/loadWhisper.ts";

const tokens = [257, 258, 355, 1859, 12, 200, 77, 0, 13, 14, 1863, 99, 250];

/** A window of noise that grows louder, the last quarter of it silent. */
function noise(positions: number, seed = 3): Float32Array<ArrayBuffer> {
  const count = positions * samplesPerPosition;
  return randomValues(seed, count).map((value, i) => (i < 0.75 * count ? (0.2 * value * i) / count : 0));
}

const rowsOf = (values: Float64Array, width: number) =>
  Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));

describe.each(testVariants)("Whisper, $name", (variant) => {
  // Each takes Mesa a quarter of a minute to compile: without features there is only the one that both have.
  const cases: { name: string; type: WeightType; sizes: WhisperSizes }[] = variant.disableF16
    ? [{ name: "F32, a short window", type: "f32", sizes: cutTiny }]
    : [
        { name: "Q8_0, two layers", type: "q8_0", sizes: { ...cutTiny, audioLayers: 2, textLayers: 2 } },
        { name: "F16, a window of 30 s", type: "f16", sizes: { ...cutTiny, audioContext: 1500 } },
      ];
  it.each(cases)("$name: logits at every position", async ({ type, sizes }) => {
    const t = await openTestGpu(variant);
    const { runner, reference, destroy } = await loadWhisper(t.gpu, sizes, type);
    const samples = noise(sizes.audioContext);
    const spec = whisperSpec(sizes.melBins);
    const mel = logMelRef(samples, melFilters(spec), spec);
    const audio = reference.encode(rowsOf(mel, sizes.melBins));
    const expected = reference.decode(tokens, audio);
    await runner.encode(samples);
    const steps: Float32Array[] = [];
    for (const [position, token] of tokens.entries())
      steps.push((await runner.decode([token], position, [0]))[0]!);
    // What the decoder attends to is kept as f16.
    let worst = 0;
    steps.forEach((logits, position) => {
      worst = Math.max(
        worst,
        compare(logits, expected[position]!, tolerances.f16, `position ${position}`).maxError,
      );
    });
    console.info(`${type}, S = ${sizes.audioContext}: largest error ${worst}`);

    // Prefill equals steps; and silence that is not given is the same as silence. (Software adapters take long windows slowly.)
    const isLong = sizes.audioContext > 100;
    if (!isLong) await runner.encode(samples.subarray(0, 0.75 * samples.length));
    const [first, last] = await runner.decode(tokens, 0, [2, tokens.length - 1]);
    compare(first!, steps[2]!, tolerances.attention.f32, "prefill, position 2");
    compare(last!, steps.at(-1)!, tolerances.attention.f32, "prefill, the last");
    await runner.decode(tokens.slice(0, 5), 0, []);
    const [rest] = await runner.decode(tokens.slice(5), 5, [tokens.length - 6]);
    compare(rest!, steps.at(-1)!, tolerances.attention.f32, "prefill in two parts");

    if (!isLong) {
      await runner.encode(noise(sizes.audioContext, 4));
      const [other] = await runner.decode(tokens, 0, [tokens.length - 1]);
      expect(difference(other!, steps.at(-1)!).maxError, "another window").toBeGreaterThan(0.01);
    }
    destroy();
  });
});

it("scores of attention come from the layers and heads that align", async () => {
  const t = await openTestGpu();
  const sizes = { ...cutTiny, textLayers: 2 };
  const { runner, reference, destroy } = await loadWhisper(t.gpu, sizes, "f32");
  const samples = noise(sizes.audioContext);
  await runner.encode(samples);
  const heads: Float32Array[] = [];
  await runner.align(tokens, (scores) => heads.push(scores));
  // Of two layers the upper one, all of its six heads.
  expect(heads).toHaveLength(sizes.textHeads);
  const spec = whisperSpec(sizes.melBins);
  const mel = logMelRef(samples, melFilters(spec), spec);
  reference.decode(tokens, reference.encode(rowsOf(mel, sizes.melBins)));
  heads.forEach((scores, head) => {
    const expected = reference.scores.get("decoder.blocks.1.cross_attn")!.map((rows) => rows[head]!);
    compare(
      scores,
      expected.flatMap((row) => [...row]),
      tolerances.f16,
      `head ${head}`,
    );
  });
  const again: Float32Array[] = [];
  await runner.align(tokens, (scores) => again.push(scores));
  expect(again).toEqual(heads);
  destroy();
});

it("a step beyond the context is refused", async () => {
  const t = await openTestGpu();
  const { runner, destroy } = await loadWhisper(t.gpu, cutTiny, "f32");
  await expect(runner.decode([1], cutTiny.textContext, [0])).rejects.toThrow(/exceeds 64 tokens/);
  await expect(runner.decode([], 0, [])).rejects.toThrow(/0 tokens/);
  destroy();
});
