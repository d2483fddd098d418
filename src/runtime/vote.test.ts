import { expect, test } from "vitest";
import { createApi } from "./api/createApi.ts";
import { FakeEngine } from "./api/testing/fakeEngine.ts";
import { fakeTemplate } from "./api/testing/fakeTokenizer.ts";
import { selfConsistency, vote } from "./vote.ts";

test("the most frequent answer wins, the first of equals", () => {
  expect(vote(["4", "5", " 5\n", "4", "5"])).toEqual({
    winner: "5",
    agreement: 0.6,
    counts: [
      { answer: "5", votes: 3 },
      { answer: "4", votes: 2 },
    ],
  });
  expect(vote(["a", "b"]).winner).toBe("a");
  expect(vote([{ x: 1 }, { x: 2 }, { x: 2 }]).winner).toEqual({ x: 2 });
  expect(
    vote(["Yes.", "no", "YES"], { normalize: (text) => text.toLowerCase().replace(".", "") }).winner,
  ).toBe("Yes.");
  expect(() => vote([])).toThrow(RangeError);
});

function setUp(replies: string[]) {
  const engine = new FakeEngine({ reply: (index) => replies[index]! });
  const api = createApi({ engine, chatTemplate: fakeTemplate });
  const omni = {
    fetch: (path: string, init?: RequestInit) => api(new Request(`https://omni.local${path}`, init)),
  };
  return { engine, omni };
}

const messages = [{ role: "user", content: "6 × 7?" }];
const extract = (text: string) => /Answer: (\d+)/.exec(text)?.[1];

test("samples are drawn in one request and voted on", async () => {
  const replies = ["Answer: 42", "I think… Answer: 41", "no idea", "So: Answer: 42!"];
  const { engine, omni } = setUp(replies);
  const result = await selfConsistency(omni, { messages, seed: 3, stream: true }, { n: 4, extract });
  expect(result).toMatchObject({ winner: "42", agreement: 2 / 3, samples: replies });
  expect(engine.requests.map(({ sampling }) => sampling.seed)).toEqual([3, 4, 5, 6]);
});

test("failures are the request's own; no answer is one", async () => {
  const { omni } = setUp(["a", "b"]);
  await expect(selfConsistency(omni, { messages: [] })).rejects.toMatchObject({
    code: "invalid_request",
    param: "messages",
  });
  await expect(selfConsistency(omni, { messages }, { n: 2, extract })).rejects.toThrow("None of 2 samples");
});
