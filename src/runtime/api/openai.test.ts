/** The official client over `createApi`. */

import { BadRequestError, InternalServerError, NotFoundError } from "openai";
import { expect, test, vi } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine, type FakeEngineOptions } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { openaiOver } from "./testing/openai.ts";

const model = "fake/model-1";
const messages = [{ role: "user" as const, content: "Hi" }];

function setUp(options: FakeEngineOptions = {}) {
  const engine = new FakeEngine(options);
  const api = createApi({ engine, chatTemplate: fakeTemplate });
  return { engine, client: openaiOver((input, init) => api(new Request(input, init))) };
}

test("lists and finds models", async () => {
  const { client } = setUp();
  const ids: string[] = [];
  for await (const { id } of client.models.list()) ids.push(id);
  expect(ids).toEqual([model]);
  expect((await client.models.retrieve(model)).owned_by).toBe("omnitab");
});

test("chats, whole", async () => {
  const { client } = setUp();
  const completion = await client.chat.completions.create({
    model,
    messages,
    logprobs: true,
    top_logprobs: 2,
  });
  const choice = completion.choices[0]!;
  expect(choice.message.content).toBe("Hello, you!");
  expect(choice.logprobs?.content?.[0]?.top_logprobs.map(({ token }) => token)).toEqual(["H", "I"]);
  expect(completion.usage?.total_tokens).toBe(
    completion.usage!.prompt_tokens + completion.usage!.completion_tokens,
  );
});

test("chats, streamed, with usage", async () => {
  const { client, engine } = setUp();
  const options = { include_usage: true };
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: options,
  });
  let text = "";
  let completionTokens: number | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
  }
  expect([text, completionTokens]).toEqual(["Hello, you!", 11]);
  expect(engine.running).toBe(0);
});

test("the client's own stream helper puts the message together", async () => {
  const { client } = setUp();
  const completion = await client.chat.completions.stream({ model, messages, n: 2 }).finalChatCompletion();
  expect(completion.choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
    ["Hello, you!", "stop"],
    ["Hello, you!", "stop"],
  ]);
});

test("completes, whole and streamed", async () => {
  const { client } = setUp();
  const whole = await client.completions.create({ model, prompt: [72, 105], echo: true, logprobs: 3 });
  expect(whole.choices[0]!.text).toBe("HiHello, you!");
  expect(whole.choices[0]!.logprobs?.text_offset?.slice(0, 3)).toEqual([0, 1, 2]);
  let text = "";
  for await (const chunk of await client.completions.create({ model, prompt: "Hi", stream: true }))
    text += chunk.choices[0]!.text;
  expect(text).toBe("Hello, you!");
});

test("errors are the client's classes, with param and code", async () => {
  const { client, engine } = setUp();
  const bad = await client.chat.completions
    .create({ model, messages, temperature: 7 })
    .catch((error) => error);
  expect(bad).toBeInstanceOf(BadRequestError);
  expect(bad).toMatchObject({ status: 400, param: "temperature", code: "decimal_above_max_value" });
  const missing = await client.chat.completions.create({ model: "gpt-9", messages }).catch((error) => error);
  expect(missing).toBeInstanceOf(NotFoundError);
  expect(missing).toMatchObject({ param: "model", code: "model_not_found" });
  expect(engine.requests).toHaveLength(0);
});

test("what fails inside is not tried again", async () => {
  const { client, engine } = setUp({ failure: { at: 0, error: new Error("oops") } });
  const error = await client.chat.completions.create({ model, messages }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(InternalServerError);
  expect(engine.requests).toHaveLength(1);
});

test("a failure in mid-stream is thrown to the reader, after what came before it", async () => {
  const { client } = setUp({ failure: { at: 3, error: new Error("oops") } });
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  let text = "";
  const reading = (async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  })();
  await expect(reading).rejects.toThrow("oops");
  expect(text).toBe("Hel");
});

const slow = { reply: () => "x".repeat(300), delayMs: 5 };

test("break cancels the engine's generator", async () => {
  const { client, engine } = setUp(slow);
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 4) break;
  const made = engine.produced;
  await vi.waitFor(() => expect(engine.running).toBe(0));
  expect(engine.produced - made).toBeLessThanOrEqual(1);
  expect(made).toBeLessThan(100);
});

test("controller.abort() ends the loop and the generator", async () => {
  const { client, engine } = setUp(slow);
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 4) stream.controller.abort();
  expect(seen).toBeLessThan(100);
  await vi.waitFor(() => expect(engine.running).toBe(0));
  expect(engine.produced).toBeLessThan(100);
});
