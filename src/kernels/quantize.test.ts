import { describe, expect, it } from "vitest";
import { decodeActivations } from "./activations.ref.ts";
import { type ActivationKind, activationShape } from "./activations.ts";
import { geluTanhRef } from "./gelu.ref.ts";
import type { GateActivation } from "./matmulOutput.ts";
import { type QuantizeArgs, quantize } from "./quantize.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { expectUntouched, openTestGpu, type TestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const rows = { of: "tokens" } as const;
const silu = (g: number) => g / (1 + Math.exp(-g));

async function check(
  t: TestGpu,
  kind: ActivationKind,
  width: number,
  form: "plain" | "weighted" | GateActivation,
  asGpu = false,
): Promise<void> {
  const [R, maxR] = [3, 5];
  const gate = form === "plain" || form === "weighted" ? undefined : form;
  const inWidth = gate ? 2 * width : width;
  const x = randomValues(width, maxR * inWidth);
  const weight = form === "weighted" ? randomValues(2, width) : undefined;
  const tensor = t.output(activationShape(kind, maxR, width), kind === "packed" ? "u32" : "f32");
  const args: QuantizeArgs = {
    x: t.f32([maxR, inWidth], x),
    gate,
    weight: weight && t.f32([width], weight),
    out: { kind, width, tensor },
    rows,
  };
  await t.run(
    (rec) =>
      quantize(
        asGpu ? Object.create(rec, { gpu: { value: { ...rec.gpu, software: false } } }) : rec,
        args,
        "t",
      ),
    { tokens: R, outputs: 0 },
    { maxStep: { tokens: maxR, outputs: 0 } },
  );
  const raw = await t.read(tensor);
  const words = new Uint32Array(raw.buffer, raw.byteOffset, raw.length);
  const rowWords = words.length / maxR;
  const actual = decodeActivations(kind, words.slice(0, R * rowWords), R, width);
  const expected = Float64Array.from({ length: R * width }, (_, i) => {
    const [r, k] = [Math.floor(i / width), i % width];
    const activate = gate === "silu" ? silu : geluTanhRef;
    if (gate) return activate(x[r * inWidth + k]!) * x[r * inWidth + width + k]!;
    return x[i]! * (weight?.[k] ?? 1);
  });
  compare(actual.values, expected, tolerances.activations[kind], `${kind} ${width} ${form}`);
  const blocks = Math.ceil(width / 32);
  const squares = Array.from({ length: R * blocks }, (_, i) => {
    const start = Math.floor(i / blocks) * inWidth + (i % blocks) * 32;
    const end = Math.min(start + 32, Math.floor(i / blocks) * inWidth + width);
    return x.subarray(start, end).reduce((sum, value) => sum + value * value, 0);
  });
  compare(actual.squares, squares, tolerances.rowReduction, "squares");
  if (kind === "packed") {
    const sums = Array.from({ length: actual.sums.length }, (_, i) =>
      actual.values.subarray(16 * i, 16 * i + 16).reduce((a, b) => a + b),
    );
    compare(actual.sums, sums, tolerances.rowReduction, "sums");
  }
  expectUntouched(new Float32Array(words.buffer, words.byteOffset + R * rowWords * 4, (maxR - R) * rowWords));
}

describe("quantize", () => {
  it.each([
    ["packed", 32, "plain"],
    ["packed", 576, "weighted"],
    ["packed", 4128, "silu"],
    ["float", 4, "plain"],
    ["float", 36, "weighted"],
    ["float", 100, "silu"],
    ["float", 100, "geluTanh"],
  ] as const)("%s rows of %i, %s", async (kind, width, form) => {
    await check(await openTestGpu(), kind, width, form);
  });

  it("as on a GPU", async () => {
    await check(await openTestGpu(), "packed", 96, "silu", true);
  });

  it("refuses shapes that do not fit, naming both", async () => {
    const t = await openTestGpu();
    const run = (changes: Partial<QuantizeArgs>) =>
      t.run(
        (rec) =>
          quantize(
            rec,
            {
              x: t.output([1, 64]),
              out: { kind: "packed", width: 64, tensor: t.output([1, 5, 2, 4], "u32") },
              rows,
              ...changes,
            },
            "a",
          ),
        { tokens: 1, outputs: 0 },
      );
    await run({});
    await expect(run({ gate: "silu" })).rejects.toThrow(
      /x is f32 \(1, 64\) and should be f32 \(1 or more, 128\)/,
    );
    await expect(run({ weight: t.output([32]) })).rejects.toThrow(/weight is f32 \(32\).*\(64\)/);
    await expect(
      run({ out: { kind: "packed", width: 64, tensor: t.output([1, 5, 1, 4], "u32") } }),
    ).rejects.toThrow(/out is u32 \(1, 5, 1, 4\) and should be packed \(1, 5, 2, 4\)/);
  });
});
