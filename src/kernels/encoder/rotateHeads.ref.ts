/**
 * Heads (rows, heads, headWidth) whose pairs (i, i + headWidth / 2) are turned by angles[row][i], as complex numbers in
 * double.
 */
export function rotateHeadsRef(
  x: ArrayLike<number>,
  heads: number,
  headWidth: number,
  angles: readonly (readonly number[])[],
): Float64Array {
  const out = Float64Array.from(x);
  angles.forEach((row, t) => {
    for (let h = 0; h < heads; h++)
      row.forEach((angle, i) => {
        const first = (t * heads + h) * headWidth + i;
        const second = first + headWidth / 2;
        const [length, phase] = [Math.hypot(x[first]!, x[second]!), Math.atan2(x[second]!, x[first]!)];
        out[first] = length * Math.cos(phase + angle);
        out[second] = length * Math.sin(phase + angle);
      });
  });
  return out;
}
