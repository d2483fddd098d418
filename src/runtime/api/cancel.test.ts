import { expect, test, vi } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { post } from "./testing/http.ts";

const fields = { messages: [{ role: "user", content: "Hi" }], stream: true };
const url = "/v1/chat/completions";

function setUp(delayMs = 5, length = 500) {
  const engine = new FakeEngine({ reply: () => "x".repeat(length), contextLength: 1_000_000, delayMs });
  return { engine, api: createApi({ engine, chatTemplate: fakeTemplate }) };
}

/** Waits until the engine is idle and gives how many tokens it made after this call. */
async function tokensUntilIdle(engine: FakeEngine): Promise<number> {
  const before = engine.produced;
  await vi.waitFor(() => expect(engine.running).toBe(0));
  return engine.produced - before;
}

test("cancelling the body stops the engine within a token", async () => {
  const { engine, api } = setUp();
  const reader = (await post(api, url, fields)).body!.getReader();
  await reader.read();
  await reader.read();
  expect(engine.running).toBe(1);
  await reader.cancel();
  expect(await tokensUntilIdle(engine)).toBeLessThanOrEqual(1);
  expect(engine.requests[0]!.signal?.aborted).toBe(true);
});

test("aborting the request stops the engine and fails the body with the signal's reason", async () => {
  const { engine, api } = setUp();
  const abort = new AbortController();
  const reader = (await post(api, url, fields, abort.signal)).body!.getReader();
  await reader.read();
  await reader.read();
  abort.abort();
  await expect(reader.read()).rejects.toMatchObject({ name: "AbortError" });
  expect(await tokensUntilIdle(engine)).toBeLessThanOrEqual(1);
});

test("aborting a request for a whole answer rejects as fetch does", async () => {
  const { engine, api } = setUp();
  const abort = new AbortController();
  const answer = post(api, url, { ...fields, stream: false }, abort.signal);
  await vi.waitFor(() => expect(engine.produced).toBeGreaterThan(1));
  abort.abort();
  await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  expect(await tokensUntilIdle(engine)).toBeLessThanOrEqual(1);
});

test("cancelling leaves out the choices that have not begun", async () => {
  const { engine, api } = setUp();
  const response = await post(api, url, { ...fields, n: 3 });
  await response.body!.cancel();
  await tokensUntilIdle(engine);
  expect(engine.requests).toHaveLength(1);
});

test("a reader that does not read lets the engine run ahead only so far", async () => {
  const { engine, api } = setUp();
  // Without the fake's pauses: this is about memory.
  engine.generate = async function* () {
    yield { type: "prompt", cachedTokens: 0, logprobs: undefined };
    for (;;) {
      engine.produced++;
      yield { type: "token", token: 120, text: "x".repeat(1000), logprob: undefined };
    }
  };
  const response = await post(api, url, fields);
  const settled = async () => {
    let last = -1;
    while (last !== engine.produced) {
      last = engine.produced;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return last;
  };
  const ahead = await settled();
  expect(ahead).toBeGreaterThan(100);
  expect(ahead).toBeLessThan(5000);
  const reader = response.body!.getReader();
  for (let i = 0; i < 50; i++) await reader.read();
  expect(await settled()).toBeLessThanOrEqual(ahead + 51);
  await reader.cancel();
});
