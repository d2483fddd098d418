import { describe, expect, it } from "vitest";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type ActivationKind, activationShape } from "./activations.ts";
import { type MatmulArgs, matmul } from "./matmul.ts";
import { openTestGpu, type TestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const tokens = { of: "tokens" } as const;

function activations(t: TestGpu, kind: ActivationKind, rows: number, width: number) {
  const dtype = kind === "packed" ? "u32" : "f32";
  return { kind, width, tensor: t.output(activationShape(kind, rows, width), dtype) };
}

describe("matmul", () => {
  it("chooses by the largest step, the activations and the adapter", async () => {
    const t = await openTestGpu();
    const weight = t.weights("q8_0", 32, 64, randomValues(2, 2048)).matrix;
    const out = t.output([17, 32]);
    const label = (kind: ActivationKind, rows: number, software: boolean, integerDots = true) => {
      const calls: string[] = [];
      const rec = {
        gpu: { ...t.gpu, software, integerDots },
        step: out,
        maxStep: { tokens: rows, outputs: 0 },
        choose: ({ candidates: [first] }: { candidates: unknown[] }) => first,
        dispatch: (call: { label: string }) => calls.push(call.label),
      };
      const args = { x: activations(t, kind, 17, 64), weight, out, rows: tokens };
      matmul(rec as unknown as Recording, args, "test");
      return calls;
    };
    expect(label("packed", 16, false)).toEqual(["matmulVec test"]);
    expect(label("packed", 17, false)).toEqual(["matmulTiledDot test"]);
    expect(label("packed", 17, false, false)).toEqual(["matmulTiled test"]);
    expect(label("float", 17, false)).toEqual(["matmulTiled test"]);
    expect(label("packed", 17, true)).toEqual(["matmulVec test"]);
  });

  it("refuses shapes that do not fit, naming both", async () => {
    const t = await openTestGpu();
    const weight = t.weights("q8_0", 32, 64, randomValues(1, 2048)).matrix;
    const x = activations(t, "packed", 2, 64);
    const out = t.output([2, 32]);
    const run = (args: Partial<MatmulArgs>, rows = 2) =>
      t.run((rec) => matmul(rec, { x, weight, out, rows: tokens, ...args }, "blk.0"), {
        tokens: rows,
        outputs: 0,
      });
    await run({});
    await expect(run({ x: activations(t, "packed", 2, 32) })).rejects.toThrow(/blk.0.*32 wide.*64/);
    await expect(run({}, 3)).rejects.toThrow(/x is u32 \(2, 5, 2, 4\).*\(3, 5, 2, 4\)/);
    await expect(run({ xRows: t.output([1], "u32") })).rejects.toThrow(/xRows.*\(1\)/);
    await expect(run({ out: t.output([2, 31]) })).rejects.toThrow(/out.*\(2, 31\)/);
    await expect(run({ out: t.output([2, 40]), outStart: 9, outStride: 40 })).rejects.toThrow(/outStart.*9/);
    await expect(run({ bias: t.output([31]) })).rejects.toThrow(/bias.*\(31\)/);
    await expect(run({ residual: t.output([1, 32]) })).rejects.toThrow(/residual.*\(1, 32\)/);
    const floats = t.weights("f32", 32, 64, randomValues(1, 2048)).matrix;
    await expect(run({ weight: floats })).rejects.toThrow(/f32.*packed/);
    await expect(run({ out: { ...out, buffer: x.tensor.buffer } })).rejects.toThrow(/shares/);
  });
});
