/** The page that `main.ts` measures in: the built library, as an app would use it. */

import { createOmni } from "../omnitab/index.js";

const passage =
  "In the early morning a crow found a piece of cheese on the sill of a farmhouse window, and carried it to the top of " +
  "the tallest oak in the wood. A fox who had gone hungry for two days saw her there, sat down between the roots and " +
  "began to speak of the weather, of the harvest, and then of her feathers, which he said were blacker than any ink. ";

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
 * @param {{ model: string, promptTokens: number, tokens: number, runs: number, contexts: number[], streams: number,
 *   contextLength?: number }} options `runs` measured after one that is not; decoding is also measured behind each
 *   of `contexts` cached positions; `streams` above 1: also so many requests at once
 */
async function measure({ model, promptTokens, tokens, runs, contexts, streams, contextLength }) {
  const startedMs = performance.now();
  const omni = await createOmni({ model, ...(contextLength && { kvCache: { contextLength } }) });
  const loadMs = performance.now() - startedMs;
  const post = async (path, body) => {
    const response = await omni.fetch(path, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error((await response.json()).error.message);
    return response;
  };

  const { tokens: words } = await (
    await post("/tokenize", { prompt: passage, add_special_tokens: false })
  ).json();
  /** Another prompt each time, so that no cache of prefixes helps. */
  const promptOf = (seed, length) => Array.from({ length }, (_, i) => words[(i + 7 * seed) % words.length]);

  /** A streamed completion: its timings, and how long it took as seen from here. */
  const complete = async (prompt, count) => {
    const sentMs = performance.now();
    const request = { prompt, max_tokens: count, temperature: 0, ignore_eos: true, stream: true };
    const response = await post("/v1/completions", request);
    const decoder = new TextDecoder();
    let text = "";
    let timings;
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.replace(/^data: /, "");
        if (data !== "[DONE]") timings = JSON.parse(data).timings ?? timings;
      }
    }
    if (timings?.predicted_n !== count) throw new Error(`${timings?.predicted_n} tokens came, not ${count}`);
    return { timings, elapsedMs: performance.now() - sentMs };
  };

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

  const together = [];
  for (const count of streams > 1 ? [1, streams] : []) {
    const speeds = [];
    for (let run = 0; run < runs; run++) {
      const sentMs = performance.now();
      const seed = (i) => 1000 * count + 100 * run + i;
      await Promise.all(Array.from({ length: count }, (_, i) => complete(promptOf(seed(i), 16), tokens)));
      speeds.push((count * tokens * 1000) / (performance.now() - sentMs));
    }
    together.push({ count, speeds });
  }
  const longestMs = longestTaskMs();
  const stats = await omni.stats();
  await omni.dispose();
  return { loadMs, measured, behind, together, longestTaskMs: longestMs, stats };
}

Object.assign(globalThis, { measure });
