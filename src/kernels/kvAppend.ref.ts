/**
 * Reference of `kvAppend` for keys or values: rows (T, K, E) into a copy of a cache (pages, K, pageSize, E).
 */
export function kvAppendReference(
  cache: Float32Array,
  rows: Float32Array,
  slots: readonly number[],
  sizes: { kvHeads: number; pageSize: number; headWidth: number },
): Float32Array {
  const { kvHeads, pageSize, headWidth } = sizes;
  const out = cache.slice();
  slots.forEach((slot, t) => {
    const page = Math.floor(slot / pageSize);
    for (let head = 0; head < kvHeads; head++)
      for (let e = 0; e < headWidth; e++) {
        const at = ((page * kvHeads + head) * pageSize + (slot % pageSize)) * headWidth + e;
        if (at < out.length) out[at] = rows[(t * kvHeads + head) * headWidth + e]!;
      }
  });
  return out;
}
