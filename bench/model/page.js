/** The page that `main.ts` measures in: the built library, as an app would use it. */

import { createOmni } from "/omnitab/index.js";
import { requestsTo } from "../requests.js";

/** The longest task of this thread since the last call; 0 where none took 50 ms, which is when browsers report them. */
const longestTaskMs = (() => {
  let longest = 0;
  const note = (entries) => {
    for (const { duration } of entries) longest = Math.max(longest, duration);
  };
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ type: "longtask" });
  return () => {
    note(observer.takeRecords());
    const result = longest;
    longest = 0;
    return result;
  };
})();

/**
 * One model on this page's adapter.
 *
 * @param {{ model: string, promptTokens: number, tokens: number, runs: number, contexts: number[],
 *   contextLength?: number, tuned: boolean }} options `runs` measured after one that is not; decoding is also measured
 *   behind each of `contexts` cached positions; `tuned`: after kernels have been tuned
 */
async function measure({ model, promptTokens, tokens, runs, contexts, contextLength, tuned }) {
  const startedMs = performance.now();
  const kvCache = contextLength && { kvCache: { contextLength } };
  const omni = await createOmni({ model, ...kvCache, tuning: tuned });
  const loadMs = performance.now() - startedMs;
  while (tuned && !["done", "stopped"].includes((await omni.stats()).tuning.state))
    await new Promise((resolve) => setTimeout(resolve, 500));
  const { promptOf, complete } = await requestsTo(omni);

  /** Decoding behind a prompt that is cached but for its last token. */
  const decode = async (prompt) => {
    const before = { cpuMs: await globalThis.workerCpuMs(), steps: (await omni.stats()).steps };
    const { timings } = await complete(prompt, tokens + 1);
    const after = { cpuMs: await globalThis.workerCpuMs(), steps: (await omni.stats()).steps };
    return {
      // The first of the tokens belongs to the prompt's step.
      predicted_per_second: (tokens / timings.predicted_ms) * 1000,
      workerCpuMs: after.cpuMs === null ? null : (after.cpuMs - before.cpuMs) / (tokens + 1),
      stepCpuMs: (after.steps.cpuMs - before.steps.cpuMs) / (after.steps.count - before.steps.count),
    };
  };

  const measured = [];
  longestTaskMs();
  for (let run = 0; run <= runs; run++) {
    const prompt = promptOf(run, promptTokens);
    // One token first, for the prompt; the second request finds all but the prompt's last token cached.
    const first = await complete(prompt, 1);
    if (run === 0) longestTaskMs();
    const decoded = await decode(prompt);
    if (run === 0) continue;
    measured.push({
      firstTokenMs: first.elapsedMs,
      prompt_per_second: first.timings.prompt_per_second,
      ...decoded,
    });
  }

  const behind = [];
  for (const [index, positions] of contexts.entries()) {
    const prompt = promptOf(100 + index, positions);
    await complete(prompt, 1);
    const speeds = [];
    for (let run = 0; run < runs; run++) speeds.push((await decode(prompt)).predicted_per_second);
    behind.push({ positions, speeds });
  }

  const longestMs = longestTaskMs();
  const stats = await omni.stats();
  await omni.dispose();
  return { loadMs, measured, behind, longestTaskMs: longestMs, stats };
}

Object.assign(globalThis, { measure });
