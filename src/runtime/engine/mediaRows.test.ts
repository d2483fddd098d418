import { expect, test } from "vitest";
import type { Tensor } from "../gpu/tensor.ts";
import { inSameMedia, isMediaToken, MediaRows } from "./mediaRows.ts";

const rowsOf = (count: number): MediaRows => {
  const tensor: Tensor = {
    ...{ buffer: {} as GPUBuffer, offsetBytes: 256, sizeBytes: count * 32, dtype: "f32", shape: [count, 8] },
  };
  return new MediaRows(tensor);
};

/** Notes where each content was written. */
function recorder() {
  const calls: [offsetBytes: number, rows: number][] = [];
  return { calls, encode: ({ offsetBytes, shape }: Tensor) => void calls.push([offsetBytes, shape[0]!]) };
}

test("content has rows and tokens of its own, and is encoded once", async () => {
  const rows = rowsOf(10);
  const { calls, encode } = recorder();
  const [a, again, b] = await Promise.all([
    rows.open("a", 4, encode),
    rows.open("a", 4, encode),
    rows.open("b", 3, encode),
  ]);
  expect(calls).toEqual([
    [256, 4],
    [256 + 4 * 32, 3],
  ]);
  expect(again.tokens).toEqual(a.tokens);
  expect(a.tokens.map((token) => rows.rowOf(token))).toEqual([0, 1, 2, 3]);
  expect(b.tokens.map((token) => rows.rowOf(token))).toEqual([4, 5, 6]);
  expect([...a.tokens, ...b.tokens].every(isMediaToken)).toBe(true);
  expect(isMediaToken(2 ** 32 - 1)).toBe(false);
  expect(inSameMedia(a.tokens[0]!, a.tokens[3]!)).toBe(true);
  expect(inSameMedia(a.tokens[3]!, b.tokens[0]!)).toBe(false);
  expect(inSameMedia(5, 6)).toBe(false);
});

test("room is made of what nobody holds, the least recently opened first; tokens stay the same", async () => {
  const rows = rowsOf(10);
  const { calls, encode } = recorder();
  const spans = [];
  for (const key of ["a", "b", "c"]) spans.push(await rows.open(key, 3, encode));
  const [a, b, c] = spans;
  for (const span of spans) span.release();
  (await rows.open("a", 3, encode)).release();
  expect(calls).toHaveLength(3);
  const d = await rows.open("d", 3, encode);
  // In the place of b.
  expect(calls.at(-1)).toEqual([256 + 3 * 32, 3]);
  expect(rows.has(b!.tokens[0]!)).toBe(false);
  expect(() => rows.rowOf(b!.tokens[0]!)).toThrow("has no row");
  const e = await rows.open("b", 3, encode);
  expect(e.tokens).toEqual(b!.tokens);
  expect(calls.at(-1)).toEqual([256 + 6 * 32, 3]);
  expect(rows.has(c!.tokens[0]!)).toBe(false);
  // Released, but still there: not to be used by a prompt.
  expect(rows.has(a!.tokens[0]!)).toBe(false);
  await expect(rows.open("f", 4, encode)).rejects.toMatchObject({ code: "queue_full" });
  d.release();
  d.release();
  e.release();
  expect((await rows.open("f", 10, encode)).tokens).toHaveLength(10);
});

test("rows that see each other both ways are told by their tokens", async () => {
  const tensor: Tensor = {
    ...{ buffer: {} as GPUBuffer, offsetBytes: 0, sizeBytes: 20 * 32, dtype: "f32", shape: [20, 8] },
  };
  const media = new MediaRows(tensor, [], 4);
  const { encode } = recorder();
  const views = await media.open("views", 6, encode, { spanRows: 3 });
  const sound = await media.open("sound", 2, encode);
  const seen = (tokens: readonly number[]) =>
    tokens.map((token) => Object.values(media.seenBy(token)).join());
  expect(seen(views.tokens)).toEqual(["0,2", "1,1", "2,0", "0,2", "1,1", "2,0"]);
  expect(seen([5, ...sound.tokens])).toEqual(["0,0", "0,0", "0,0"]);
  const [first, second] = [views.tokens.slice(0, 3), views.tokens.slice(3)];
  for (const whole of [
    [1, ...first, 2, ...second],
    [...second, ...second, sound.tokens[1]!],
  ])
    expect(media.hasWholeSpans(whole)).toBe(true);
  for (const cut of [first.slice(1), first.slice(0, 2), [first[0]!, first[2]!], [...first.slice(0, 2), 7]])
    expect(media.hasWholeSpans([1, ...cut, 2])).toBe(false);
  await expect(media.open("wide", 5, encode, { spanRows: 5 })).rejects.toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining("4 are computed at once"),
  });
  await expect(media.open("odd", 5, encode, { spanRows: 3 })).rejects.toThrow("no spans of 3");
});

test("what is too large is refused, and what failed can be tried again", async () => {
  const rows = rowsOf(10);
  const { encode } = recorder();
  await expect(rows.open("a", 11, encode)).rejects.toMatchObject({ code: "invalid_request" });
  const failing = () => Promise.reject(new Error("no such picture"));
  await expect(rows.open("a", 6, failing)).rejects.toThrow("no such picture");
  const a = await rows.open("a", 6, encode);
  await expect(rows.open("a", 5, encode)).rejects.toThrow("6 rows");
  await expect(rows.open("b", 4, encode, { grid: [1, 2, 3] })).rejects.toThrow("1 x 2 x 3");
  for (const ticks of [[0], [3, 2], [0.5, 1], [-1, 0]])
    await expect(rows.open("b", 4, encode, { grid: [2, 2, 1], ticks })).rejects.toThrow("2 times");
  const layout = { ticks: [0, 0, 1, 7] };
  expect(rows.layoutOf((await rows.open("b", 4, encode, layout)).tokens[3]!)).toBe(layout);
  expect(() => rows.rowOf(a.tokens[5]! + 1)).toThrow("has no row");
  expect(rows.has(a.tokens[5]! + 1)).toBe(false);
});
