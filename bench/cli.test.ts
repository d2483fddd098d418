import { describe, expect, it } from "vitest";
import { bytesOf, countOf, listOf, median } from "./cli.ts";

describe("options", () => {
  it("lists names, all of them where asked", () => {
    expect(listOf("--types", "b, a", ["a", "b"])).toEqual(["b", "a"]);
    expect(listOf("--types", "all", ["a", "b"])).toEqual(["a", "b"]);
    expect(() => listOf("--types", "a,c", ["a", "b"])).toThrow("--types: there is no c; known are a, b");
  });

  it("refuses what is no count", () => {
    expect(countOf("--runs", "3")).toBe(3);
    expect(countOf("--cached", "0", 0)).toBe(0);
    for (const value of ["0", "-1", "1.5", "x", "", "1e999"])
      expect(() => countOf("--runs", value), value).toThrow("--runs");
  });
});

it("takes the middle of an odd number of runs, and the mean of the two middle ones of an even number", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
});

it("writes bytes with one digit behind the point", () => {
  expect([999, 1000, 1_250_000, 512e9].map(bytesOf)).toEqual(["999 B", "1.0 KB", "1.3 MB", "512.0 GB"]);
});
