/**
 * The page in which `--peer onnxruntime` measures onnxruntime-web's WebGPU provider, on which transformers.js runs, with the
 * same work as `page.js`: as transformers.js calls it, with keys and values left on the GPU and logits read back.
 */

import * as ort from "/peer/ort.webgpu.min.mjs";

/** @param {{ model: string, promptTokens: number, tokens: number, runs: number, layers: number, kvHeads: number,
 *   headWidth: number }} options
 */
async function measure({ model, promptTokens, tokens, runs, layers, kvHeads, headWidth }) {
  ort.env.wasm.wasmPaths = "/peer/";
  ort.env.wasm.numThreads = 1;
  const startedMs = performance.now();
  const caches = Array.from({ length: layers }, (_, i) => [`${i}.key`, `${i}.value`]).flat();
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    preferredOutputLocation: Object.fromEntries(caches.map((name) => [`present.${name}`, "gpu-buffer"])),
  });
  const loadMs = performance.now() - startedMs;
  const logitsName = session.outputNames.find((name) => !name.startsWith("present."));

  /** Greedy tokens after a prompt, and when each was known. */
  const generate = async (prompt, count) => {
    let past = Object.fromEntries(
      caches.map((name) => [
        name,
        new ort.Tensor("float32", new Float32Array(0), [1, kvHeads, 0, headWidth]),
      ]),
    );
    let ids = prompt;
    let total = 0;
    const timesMs = [];
    for (let i = 0; i < count; i++) {
      total += ids.length;
      const results = await session.run({
        input_ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
        seqlens_k: new ort.Tensor("int32", Int32Array.of(total - 1), [1]),
        total_sequence_length: new ort.Tensor("int32", Int32Array.of(total), [1]),
        ...Object.fromEntries(caches.map((name) => [`past_key_values.${name}`, past[name]])),
      });
      for (const name of caches) past[name].dispose();
      past = Object.fromEntries(caches.map((name) => [name, results[`present.${name}`]]));
      const { data, dims } = results[logitsName];
      const logits = data.subarray(-dims.at(-1));
      let best = 0;
      for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
      if (!Number.isFinite(logits[best])) throw new Error("onnxruntime-web computed no finite logits");
      ids = [best];
      timesMs.push(performance.now());
    }
    for (const name of caches) past[name].dispose();
    return timesMs;
  };

  const measured = [];
  for (let run = 0; run <= runs; run++) {
    const prompt = Array.from({ length: promptTokens }, (_, i) => 300 + ((i * 7 + 31 * run) % 1000));
    const sentMs = performance.now();
    const timesMs = await generate(prompt, tokens + 1);
    if (run === 0) continue;
    const firstTokenMs = timesMs[0] - sentMs;
    measured.push({
      firstTokenMs,
      prompt_per_second: (promptTokens / firstTokenMs) * 1000,
      predicted_per_second: (tokens / (timesMs.at(-1) - timesMs[0])) * 1000,
    });
  }
  return { loadMs, measured };
}

Object.assign(globalThis, { measure });
