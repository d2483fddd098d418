import { halfToFloat } from "../half.ts";

/** Types whose planes are fields of their blocks as they are, and simple. */
export type PlainType = "f32" | "f16" | "q8_0" | "q4_0";

/** The first `count` weights of planes (as a GPU buffer holds them), from the formulas in `weightFormats`. */
export function readPlanes(type: PlainType, planes: readonly Uint8Array[], count: number): Float32Array {
  const [values, scales] = planes.map(
    (plane) => new DataView(plane.buffer, plane.byteOffset, plane.byteLength),
  );
  const scale = (i: number) => halfToFloat(scales!.getUint16(Math.floor(i / 32) * 2, true));
  const weight: Record<PlainType, (i: number) => number> = {
    f32: (i) => values!.getFloat32(i * 4, true),
    f16: (i) => halfToFloat(values!.getUint16(i * 2, true)),
    q8_0: (i) => scale(i) * values!.getInt8(i),
    q4_0: (i) => {
      const pair = values!.getUint8(Math.floor(i / 32) * 16 + (i % 16));
      return scale(i) * ((i % 32 < 16 ? pair & 15 : pair >> 4) - 8);
    },
  };
  const read = weight[type];
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++) weights[i] = read(i);
  return weights;
}
