import { type WeightType, weightFormats } from "../gpu/tensor.ts";
import { halfToFloat } from "./half.ts";

/**
 * Weights of a file as f32 on the CPU: the reference for kernels and parity runs, not the way models are loaded.
 * Written from the formulas of GGML's block structs (ggml-common.h), apart from the code that loads planes.
 * @param bytes whole blocks, as in the file
 * @param count how many weights to read, from the start
 */
export function dequantize(type: WeightType, bytes: Uint8Array, count: number): Float32Array {
  const { blockBytes, blockWeights } = weightFormats[type];
  if (Math.ceil(count / blockWeights) * blockBytes > bytes.length)
    throw new RangeError(`${bytes.length} bytes hold fewer than ${count} weights of type ${type}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number) => halfToFloat(view.getUint16(at, true));
  const weight: Record<WeightType, (block: number, i: number) => number> = {
    f32: (block) => view.getFloat32(block, true),
    f16: half,
    q8_0: (block, i) => half(block) * view.getInt8(block + 2 + i),
    q4_0: (block, i) => {
      const pair = view.getUint8(block + 2 + (i % 16));
      return half(block) * ((i < 16 ? pair & 15 : pair >> 4) - 8);
    },
  };
  const read = weight[type];
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++)
    weights[i] = read(Math.floor(i / blockWeights) * blockBytes, i % blockWeights);
  return weights;
}
