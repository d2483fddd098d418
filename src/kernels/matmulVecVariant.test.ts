import { expect, it } from "vitest";
import type { Gpu } from "../runtime/gpu/device.ts";
import { activationShape } from "./activations.ts";
import type { MatmulInput } from "./matmulArgs.ts";
import {
  defaultVecVariant,
  type MatmulVecVariant,
  severalRowsVariant,
  vecCandidates,
} from "./matmulVecVariant.ts";
import { openTestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

/** A GPU on which this variant was found to be fastest for single rows. */
const tunedTo = (gpu: Gpu, variant: MatmulVecVariant): Gpu =>
  Object.create(gpu, { tuning: { value: { get: () => variant } } });

it.each([
  [64, 96],
  [512, 512], // where software adapters take more rows at once in prefill
])(
  "several rows are rounded as the single rows that were tuned, whatever was chosen: %i × %i",
  async (N, K) => {
    const t = await openTestGpu();
    const weight = t.weights("q8_0", N, K, randomValues(1, N * K)).matrix;
    const tensor = { ...t.output(activationShape("float", 16, K)) };
    const input: MatmulInput = {
      x: { kind: "float", width: K, tensor },
      weight,
      normalize: { eps: 1e-5 },
      rows: { of: "tokens" },
    };
    for (const gated of [false, true]) {
      const candidates = vecCandidates(t.gpu, input, gated);
      expect(candidates.length).toBeGreaterThan(2);
      for (const single of candidates)
        for (const rows of [2, 8, 16]) {
          const several = severalRowsVariant(tunedTo(t.gpu, single), input, gated, rows, "key");
          // What decides in which order a row's products, and its squares, are added.
          const { arithmetic, threadsPerRow, shareX } = single;
          expect(several, JSON.stringify(single)).toMatchObject({ arithmetic, threadsPerRow, shareX });
          const tileRows = (several.threads / several.threadsPerRow) * several.threadRows;
          expect(tileRows % (gated ? 64 : 32)).toBe(0);
          expect(several.threads).toBeLessThanOrEqual(256);
          const fallback = defaultVecVariant(t.gpu, input, gated, single.shareX ? rows : Math.min(rows, 8));
          expect(several.xRows).toBe(fallback.xRows);
        }
    }
  },
);
