import { expect, it } from "vitest";
import { unroll } from "./unroll.ts";

const compact = (source: string) => source.replace(/\s+/g, "");

it("writes out named counts, nested, and leaves other loops", () => {
  const source = `for (var i = 0u; i < rows; i++) {
    for (var j = 0u; j < n; j++) { a[i * 2u + j] = ij; if (i == 0u) { b(); } }
  }
  for (var g = lane; g < rows; g += 2u) {}
  for (var k = 0u; k < other; k++) {}`;
  expect(compact(unroll(source, { rows: 2, n: 1 }))).toBe(
    compact(`{ { a[0u * 2u + 0u] = ij; if (0u == 0u) { b(); } } }
      { { a[1u * 2u + 0u] = ij; if (1u == 0u) { b(); } } }
      for (var g = lane; g < rows; g += 2u) {}
      for (var k = 0u; k < other; k++) {}`),
  );
  expect(unroll(source, {})).toBe(source);
});
