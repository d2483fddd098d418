/** Sets of code points as sorted, disjoint, non-adjacent ranges: [first, last, first, last, …]. */
export type CharSet = readonly number[];

export const lastCodePoint = 0x10ffff;
/** All code points that text can have: surrogates are none. */
export const anyChar: CharSet = [0, 0xd7ff, 0xe000, lastCodePoint];

/** The union of ranges in any order. */
export function charSet(ranges: Iterable<readonly [number, number]>): CharSet {
  const sorted = [...ranges].filter(([first, last]) => first <= last).sort((a, b) => a[0] - b[0]);
  const out: number[] = [];
  for (const [first, last] of sorted) {
    if (out.length > 0 && first <= out.at(-1)! + 1) out[out.length - 1] = Math.max(out.at(-1)!, last);
    else out.push(first, last);
  }
  return intersect(out, anyChar);
}

export function* ranges(set: CharSet): Generator<[number, number], void, void> {
  for (let i = 0; i < set.length; i += 2) yield [set[i]!, set[i + 1]!];
}

export function union(...sets: CharSet[]): CharSet {
  return charSet(sets.flatMap((set) => [...ranges(set)]));
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  const out: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const first = Math.max(a[i]!, b[j]!);
    const last = Math.min(a[i + 1]!, b[j + 1]!);
    if (first <= last) out.push(first, last);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return out;
}

/** All characters that are not in the set. */
export function complement(set: CharSet): CharSet {
  const out: number[] = [];
  let next = 0;
  for (const [first, last] of ranges(set)) {
    if (first > next) out.push(next, first - 1);
    next = last + 1;
  }
  if (next <= lastCodePoint) out.push(next, lastCodePoint);
  return intersect(out, anyChar);
}

export function contains(set: CharSet, codePoint: number): boolean {
  let low = 0;
  let high = set.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (set[2 * middle + 1]! < codePoint) low = middle + 1;
    else high = middle;
  }
  return 2 * low < set.length && set[2 * low]! <= codePoint;
}

/** The characters of a string, as a set. */
export function charsOf(text: string): CharSet {
  return charSet(Array.from(text, (c) => [c.codePointAt(0)!, c.codePointAt(0)!] as const));
}
