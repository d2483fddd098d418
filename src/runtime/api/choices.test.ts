import { expect, test, vi } from "vitest";
import { OmniError } from "../errors.ts";
import { createApi } from "./createApi.ts";
import { FakeEngine, type FakeEngineOptions } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { events, post } from "./testing/http.ts";

const chat = "/v1/chat/completions";
const fields = { messages: [{ role: "user", content: "Hi" }] };

function setUp(options: FakeEngineOptions) {
  const engine = new FakeEngine({ maxRunning: 3, ...options });
  return { engine, api: createApi({ engine, chatTemplate: fakeTemplate }) };
}

test("choices are computed together, as many as the engine takes", async () => {
  const { engine, api } = setUp({ reply: (index) => `answer ${index}`, delayMs: 1 });
  const most: number[] = [];
  const generate = engine.generate.bind(engine);
  engine.generate = (request) => {
    most.push(engine.running + 1);
    return generate(request);
  };
  const { choices, usage } = await (await post(api, chat, { ...fields, n: 5 })).json();
  expect(choices.map((c: { message: { content: string } }) => c.message.content)).toEqual(
    [0, 1, 2, 3, 4].map((i) => `answer ${i}`),
  );
  expect(Math.max(...most)).toBe(3);
  expect(usage).toMatchObject({ completion_tokens: 40, prompt_tokens_details: { cached_tokens: 2 } });
});

test("streamed choices interleave; the last chunk of all carries the timings", async () => {
  const { api } = setUp({ reply: (index) => "x".repeat(4 - index), delayMs: 2 });
  const all = await events(await post(api, chat, { ...fields, n: 3, stream: true }));
  const chunks = all.slice(0, -1);
  const order = chunks.map(({ choices }) => choices[0].index);
  expect(order.slice(0, 3)).toEqual([0, 1, 2]);
  expect(order.indexOf(2)).toBeLessThan(order.lastIndexOf(0));
  for (const index of [0, 1, 2]) {
    const own = chunks.filter(({ choices }) => choices[0].index === index);
    expect(own.map(({ choices }) => choices[0].delta.content ?? "").join("")).toBe("x".repeat(4 - index));
    expect(own.at(-1).choices[0].finish_reason).toBe("stop");
  }
  expect(chunks.filter(({ timings }) => timings)).toEqual([chunks.at(-1)]);
});

test("completions of several prompts keep their texts and log-probabilities apart", async () => {
  const { api } = setUp({ reply: (index) => "ab".repeat(index + 1), delayMs: 1 });
  const body = { prompt: ["one", "two", "three", "four"], logprobs: 0, echo: true };
  const { choices } = await (await post(api, "/v1/completions", body)).json();
  choices.forEach((choice: { text: string; logprobs: { tokens: string[] } }, i: number) => {
    const text = body.prompt[i]! + "ab".repeat(i + 1);
    expect([choice.text, choice.logprobs.tokens.join("")]).toEqual([text, text]);
  });
});

test("the failure of one choice ends the others", async () => {
  const { engine, api } = setUp({
    reply: () => "x".repeat(500),
    delayMs: 1,
    failure: { at: 3, error: new OmniError("out_of_memory", "No room.") },
  });
  const response = await post(api, chat, { ...fields, n: 3 });
  expect(response.status).toBe(507);
  await vi.waitFor(() => expect(engine.running).toBe(0));
  expect(engine.produced).toBeLessThan(20);
});

test("a full queue is a 429 that says to try again, streamed or not", async () => {
  const error = new OmniError("queue_full", "The engine is busy.", { detail: "rate_limit_exceeded" });
  for (const stream of [false, true]) {
    const { api } = setUp({ failure: { at: -1, error } });
    const response = await post(api, chat, { ...fields, stream });
    expect(response.status).toBe(429);
    expect([response.headers.get("retry-after"), response.headers.get("x-should-retry")]).toEqual([
      "1",
      "true",
    ]);
    expect(await response.json()).toEqual({
      error: {
        message: "The engine is busy.",
        type: "rate_limit_error",
        param: null,
        code: "rate_limit_exceeded",
      },
    });
  }
});
