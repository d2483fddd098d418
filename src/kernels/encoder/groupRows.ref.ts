/** The rows (D wide) of each group, in order: side by side, or their mean in double. Rows beyond x are zeros. */
export function groupRowsRef(
  x: ArrayLike<number>,
  width: number,
  groups: readonly (readonly number[])[],
  mean: boolean,
): Float64Array {
  const rowOf = (r: number) => Array.from({ length: width }, (_, d) => x[r * width + d] ?? 0);
  return Float64Array.from(
    groups.flatMap((group) => {
      const rows = group.map(rowOf);
      if (!mean) return rows.flat();
      return Array.from(
        { length: width },
        (_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / group.length,
      );
    }),
  );
}
