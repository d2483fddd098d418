/** out[t, :] = table[ids[t], :]; zeros where an id is out of range. `table` is (rows, columns), dequantised. */
export function rowFetchRef(table: Float32Array, columns: number, ids: ArrayLike<number>): Float32Array {
  const out = new Float32Array(ids.length * columns);
  for (let t = 0; t < ids.length; t++) {
    const start = ids[t]! * columns;
    out.set(table.subarray(start, start + columns), t * columns);
  }
  return out;
}
