import { type WeightType, weightFormats } from "../../gpu/tensor.ts";
import { halfToFloat } from "../half.ts";

const iq4Table = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** The first `count` weights of planes (as a GPU buffer holds them), from the layouts in `weightFormats`. */
export function readPlanes(type: WeightType, planes: readonly Uint8Array[], count: number): Float32Array {
  const views = new Map(
    planes.map((plane, p) => [
      weightFormats[type].planes[p]!.name,
      new DataView(plane.buffer, plane.byteOffset, plane.byteLength),
    ]),
  );
  const view = (name: string) => views.get(name)!;
  const half = (name: string, at: number) => halfToFloat(view(name).getUint16(2 * at, true));
  const word = (name: string, at: number) => view(name).getUint32(4 * at, true);
  const byte = (name: string, at: number) => view(name).getUint8(at);
  const signed = (name: string, at: number) => view(name).getInt8(at);

  const nibble = (i: number) => (byte("quants", 16 * (i >> 5) + (i % 16)) >> (i % 32 < 16 ? 0 : 4)) & 15;
  const bit = (i: number) => (word("highs", i >> 5) >>> (8 * (i % 4) + ((i % 32) >> 2))) & 1;
  const pair = (name: string, i: number) => (word(name, i >> 4) >>> (8 * (i % 4) + 2 * ((i % 16) >> 2))) & 3;

  const weight: Record<WeightType, (i: number) => number> = {
    f32: (i) => view("values").getFloat32(i * 4, true),
    f16: (i) => half("values", i),
    bf16: (i) =>
      new DataView(Uint32Array.of(view("values").getUint16(2 * i, true) << 16).buffer).getFloat32(0, true),
    q8_0: (i) => half("scales", i >> 5) * signed("quants", i),
    q4_0: (i) => half("scales", i >> 5) * (nibble(i) - 8),
    q4_1: (i) => half("scales", 2 * (i >> 5)) * nibble(i) + half("scales", 2 * (i >> 5) + 1),
    q5_0: (i) => half("scales", i >> 5) * (nibble(i) + 16 * bit(i) - 16),
    q5_1: (i) => half("scales", 2 * (i >> 5)) * (nibble(i) + 16 * bit(i)) + half("scales", 2 * (i >> 5) + 1),
    q2_k: (i) =>
      half("supers", 2 * (i >> 8)) * (byte("scales", i >> 4) & 15) * pair("quants", i) -
      half("supers", 2 * (i >> 8) + 1) * (byte("scales", i >> 4) >> 4),
    q3_k: (i) => half("supers", i >> 8) * signed("scales", i >> 4) * (pair("quants", i) + 4 * bit(i) - 4),
    q4_k: (i) =>
      half("supers", 2 * (i >> 8)) * byte("scales", 2 * (i >> 5)) * nibble(i) -
      half("supers", 2 * (i >> 8) + 1) * byte("scales", 2 * (i >> 5) + 1),
    q5_k: (i) =>
      half("supers", 2 * (i >> 8)) * byte("scales", 2 * (i >> 5)) * (nibble(i) + 16 * bit(i)) -
      half("supers", 2 * (i >> 8) + 1) * byte("scales", 2 * (i >> 5) + 1),
    q6_k: (i) => half("supers", i >> 8) * signed("scales", i >> 4) * (nibble(i) + 16 * pair("highs", i) - 32),
    iq4_nl: (i) => half("scales", i >> 5) * iq4Table[nibble(i)]!,
    iq4_xs: (i) => half("supers", i >> 8) * signed("scales", i >> 5) * iq4Table[nibble(i)]!,
    mxfp4: (i) => {
      const q = nibble(i) - 8;
      const magnitude = [0, 1, 2, 3, 4, 6, 8, 12][Math.abs(q)]!;
      return 2 ** (byte("exponents", i >> 5) - 128) * Math.sign(q) * magnitude;
    },
  };
  const read = weight[type];
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++) weights[i] = read(i);
  return weights;
}
