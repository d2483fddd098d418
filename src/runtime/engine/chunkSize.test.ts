import { expect, test } from "vitest";
import { ChunkSize } from "./chunkSize.ts";

test("grows on a fast GPU, up to what a step holds", () => {
  const chunk = new ChunkSize(256);
  expect(chunk.next).toBe(64);
  chunk.observe(64, 32);
  expect(chunk.next).toBe(192);
  chunk.observe(192, 48);
  expect(chunk.next).toBe(256);
});
test("shrinks on a slow one, at once, but not below 16", () => {
  const chunk = new ChunkSize(256);
  chunk.observe(64, 200);
  expect(chunk.next).toBe(32);
  chunk.observe(32, 10_000);
  expect(chunk.next).toBe(16);
  chunk.observe(16, 0.001);
  expect(chunk.next).toBe(16);
});
test("a last step of few tokens says nothing", () => {
  const chunk = new ChunkSize(256);
  chunk.observe(3, 500);
  expect(chunk.next).toBe(64);
});
test("a runner of small steps", () => {
  const chunk = new ChunkSize(7);
  expect(chunk.next).toBe(7);
  chunk.observe(7, 1);
  expect(chunk.next).toBe(7);
});
