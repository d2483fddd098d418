/** Seeded numbers from integer arithmetic and square roots alone: the same bits in every engine. */
export interface Random {
  /** In [0, 1). */
  uniform(): number;
  /** Mean 0, deviation 1: the sum of four uniform numbers, so at most 3.5 in size. */
  normal(): number;
}

/** Source of the generator: Marsaglia, Xorshift RNGs (2003), 32 bits, shifts 13, 17, 5. */
export function seededRandom(seed: number): Random {
  // Spread over the word, as small seeds alone begin with small numbers; never 0.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let i = 0; i < 8; i++) next();
  const sumToUnit = Math.sqrt(3) / 65_536;
  return {
    uniform: () => next() / 2 ** 32,
    normal: () => {
      const a = next();
      const b = next();
      return ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 131_070) * sumToUnit;
    },
  };
}

/** Normal numbers of the given deviation, one in 256 of them four times as large, as trained weights have. */
export function randomWeights(random: Random, count: number, deviation: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++)
    values[i] = random.normal() * deviation * (random.uniform() < 1 / 256 ? 4 : 1);
  return values;
}
