/** Variants that no software adapter chooses, run as the tuner would. */

import { expect, test } from "vitest";
import { encodeActivations } from "../../kernels/activations.ref.ts";
import { activationShape } from "../../kernels/activations.ts";
import type { MatmulArgs } from "../../kernels/matmulArgs.ts";
import { matmulTiles } from "../../kernels/matmulTiles.ts";
import { openTestGpu } from "../../kernels/testing/harness.ts";
import { randomValues } from "../../kernels/testing/random.ts";
import type { Recording } from "../gpu/recording.ts";
import { agree, isEvidence } from "./tuningResults.ts";
import { tuningTasks } from "./tuningTask.ts";

test("kernels and tiles of prefill agree", { timeout: 300_000 }, async () => {
  const t = await openTestGpu();
  const [R, N, K] = [40, 70, 64];
  const words = encodeActivations("packed", randomValues(1, R * K), R, K, randomValues(1, R * K));
  const args: MatmulArgs = {
    x: { kind: "packed", width: K, tensor: t.u32(activationShape("packed", R, K), words) },
    weight: t.weights("q8_0", N, K, randomValues(2, N * K, 0.05)).matrix,
    out: t.f32([R, N], new Float32Array(R * N)),
    rows: { of: "tokens" },
  };
  let rec: Recording | undefined;
  await t.run(
    (recording) => {
      rec = recording;
      matmulTiles(recording, args, "test");
    },
    { tokens: R, outputs: 0 },
  );
  const [task, ...others] = tuningTasks(t.gpu, rec!.tuned, () => expect.fail("no inputs were changed"));
  expect(others).toEqual([]);
  expect(task!.candidates.length).toBeGreaterThan(8);
  const expected = await (await task!.prepare(task!.chosen)).results();
  expect(isEvidence(expected)).toBe(true);
  // The others are of sizes whose kernels the tests of each compare: compiling them takes software adapters long.
  const picked = task!.candidates.filter((variant) => "teamR" in variant && variant.teamR === 8);
  for (const variant of picked) {
    const results = await (await task!.prepare(variant)).results();
    expect([variant, agree(expected, results)]).toEqual([variant, true]);
  }
  task!.end();
});
