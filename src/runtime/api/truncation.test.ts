import { expect, test } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate, fakeTokenizer } from "./testing/fakeTokenizer.ts";
import { post } from "./testing/http.ts";
import { truncateTokens } from "./truncation.ts";

function setUp() {
  const engine = new FakeEngine({ contextLength: 100 });
  const api = createApi({ engine, chatTemplate: fakeTemplate });
  const promptOf = async (path: string, body: object) => {
    const response = await post(api, path, body);
    expect([response.status, (await response.json()).error?.message]).toEqual([200, undefined]);
    const { promptTokens } = engine.requests.at(-1)!;
    return fakeTokenizer.decode(promptTokens, { skipSpecial: false });
  };
  return { engine, api, promptOf };
}
const chat = "/v1/chat/completions";
const raw = "/v1/completions";
const turn = (role: string, content: string) => ({ role, content });

test("truncation auto leaves out the oldest turns, never the system's nor the last", async () => {
  const { api, promptOf } = setUp();
  const messages = [
    turn("system", "Be brief."),
    ...[1, 2, 3, 4].flatMap((i) => [turn("user", `Question ${i}`), turn("assistant", `Answer ${i}`)]),
    turn("user", "Last?"),
  ];
  expect((await post(api, chat, { messages })).status).toBe(400);
  expect((await post(api, chat, { messages, truncation: "disabled" })).status).toBe(400);
  // 100 tokens less a quarter for the answer: system 19, two turns of 18 and 21, question 13, the answer's start 12.
  expect(await promptOf(chat, { messages, truncation: "auto" })).toBe(
    "<|start|>system: Be brief.<|end|><|start|>user: Last?<|end|><|start|>assistant: ",
  );
  expect(await promptOf(chat, { messages, truncation: "auto", max_tokens: 6 })).toBe(
    "<|start|>system: Be brief.<|end|><|start|>user: Question 4<|end|><|start|>assistant: Answer 4<|end|>" +
      "<|start|>user: Last?<|end|><|start|>assistant: ",
  );
  // A prompt that fits is left alone.
  expect(await promptOf(chat, { messages: messages.slice(0, 2), truncation: "auto" })).toContain(
    "Question 1",
  );
});

test("what cannot be left out is still too long", async () => {
  const { api } = setUp();
  const messages = [turn("user", "short"), turn("user", "x".repeat(120))];
  const response = await post(api, chat, { messages, truncation: "auto" });
  expect(response.status).toBe(400);
  expect((await response.json()).error).toMatchObject({ param: "messages", code: "context_length_exceeded" });
});

test("raw prompts keep their end: as much as fits, or as many tokens as are asked for", async () => {
  const { engine, promptOf } = setUp();
  const prompt = "a".repeat(200) + "b".repeat(60);
  expect(await promptOf(raw, { prompt, truncation: "auto", max_tokens: 20 })).toBe(
    "a".repeat(20) + "b".repeat(60),
  );
  expect(engine.requests.at(-1)!.maxTokens).toBe(20);
  expect(await promptOf(raw, { prompt, truncate_prompt_tokens: 61 })).toBe(`a${"b".repeat(60)}`);
  expect(await promptOf(raw, { prompt, truncate_prompt_tokens: -1 })).toHaveLength(84);
  expect(await promptOf(raw, { prompt: "abc", truncate_prompt_tokens: 61 })).toBe("abc");
  expect(await promptOf(chat, { messages: [turn("user", prompt)], truncate_prompt_tokens: 9 })).toBe(
    "sistant: ",
  );
});

test("a picture whose first tokens are cut off goes as a whole", () => {
  const picture = [0, 1, 2].map((row) => 2 ** 40 + row);
  const kept = (promptTokens: number) =>
    truncateTokens([7, ...picture, 8, 9], { auto: false, promptTokens, contextShift: undefined }, 100, 1);
  expect(kept(6)).toHaveLength(6);
  expect(kept(5)).toEqual([...picture, 8, 9]);
  for (const promptTokens of [4, 3, 2]) expect(kept(promptTokens)).toEqual([8, 9]);
  expect(kept(1)).toEqual([9]);
});

test("echo repeats what is left of the prompt", async () => {
  const { api } = setUp();
  const body = { prompt: "abcdef", truncate_prompt_tokens: 2, echo: true, max_tokens: 1 };
  expect((await (await post(api, raw, body)).json()).choices[0].text).toMatch(/^efH/);
});

test("a shifting context has no end, and keeps its first tokens", async () => {
  const { engine, api } = setUp();
  const last = () => engine.requests.at(-1)!;
  await post(api, chat, { messages: [turn("user", "Hi")] });
  expect(last()).toMatchObject({ maxTokens: 100 - last().promptTokens.length, contextShift: undefined });
  await post(api, chat, { messages: [turn("user", "Hi")], context_shift: true });
  expect(last()).toMatchObject({ maxTokens: undefined, contextShift: { keep: 4 }, cachePrompt: true });
  await post(api, chat, {
    ...{ messages: [turn("user", "Hi")], context_shift: true, n_keep: 20 },
    ...{ max_tokens: 5000, cache_prompt: false },
  });
  expect(last()).toMatchObject({ maxTokens: 5000, contextShift: { keep: 20 }, cachePrompt: false });
});
