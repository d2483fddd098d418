import { beforeAll, describe, expect, it } from "vitest";
import { type ModelShape, multipliedWeights, shapeHeader } from "../shapes.ts";
import type { TappedDispatch } from "./deviceTap.ts";
import { installFakeWebGpu, writtenBytes } from "./fakeWebGpu.ts";
import { modelSteps } from "./modelSteps.ts";
import {
  accessOf,
  dispatchCounts,
  kernelName,
  readBytes,
  type StepFacts,
  sumTraffic,
  trafficOf,
} from "./traffic.ts";
import { kernelVariants } from "./variants.ts";

const shape: ModelShape = {
  architecture: "qwen3",
  layers: 3,
  ...{ width: 256, heads: 4, kvHeads: 2, headWidth: 64, feedForward: 512, vocab: 1000 },
};
const header = shapeHeader(shape, "q8_0");
const capacity = 320;

describe("a recorded decode step", () => {
  let dispatches: TappedDispatch[];
  let sizes: Pick<StepFacts, "matrices" | "rowCapacity">;
  const facts = (positions: number): StepFacts => ({ ...sizes, capacity, tokens: 1, positions });

  beforeAll(async () => {
    installFakeWebGpu();
    const steps = await modelSteps(header, { contextLength: capacity, cacheType: "f16", chunkTokens: 1 });
    sizes = steps;
    dispatches = await steps.decode(200);
  });

  it("has the same dispatches in each layer, with their sources", () => {
    const { perLayer, outside } = dispatchCounts(dispatches.map(({ label }) => label));
    expect(perLayer).toBeGreaterThan(0);
    expect(perLayer * shape.layers + outside).toBe(dispatches.length);
    for (const { source, bindings, workgroups } of dispatches) {
      expect(source).toContain("fn main(");
      expect(bindings.length).toBeGreaterThan(0);
      expect(Math.min(...workgroups)).toBeGreaterThan(0);
    }
  });

  it("knows how every binding is used", () => {
    for (const { label, source, bindings } of dispatches) {
      const access = accessOf(source);
      for (const { binding } of bindings) expect(access.get(binding), `${label} ${binding}`).toBeDefined();
    }
  });

  it("reads every weight once", () => {
    const { weights, weightBytes } = sumTraffic(dispatches.map((each) => trafficOf(each, facts(201))));
    expect(weights).toBe(multipliedWeights(header));
    // 34 bytes for 32 weights; the looked-up row and padding to 16 bytes come on top.
    const exact = (multipliedWeights(header) / 32) * 34;
    expect(weightBytes).toBeGreaterThanOrEqual(exact);
    expect(weightBytes).toBeLessThan(exact + 2000);
  });

  it("reads as much of the cache as there are positions, and appends one", () => {
    // Keys and values, K · E numbers of two bytes in each layer.
    const perPosition = 2 * shape.kvHeads * shape.headWidth * 2 * shape.layers;
    const at = (positions: number) => sumTraffic(dispatches.map((each) => trafficOf(each, facts(positions))));
    expect(at(201).cacheReadBytes).toBeCloseTo(201 * perPosition, 6);
    expect(at(100).cacheReadBytes).toBeCloseTo(100 * perPosition, 6);
    expect(at(201).cacheWriteBytes).toBeCloseTo(perPosition, 6);
  });

  it("groups the layers' dispatches into kernels", () => {
    const variants = kernelVariants(dispatches, facts(201));
    expect(variants.reduce((sum, each) => sum + each.dispatches.length, 0)).toBe(dispatches.length);
    expect(variants.length).toBeLessThan(dispatches.length / 2);
    expect(variants.every(({ name }) => !name.includes("blk."))).toBe(true);
    expect(variants.every(({ traffic }) => readBytes(traffic) > 0)).toBe(true);
  });

  it("has what the step wrote: the position of its token", () => {
    const written = dispatches.flatMap(({ bindings }) =>
      bindings.flatMap(({ buffer, offsetBytes }) => {
        const bytes = writtenBytes.get(buffer)?.slice(offsetBytes, offsetBytes + 4);
        return bytes?.length === 4 ? [new Uint32Array(bytes.buffer)[0]] : [];
      }),
    );
    expect(written).toContain(200);
  });
});

describe("labels", () => {
  it("count by layer", () => {
    const labels = ["embed", "mul blk.0.q", "mul blk.0.k", "mul blk.1.q", "mul blk.10.q", "head"];
    expect(dispatchCounts(labels)).toEqual({ perLayer: 2, outside: 2 });
    expect(
      dispatchCounts(["norm vision.0 up", "norm vision.1 up", "norm vision.1 down", "norm vision"]),
    ).toEqual({
      ...{ perLayer: 2, outside: 1 },
    });
    expect(dispatchCounts([])).toEqual({ perLayer: 0, outside: 0 });
  });

  it("lose the number of their layer only", () => {
    expect(kernelName("matmulVec blk.27.ffn_up")).toBe("matmulVec ffn_up");
    expect(kernelName("matmulVec output")).toBe("matmulVec output");
    expect(kernelName("matmulTiled encoder.blocks.3 qkv")).toBe("matmulTiled encoder qkv");
    expect(kernelName("denseAttention encoder.blocks.3")).toBe("denseAttention encoder");
    expect(kernelName("matmulTiled vision.11 up")).toBe("matmulTiled vision up");
    expect(kernelName("matmulTiled encoder.conv1")).toBe("matmulTiled encoder.conv1");
  });
});

it("finds bindings that are counted from a constant", () => {
  const source = `const first = 5;
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(first) var<storage, read> a: array<u32>;
@group(0) @binding(first + 1) var<storage, read_write> b: array<u32>;
@group(0) @binding(9) var<storage> c: array<u32>;`;
  expect([...accessOf(source)]).toEqual([
    [0, "uniform"],
    [5, "read"],
    [6, "read_write"],
    [9, "read"],
  ]);
});
