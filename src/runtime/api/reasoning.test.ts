import { describe, expect, test } from "vitest";
import type { ChatTemplate } from "../text/types.ts";
import { createApi } from "./createApi.ts";
import { ReasoningSplitter } from "./reasoningSplitter.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate, fakeTokenizer } from "./testing/fakeTokenizer.ts";
import { events, post } from "./testing/http.ts";

const url = "/v1/chat/completions";
const hi = [{ role: "user", content: "Hi" }];

/** A template of a model that reasons; `opening`: what it writes before the answer. */
function thinkingTemplate(opening = "", source = "</think>"): ChatTemplate {
  const text: ChatTemplate["text"] = (messages, options) => fakeTemplate.text(messages, options) + opening;
  return {
    source,
    text,
    tokens: (messages, options) => fakeTokenizer.encode(text(messages, options), { special: true }),
  };
}

function setUp(reply: string, chatTemplate = thinkingTemplate()) {
  const engine = new FakeEngine({ reply: () => reply });
  const api = createApi({ engine, chatTemplate });
  return {
    engine,
    ask: async (body: object = {}) => (await post(api, url, { messages: hi, ...body })).json(),
    stream: async (body: object = {}) =>
      events(await post(api, url, { messages: hi, stream: true, ...body })),
    prompt: () => fakeTokenizer.decode(engine.requests[0]!.promptTokens, { skipSpecial: false }),
  };
}

const thought = "<think>\nLet me see.\n\nYes.\n</think>\n\nHello <b>you</b>!";

describe("thinking is told from the answer", () => {
  test("whole, with its tokens counted", async () => {
    const { choices, usage } = await setUp(thought).ask();
    expect(choices[0].message).toEqual({
      role: "assistant",
      content: "Hello <b>you</b>!",
      refusal: null,
      reasoning_content: "Let me see.\n\nYes.",
      reasoning: "Let me see.\n\nYes.",
    });
    const expected = thought.indexOf("</think>") + "</think>".length;
    expect(usage.completion_tokens_details).toEqual({ reasoning_tokens: expected });
  });

  test("streamed, though each tag comes in eight tokens", async () => {
    const chunks = await setUp(thought).stream({ stream_options: { include_usage: true } });
    const deltas = chunks.flatMap((chunk) => chunk.choices ?? []).map(({ delta }) => delta);
    const join = (key: string) => deltas.map((delta) => delta[key] ?? "").join("");
    expect(join("reasoning_content")).toBe("Let me see.\n\nYes.");
    expect(join("reasoning")).toBe("Let me see.\n\nYes.");
    expect(join("content")).toBe("Hello <b>you</b>!");
    expect(deltas.filter(({ reasoning_content }) => reasoning_content).length).toBeGreaterThan(5);
    const lastThought = deltas.findLastIndex(({ reasoning_content }) => reasoning_content);
    expect(deltas.findIndex(({ content }) => content)).toBeGreaterThan(lastThought);
    expect(chunks.at(-2).usage.completion_tokens_details.reasoning_tokens).toBeGreaterThan(20);
  });

  test.each([
    ["", "Hm.</think>Hi", ""],
    ["no reasoning", "Just <think> about it", "Just <think> about it"],
    ["an answer like a tag", "<thing>", "<thing>"],
    ["the start of a tag alone", "<thin", "<thin"],
  ])("%s without an opening tag all is answer", async (_, reply, content) => {
    const { choices, usage } = await setUp(reply).ask();
    expect(choices[0].message.content).toBe(content || reply);
    expect(choices[0].message).not.toHaveProperty("reasoning_content");
    expect(usage.completion_tokens_details.reasoning_tokens).toBe(0);
  });

  test("the template may have opened the tag", async () => {
    const { choices } = await setUp("Hm.\n</think>\n\nHi", thinkingTemplate("<think>\n")).ask();
    expect(choices[0].message).toMatchObject({ content: "Hi", reasoning_content: "Hm." });
  });

  test("thinking that is cut off leaves no answer", async () => {
    const { choices } = await setUp(thought).ask({ max_tokens: 14 });
    expect(choices[0]).toMatchObject({
      message: { content: "", reasoning_content: "Let me" },
      finish_reason: "length",
    });
  });

  test("a model without tags says what it says", async () => {
    const { choices } = await setUp(thought, fakeTemplate).ask({ reasoning_effort: "low" });
    expect(choices[0].message.content).toBe(thought);
  });

  test("include_reasoning and separate_reasoning", async () => {
    const hidden = await setUp(thought).ask({ include_reasoning: false });
    expect(hidden.choices[0].message).toEqual({
      role: "assistant",
      content: "Hello <b>you</b>!",
      refusal: null,
    });
    const mixed = await setUp(thought).ask({ separate_reasoning: false });
    expect(mixed.choices[0].message.content).toBe(thought);
    expect(mixed.usage.completion_tokens_details.reasoning_tokens).toBeGreaterThan(20);
  });

  test("log-probabilities are those of the answer's tokens", async () => {
    const { choices } = await setUp("<think>\nHm.\n</think>\n\nHi!").ask({ logprobs: true });
    const text = choices[0].logprobs.content.map(({ token }: { token: string }) => token).join("");
    expect(text.trim()).toBe("Hi!");
  });
});

