/** The page that `bench.mjs` measures in: the built library, as an app would use it. */

import { createOmni } from "./omnitab/index.js";

const passage =
  "In the early morning a crow found a piece of cheese on the sill of a farmhouse window, and carried it to the top of " +
  "the tallest oak in the wood. A fox who had gone hungry for two days saw her there, sat down between the roots and " +
  "began to speak of the weather, of the harvest, and then of her feathers, which he said were blacker than any ink. ";

/**
 * One model on this page's adapter.
 *
 * @param {{ model: string, promptTokens: number, tokens: number, runs: number }} options `runs` measured after one
 *   that is not
 */
async function measure({ model, promptTokens, tokens, runs }) {
  const startedMs = performance.now();
  const omni = await createOmni({ model });
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
  const prompt = (run) => Array.from({ length: promptTokens }, (_, i) => words[(i + 7 * run) % words.length]);

  /** A completion of `count` tokens: its timings, and how long it took as seen from here. */
  const complete = async (run, count) => {
    const sentMs = performance.now();
    const request = { prompt: prompt(run), max_tokens: count, temperature: 0, ignore_eos: true };
    const { timings } = await (await post("/v1/completions", request)).json();
    return { timings, elapsedMs: performance.now() - sentMs };
  };

  const measured = [];
  for (let run = 0; run <= runs; run++) {
    // One token first, for the prompt; the second request finds all but the prompt's last token cached.
    const first = await complete(run, 1);
    const all = await complete(run, tokens + 1);
    if (run === 0) continue;
    measured.push({
      firstTokenMs: first.elapsedMs,
      prompt_per_second: first.timings.prompt_per_second,
      // The first of the tokens belongs to the prompt's step.
      predicted_per_second: (tokens / all.timings.predicted_ms) * 1000,
    });
  }
  const stats = await omni.stats();
  await omni.dispose();
  return { loadMs, measured, stats };
}

Object.assign(globalThis, { measure });
