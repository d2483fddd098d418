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

  const measured = [];
  for (let run = 0; run <= runs; run++) {
    const sentMs = performance.now();
    const response = await post("/v1/completions", {
      prompt: prompt(run),
      max_tokens: tokens,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
      logprobs: 0, // a piece for every token, also for those that complete no character
    });
    let firstTokenMs;
    let timings;
    let rest = "";
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: {")) continue;
        const piece = JSON.parse(line.slice(6));
        if (piece.error) throw new Error(piece.error.message);
        if (piece.choices.length > 0) firstTokenMs ??= performance.now() - sentMs;
        timings = piece.timings ?? timings;
      }
    }
    if (run > 0) measured.push({ firstTokenMs, totalMs: performance.now() - sentMs, ...timings });
  }
  const stats = await omni.stats();
  await omni.dispose();
  return { loadMs, measured, stats };
}

Object.assign(globalThis, { measure });