describe("reasoning_effort", () => {
  test("a spent budget closes the tag, and the answer goes on", async () => {
    const { choices, usage } = await setUp(`<think>${"a".repeat(400)}`).ask({
      thinking_token_budget: 30,
      max_tokens: 100,
    });
    expect(choices[0].message.reasoning_content).toBe("a".repeat(30));
    expect(choices[0].message.content).toBe("a".repeat(100 - 7 - 30 - 11));
    expect(usage.completion_tokens_details.reasoning_tokens).toBeLessThan(50);
  });

  test.each([
    ["minimal", 128],
    ["low", 512],
  ])("%s is %d tokens", async (effort, budget) => {
    const { ask } = setUp("b".repeat(900), thinkingTemplate("<think>"));
    const { choices } = await ask({ reasoning_effort: effort });
    expect(choices[0].message.reasoning_content).toBe("b".repeat(budget));
  });

  test("a thought within its budget is left alone, and high sets none", async () => {
    for (const body of [{ reasoning_effort: "minimal" }, { reasoning_effort: "high" }]) {
      const { ask, engine } = setUp(thought);
      expect((await ask(body)).choices[0].message.content).toBe("Hello <b>you</b>!");
      expect(engine.requests[0]!.constraint === undefined).toBe(body.reasoning_effort === "high");
    }
  });

  test("none: enable_thinking where the template knows it", async () => {
    const { ask, prompt } = setUp("Hi", thinkingTemplate("", "{% if enable_thinking %}</think>"));
    await ask({ reasoning_effort: "none", chat_template_kwargs: { other: 1 } });
    expect(prompt().startsWith('{"other":1,"enable_thinking":false}')).toBe(true);
  });

  test("none: an empty block where it does not", async () => {
    const plain = setUp("Hi");
    await plain.ask({ reasoning_effort: "none" });
    expect(plain.prompt().endsWith("assistant: <think>\n\n</think>\n\n")).toBe(true);
    const opened = setUp("Hi", thinkingTemplate("<think>\n"));
    const { choices } = await opened.ask({ reasoning_effort: "none" });
    expect(opened.prompt().endsWith("assistant: <think>\n\n</think>\n\n")).toBe(true);
    expect(choices[0].message.content).toBe("Hi");
    const closed = setUp("Hi", thinkingTemplate("<think>\n\n</think>\n\n"));
    await closed.ask({ thinking_token_budget: 0 });
    expect(closed.prompt().endsWith("assistant: <think>\n\n</think>\n\n")).toBe(true);
  });

  test.each([
    [{ reasoning_effort: "extreme" }, "reasoning_effort"],
    [{ thinking_token_budget: -1 }, "thinking_token_budget"],
    [{ reasoning_effort: "low", thinking_token_budget: 4 }, "thinking_token_budget"],
    [{ include_reasoning: 1 }, "include_reasoning"],
  ])("%j is refused", async (body, param) => {
    expect((await setUp("x").ask(body)).error.param).toBe(param);
  });
});

describe("structured output applies to the answer", () => {
  const guided_json = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
  const json = '{"a":17}';
  test.each([
    ["after thinking", `<think>\n{"b": </thin\n</think>\n\n${json}`, "", '{"b": </thin'],
    ["right after the tag", `<think>x</think>${json}`, "", "x"],
    ["without thinking", json, "", undefined],
    ["where the prompt opens the tag", `so\n</think>\n${json}`, "<think>\n", "so"],
  ])("%s", async (_, reply, opening, reasoning) => {
    const { choices } = await setUp(reply, thinkingTemplate(opening)).ask({ guided_json });
    expect(choices[0].message.content).toBe(json);
    expect(choices[0].message.reasoning_content).toBe(reasoning);
    expect(choices[0].finish_reason).toBe("stop");
  });

  test("a thought that would end the text, or an answer that is something else, gets no further", async () => {
    const ended = await setUp("<think>hm<|end|>").ask({ guided_json, max_tokens: 40 });
    expect(ended.choices[0].finish_reason).toBe("length");
    const other = await setUp("<think>hm</think>Sure!").ask({ guided_json, max_tokens: 60 });
    expect(other.choices[0].message.content).toMatch(/^\{/);
    const tag = await setUp("<thanks>").ask({ guided_choice: ["<thanks>", "no"] });
    expect(tag.choices[0].message.content).toBe("<thanks>");
  });

  test("with a budget", async () => {
    const reply = `<think>${"x".repeat(20)}0123456789a${json}`;
    const { choices } = await setUp(reply).ask({ guided_json, thinking_token_budget: 20 });
    expect(choices[0].message).toMatchObject({ content: json, reasoning_content: "x".repeat(20) });
  });
});

test("however a text is cut into tokens, the same comes out", () => {
  const text = " <think> \n a </think b</thi\n</think>\n\n\nx </think> y";
  for (let seed = 1; seed < 200; seed++) {
    const splitter = new ReasoningSplitter(false);
    const out = { reasoning: "", content: "" };
    for (let at = 0; at < text.length; ) {
      const length = 1 + ((seed * 7919 + at * 104729) % 13);
      const split = splitter.push(text.slice(at, at + length));
      out.reasoning += split.reasoning;
      out.content += split.content;
      at += length;
    }
    const last = splitter.finish("");
    expect([out.reasoning + last.reasoning, out.content + last.content]).toEqual([
      "a </think b</thi",
      "\nx </think> y",
    ]);
  }
});
