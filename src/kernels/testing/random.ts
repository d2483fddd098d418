/** Seeded random test data, so that a failure can be repeated. */

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, end). */
  integer(end: number): number;
}

/** A generator whose sequence depends on the seed alone (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer: (end) => Math.floor(uniform() * end),
  };
}

/** Normal values, about one in 100 of them 20 times as large: activations of real models have such outliers. */
export function randomValues(seed: number, count: number, scale = 1): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => {
    const outlier = random.uniform() < 0.01 ? 20 : 1;
    return random.normal() * outlier * scale;
  });
}
