import { describe, expect, it } from "vitest";
import type { MatmulArgs } from "./matmulArgs.ts";
import { tilesCandidates } from "./matmulTiles.ts";
import { openTestGpu } from "./testing/harness.ts";

describe("matmulTiles", () => {
  it("takes the kernel that the GPU is fast at, and has others measured", async () => {
    const { gpu } = await openTestGpu();
    const x = (kind: "packed" | "float") => ({
      x: { kind, width: 64, tensor: {} as MatmulArgs["x"]["tensor"] },
    });
    const kernels = (fast: boolean, kind: "packed" | "float") => [
      ...new Set(tilesCandidates({ ...gpu, integerDots: fast }, x(kind)).map(({ kernel }) => kernel)),
    ];
    expect(kernels(true, "packed").slice(0, 2)).toEqual(["dot", "float"]);
    expect(kernels(false, "packed").slice(0, 2)).toEqual(["float", "dot"]);
    expect(kernels(true, "float")[0]).toBe("float");
    expect(kernels(true, "float")).not.toContain("dot");
  });
});
