/** The page in which `--peer wllama` measures llama.cpp's WebGPU backend, with the same work as `page.js`. */

import { Wllama } from "/peer/index.js";

/**
 * @param {{ model: string, promptTokens: number, tokens: number, runs: number, onGpu: boolean }} options `onGpu` false:
 *   the WebAssembly kernels on two threads
 */
async function measure({ model, promptTokens, tokens, runs, onGpu }) {
  const startedMs = performance.now();
  const wllama = new Wllama(
    { default: new URL("/peer/wasm/wllama.wasm", location.href).href },
    { allowOffline: true },
  );
  await wllama.loadModelFromUrl(model, {
    n_ctx: 1024,
    n_gpu_layers: onGpu ? 999 : 0,
    n_threads: onGpu ? 1 : 2,
    useCache: false,
  });
  const loadMs = performance.now() - startedMs;

  const complete = async (text, count) => {
    const options = { prompt: text, max_tokens: count, temperature: 0, ignore_eos: true, stream: true };
    const sentMs = performance.now();
    let firstTokenMs;
    let last;
    for await (const piece of await wllama.createCompletion({ ...options, cache_prompt: false })) {
      firstTokenMs ??= performance.now() - sentMs;
      last = piece;
    }
    return { firstTokenMs, ...last.timings };
  };

  const letters = "abcdefghijklmnopqrstuvwxyz ";
  const text = (length, run) => Array.from({ length }, (_, i) => letters[(i * 7 + run) % 27]).join("");
  // It does not say how it tokenizes; a first request shows how many tokens such a text has.
  const { prompt_n: sample } = await complete(text(80, 0), 1);
  const length = Math.round((80 * promptTokens) / sample);

  const measured = [];
  for (let run = 0; run <= runs; run++) {
    const result = await complete(text(length, run), tokens);
    if (run > 0) measured.push(result);
  }
  return { loadMs, measured };
}

Object.assign(globalThis, { measure });
