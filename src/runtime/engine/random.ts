/** Counter-based random numbers: the nth draw of a seed needs no state, so any step can be recomputed anywhere. */

/** A well-mixing 32-bit integer hash (xor-shift-multiply; constants of the "lowbias32" search by Chris Wellons). */
function hash32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 32 bits for a seed, an integer of up to 53 bits. */
export function seedKey(seed: number): number {
  const high = Math.floor(seed / 2 ** 32) | 0;
  return hash32((seed | 0) ^ hash32(high ^ 0x9e3779b9));
}

/** The `index`th random u32 of a {@link seedKey}; `kernels/sampleSelect.wgsl` computes the same. */
export function randomBits(key: number, index: number): number {
  return hash32(key ^ hash32(index + 0x85ebca6b));
}

/** A seed for a request that brings none. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
