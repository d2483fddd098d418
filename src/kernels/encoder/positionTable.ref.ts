/**
 * A table (height, width, D) at (y, x) in units of its entries, beyond whose edges it goes on as there: the sum of all entries
 * weighted by tents around them.
 */
export function positionAt(
  table: ArrayLike<number>,
  [height, width, depth]: readonly [number, number, number],
  y: number,
  x: number,
): Float64Array {
  const inside = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1);
  const tent = (distance: number) => Math.max(0, 1 - Math.abs(distance));
  const out = new Float64Array(depth);
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) {
      const weight = tent(inside(y, height) - i) * tent(inside(x, width) - j);
      for (let d = 0; d < depth; d++) out[d]! += weight * table[(i * width + j) * depth + d]!;
    }
  return out;
}
