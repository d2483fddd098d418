import { type WeightType, weightFormats } from "../../gpu/tensor.ts";
import { floatToHalf } from "../half.ts";
import type { Random } from "./random.ts";

/** Where a block's scale and minimum lie (bytes), and what random quants and inner scales spread to under scale 1. */
interface Scales {
  scale: number;
  minimum?: number;
  /** Standard deviation. */
  spread: number;
  /** The minimum that centres the weights is -scale * centre. */
  centre?: number;
  /** The scale is a power of two, in one byte. */
  exponent?: true;
}

const scales: Partial<Record<WeightType, Scales>> = {
  q4_1: { scale: 0, minimum: 2, spread: 4.6, centre: 7.5 },
  q5_0: { scale: 0, spread: 9.2 },
  q5_1: { scale: 0, minimum: 2, spread: 9.2, centre: 15.5 },
  // The minima of K-quants are subtracted.
  q2_k: { scale: 80, minimum: 82, spread: 13.9, centre: -1.5 },
  q3_k: { scale: 108, spread: 43 },
  q4_k: { scale: 0, minimum: 2, spread: 258, centre: -7.5 },
  q5_k: { scale: 0, minimum: 2, spread: 527, centre: -15.5 },
  q6_k: { scale: 208, spread: 1370 },
  iq4_nl: { scale: 0, spread: 69 },
  iq4_xs: { scale: 0, spread: 1270 },
  mxfp4: { scale: 0, spread: 5.8, exponent: true },
};

/** Types that {@link randomBlocks} can make: those without a quantizer here. */
export const randomBlockTypes = Object.keys(scales) as readonly WeightType[];

/**
 * Blocks of random bits with scales such that weights have about the given deviation: every bit of a format counts,
 * which takes no quantizer.
 * @param count weights, a multiple of the type's block
 */
export function randomBlocks(
  type: WeightType,
  random: Random,
  count: number,
  deviation: number,
): Uint8Array<ArrayBuffer> {
  const layout = scales[type];
  const { blockWeights, blockBytes } = weightFormats[type];
  if (!layout) throw new RangeError(`${type} has a quantizer: no random blocks of it`);
  if (count % blockWeights !== 0)
    throw new RangeError(`${count} weights do not divide into blocks of ${blockWeights} (${type})`);
  const bytes = Uint8Array.from(
    { length: (count / blockWeights) * blockBytes },
    () => random.uniform() * 256,
  );
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const scale = (deviation / layout.spread) * (0.8 + 0.4 * random.uniform());
    // log2 may differ between engines in the last digit: a halfway value would have to come up for that to show.
    if (layout.exponent) view.setUint8(at + layout.scale, 128 + Math.round(Math.log2(scale)));
    else view.setUint16(at + layout.scale, floatToHalf(scale), true);
    if (layout.minimum !== undefined)
      view.setUint16(at + layout.minimum, floatToHalf(-scale * layout.centre!), true);
  }
  return bytes;
}
