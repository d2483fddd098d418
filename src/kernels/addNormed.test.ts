import { describe, expect, it } from "vitest";
import { decodeActivations } from "./activations.ref.ts";
import { type ActivationKind, activationShape } from "./activations.ts";
import { addNormedReference } from "./addNormed.ref.ts";
import { type AddNormedArgs, addNormed } from "./addNormed.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { expectUntouched, openTestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const rows = { of: "tokens" } as const;
const epsilon = 1e-6;

describe("addNormed", () => {
  it.each([
    ["packed", 640],
    ["float", 100],
    ["float", 4],
  ] as const)("%s rows of %i", async (kind: ActivationKind, D) => {
    const t = await openTestGpu();
    const [R, maxR] = [3, 5];
    const [x, before, weight, nextWeight] = [maxR * D, maxR * D, D, D].map((count, i) =>
      randomValues(D + i, count),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const tensor = t.output(activationShape(kind, maxR, D), kind === "packed" ? "u32" : "f32");
    const residual = t.f32([maxR, D], before);
    const args: AddNormedArgs = {
      ...{ x: t.f32([maxR, D], x), weight: t.f32([D], weight), epsilon, residual, rows },
      next: { weight: t.f32([D], nextWeight), out: { kind, width: D, tensor } },
    };
    await t.run(
      (rec) => addNormed(rec, args, "t"),
      { tokens: R, outputs: 0 },
      { maxStep: { tokens: maxR, outputs: 0 } },
    );
    const expected = addNormedReference(x.subarray(0, R * D), weight, before.subarray(0, R * D), epsilon);
    const after = await t.read(residual);
    compare(after.subarray(0, R * D), expected, tolerances.rowReduction, "residual");
    expect([...after.subarray(R * D)]).toEqual([...before.subarray(R * D)]);

    const raw = await t.read(tensor);
    const words = new Uint32Array(raw.buffer, raw.byteOffset, raw.length);
    const rowWords = words.length / maxR;
    const actual = decodeActivations(kind, words.slice(0, R * rowWords), R, D);
    const weighted = expected.map((value, i) => value * nextWeight[i % D]!);
    compare(actual.values, weighted, tolerances.activations[kind], `${kind} ${D}`);
    const blocks = Math.ceil(D / 32);
    const squares = Array.from({ length: R * blocks }, (_, i) => {
      const start = Math.floor(i / blocks) * D + (i % blocks) * 32;
      const end = Math.min(start + 32, Math.floor(i / blocks) * D + D);
      return expected.subarray(start, end).reduce((sum, value) => sum + value * value, 0);
    });
    compare(actual.squares, squares, tolerances.rowReduction, "squares");
    expectUntouched(
      new Float32Array(words.buffer, words.byteOffset + R * rowWords * 4, (maxR - R) * rowWords),
    );
  });

  it("refuses shapes that do not fit, naming both", async () => {
    const t = await openTestGpu();
    const x = t.output([1, 32]);
    const out = { kind: "packed", width: 32, tensor: t.output([1, 5, 1, 4], "u32") } as const;
    const weight = t.output([32]);
    const args: AddNormedArgs = {
      x,
      weight,
      epsilon,
      residual: t.output([1, 32]),
      next: { weight, out },
      rows,
    };
    const run = (changes: Partial<AddNormedArgs>) =>
      t.run((rec) => addNormed(rec, { ...args, ...changes }, "a"), { tokens: 1, outputs: 0 });
    await expect(run({ weight: t.output([36]) })).rejects.toThrow(/x is f32 \(1, 32\).*36/);
    await expect(run({ residual: x })).rejects.toThrow("x is in the buffer of residual");
    await expect(run({ next: { weight: t.output([36]), out } })).rejects.toThrow(
      /next\.weight is f32 \(36\)/,
    );
  });
});
