import { type WeightType, weightFormats } from "../../gpu/tensor.ts";
import { floatToHalf } from "../half.ts";

const { fround } = Math;

/**
 * Weights as the bytes of a GGUF tensor, rounded as GGML's reference quantizers round (ggml-quants.c): all steps in f32.
 * @param values a multiple of the type's block
 */
export function quantize(type: WeightType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const { blockWeights, blockBytes } = weightFormats[type];
  if (values.length % blockWeights !== 0)
    throw new RangeError(`${values.length} weights do not divide into blocks of ${blockWeights} (${type})`);
  const blocks = values.length / blockWeights;
  const bytes = new Uint8Array(blocks * blockBytes);
  const view = new DataView(bytes.buffer);
  for (let b = 0; b < blocks; b++) {
    const block = values.subarray(b * blockWeights, (b + 1) * blockWeights);
    const at = b * blockBytes;
    if (type === "f32") view.setFloat32(at, block[0]!, true);
    else if (type === "f16") view.setUint16(at, floatToHalf(block[0]!), true);
    else if (type === "bf16") view.setUint16(at, floatToBrain(block[0]!), true);
    else if (type === "q8_0") quantizeQ8(block, view, at);
    else if (type === "q4_0") quantizeQ4(block, view, at);
    else throw new RangeError(`nothing here quantizes ${type}; see randomBlocks`);
  }
  return bytes;
}

/** The upper half of the f32, rounded to nearest, ties to even. */
function floatToBrain(value: number): number {
  const word = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** scale = largest magnitude / 127; q = w / scale, halves away from zero. */
function quantizeQ8(block: Float32Array, view: DataView, at: number): void {
  let largest = 0;
  for (const value of block) largest = Math.max(largest, Math.abs(value));
  const scale = fround(largest / 127);
  const inverse = scale ? fround(1 / scale) : 0;
  view.setUint16(at, floatToHalf(scale), true);
  block.forEach((value, i) => {
    const scaled = fround(value * inverse);
    view.setInt8(at + 2 + i, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5));
  });
}

/** scale = the weight of largest magnitude / -8, so that it becomes 0; q = w / scale + 8, halves up, at most 15. */
function quantizeQ4(block: Float32Array, view: DataView, at: number): void {
  let extreme = 0;
  for (const value of block) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  const scale = fround(extreme / -8);
  const inverse = scale ? fround(1 / scale) : 0;
  view.setUint16(at, floatToHalf(scale), true);
  const nibble = (value: number) => Math.min(15, Math.trunc(fround(fround(value * inverse) + 8.5)));
  for (let i = 0; i < 16; i++) view.setUint8(at + 2 + i, nibble(block[i]!) | (nibble(block[i + 16]!) << 4));
}
