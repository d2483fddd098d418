/** Kernels of a small model are measured, the choice is used, and remembered for the next load. */

import { createStore, values } from "idb-keyval";
import { expect, test, vi } from "vitest";
import { makeRandomModel } from "../weights/testing/randomModel.ts";
import { type LoadedEngine, loadEngine } from "./load.ts";
import { defaultSampling } from "./types.ts";

const model = makeRandomModel({
  ...{ architecture: "qwen3", layers: 2, width: 64, heads: 4, kvHeads: 2, headWidth: 32, feedForward: 96 },
  ...{ vocab: 331, type: "q8_0", contextLength: 300 },
});

async function load(tuning?: boolean): Promise<LoadedEngine> {
  const tuner = { idleMs: 5, measureMs: 1, maxCandidates: 2 };
  return loadEngine({ model: new Blob([model]), tuner, ...(tuning !== undefined && { tuning }) });
}

async function greedy({ engine }: LoadedEngine): Promise<number[]> {
  const tokens: number[] = [];
  const events = engine.generate({
    promptTokens: Array.from({ length: 20 }, (_, i) => 3 + ((i * 37) % 320)),
    maxTokens: 10,
    sampling: { ...defaultSampling, temperature: 0 },
    stopStrings: [],
    stopTokens: [],
    ignoreEos: true,
    topLogprobs: undefined,
    promptLogprobs: false,
    signal: undefined,
    cachePrompt: false,
  });
  for await (const event of events) if (event.type === "token") tokens.push(event.token);
  return tokens;
}

// Software adapters compile most of the time.
test("tuned kernels write what the others do, and a second load starts with them", {
  timeout: 280_000,
}, async () => {
  const untuned = await load();
  const before = untuned.engine.stats().tuning;
  expect(before.state).toBe("off"); // software adapters are not tuned unless asked
  const expected = await greedy(untuned);
  expect(new Set(expected).size).toBeGreaterThan(1);
  await untuned.engine.dispose();

  const first = await load(true);
  await vi.waitFor(() => expect(first.engine.stats().tuning.state).toBe("done"), { timeout: 240_000 });
  const tuned = first.engine.stats().tuning;
  expect(tuned.rejected).toEqual([]);
  expect(Object.keys(tuned.chosen)).toEqual(Object.keys(before.chosen));
  const kernels = Object.keys(tuned.chosen).map((key) => key.split(" ")[0]);
  expect(new Set(kernels)).toEqual(new Set(["matmulVec", "matmulNext", "matmulGated", "attentionDecode"]));
  expect(await greedy(first)).toEqual(expected);
  // Each was really measured and decided.
  const [stored] = await values(createStore("omnitab-kernels", "variants"));
  expect(stored).toEqual(tuned.chosen);
  const { fingerprint } = first.engine;
  await first.engine.dispose();

  const second = await load(true);
  expect(second.engine.stats().tuning.chosen).toEqual(tuned.chosen);
  expect(second.engine.fingerprint).toBe(fingerprint);
  await vi.waitFor(() => expect(second.engine.stats().tuning.state).toBe("done"), { timeout: 300 });
  expect(await greedy(second)).toEqual(expected);
  await second.engine.dispose();
});

test("tuning that is neither on nor off is refused", async () => {
  await expect(load("yes" as unknown as boolean)).rejects.toMatchObject({
    code: "invalid_request",
    param: "tuning",
  });
});
