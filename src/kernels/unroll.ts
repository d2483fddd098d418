/**
 * Writes out counted loops of WGSL source: every `for (var i = 0u; i < count; i++) { … }` whose `count` is a name in
 * `counts` becomes that many copies of its body with `i` as a number. The source means the same without this; it is for
 * compilers that do not unroll (SwiftShader keeps an array in memory unless all its indices are constants).
 */
export function unroll(source: string, counts: Record<string, number>): string {
  const head = /for \(var (\w+) = 0u; \1 < (\w+); \1\+\+\) \{/g;
  for (let match = head.exec(source); match; match = head.exec(source)) {
    const [loop, index, name] = match as unknown as [string, string, string];
    const count = counts[name];
    if (count === undefined) continue;
    const start = match.index + loop.length;
    const end = closingBrace(source, start);
    const body = source.slice(start, end);
    const copies = Array.from(
      { length: count },
      (_, i) => `{${body.replace(new RegExp(`\\b${index}\\b`, "g"), `${i}u`)}}`,
    );
    source = source.slice(0, match.index) + copies.join("\n") + source.slice(end + 1);
    // Loops inside the body come next.
    head.lastIndex = match.index;
  }
  return source;
}

/** Where the block that is open at `start` closes. */
function closingBrace(source: string, start: number): number {
  let depth = 1;
  for (let i = start; i < source.length; i++) {
    if (source[i] === "{") depth++;
    if (source[i] === "}" && --depth === 0) return i;
  }
  throw new Error("unbalanced braces in WGSL");
}
