/** Rows of two tables, added; zeros for ids that the first has not. */
export function textEmbeddingRef(
  table: ArrayLike<number>,
  positionTable: ArrayLike<number>,
  columns: number,
  ids: readonly number[],
  positions: readonly number[],
): Float64Array {
  const out = new Float64Array(ids.length * columns);
  ids.forEach((id, t) => {
    if ((id + 1) * columns > table.length) return;
    for (let c = 0; c < columns; c++)
      out[t * columns + c] = table[id * columns + c]! + positionTable[positions[t]! * columns + c]!;
  });
  return out;
}
