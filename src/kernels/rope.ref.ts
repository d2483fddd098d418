/** Reference of `rope`: a rotated copy of x (T, heads, headWidth), angles and sums in double. */
export function ropeReference(
  x: Float32Array,
  positions: readonly number[],
  args: {
    heads: number;
    headWidth: number;
    ropeWidth: number;
    mode: "norm" | "neox";
    thetaBase: number;
    frequencyFactors?: ArrayLike<number> | undefined;
    positionScale?: number | undefined;
  },
): Float64Array {
  const { heads, headWidth, ropeWidth, mode, thetaBase, frequencyFactors, positionScale = 1 } = args;
  const out = Float64Array.from(x);
  positions.forEach((position, t) => {
    for (let head = 0; head < heads; head++) {
      const start = (t * heads + head) * headWidth;
      for (let i = 0; i < ropeWidth / 2; i++) {
        const factor = frequencyFactors?.[i] ?? 1;
        const angle = (position * positionScale * thetaBase ** ((-2 * i) / ropeWidth)) / factor;
        const first = start + (mode === "norm" ? 2 * i : i);
        const second = mode === "norm" ? first + 1 : first + ropeWidth / 2;
        out[first] = x[first]! * Math.cos(angle) - x[second]! * Math.sin(angle);
        out[second] = x[first]! * Math.sin(angle) + x[second]! * Math.cos(angle);
      }
    }
  });
  return out;
}
