/** The page in which onnxruntime-web's WebGPU provider, on which transformers.js runs, encodes what `page.ts` does. */

import * as ort from "/peer/ort.webgpu.min.mjs";

/**
 * @param {{ model: string, input: { name: string, type: "float32" | "float16", dims: number[], values: number[] },
 *   runs: number, sampled: number[] }} options values are given as they are, whatever the type
 */
async function measure({ model, input, runs, sampled }) {
  ort.env.wasm.wasmPaths = "/peer/";
  ort.env.wasm.numThreads = 1;
  const startedMs = performance.now();
  const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"] });
  const loadMs = performance.now() - startedMs;
  const ArrayType = input.type === "float16" ? Float16Array : Float32Array;
  const timesMs = [];
  let values = [];
  for (let run = 0; run <= runs; run++) {
    const sentMs = performance.now();
    const tensor = new ort.Tensor(input.type, ArrayType.from(input.values), input.dims);
    const results = await session.run({ [input.name]: tensor });
    const { data } = results[session.outputNames[0]];
    if (run > 0) timesMs.push(performance.now() - sentMs);
    const numbers =
      data instanceof Uint16Array ? new Float16Array(data.buffer, data.byteOffset, data.length) : data;
    values = sampled.map((at) => Number(numbers[at]));
  }
  return { loadMs, timesMs, values };
}

Object.assign(globalThis, { measure });
