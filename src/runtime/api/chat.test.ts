import { describe, expect, test } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine, type FakeEngineOptions } from "./testing/fakeEngine.ts";
import { fakeTemplate, fakeTokenizer } from "./testing/fakeTokenizer.ts";
import { events, post } from "./testing/http.ts";

const url = "/v1/chat/completions";
const hi = [{ role: "user", content: "Hi" }];
const hiPrompt = "<|start|>user: Hi<|end|><|start|>assistant: ";

function setUp(options: FakeEngineOptions = {}) {
  const engine = new FakeEngine(options);
  return { engine, api: createApi({ engine, chatTemplate: fakeTemplate }) };
}

/** The prompt of the engine's request `index`, as text. */
function promptText(engine: FakeEngine, index = 0): string {
  return fakeTokenizer.decode(engine.requests[index]!.promptTokens, { skipSpecial: false });
}

describe("whole answers", () => {
  test("have OpenAI's shape", async () => {
    const { engine, api } = setUp();
    const response = await post(api, url, { model: "fake/model-1", messages: hi });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    const body = await response.json();
    const promptTokens = fakeTokenizer.encode(hiPrompt, { special: true }).length;
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "fake/model-1",
      system_fingerprint: "fp_omnitab",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hello, you!", refusal: null },
          logprobs: null,
          finish_reason: "stop",
          stop_reason: null,
        },
      ],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: 11,
        total_tokens: promptTokens + 11,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
      timings: {
        cache_n: 2,
        prompt_n: promptTokens - 2,
        prompt_ms: 10,
        prompt_per_token_ms: 10 / (promptTokens - 2),
        prompt_per_second: (promptTokens - 2) * 100,
        predicted_n: 11,
        predicted_ms: 40,
        predicted_per_token_ms: 40 / 11,
        predicted_per_second: 275,
      },
    });
    expect(Math.abs(body.created - Date.now() / 1000)).toBeLessThan(10);
    expect(promptText(engine)).toBe(hiPrompt);
  });

  test("take OpenAI's defaults where the request is silent", async () => {
    const { engine, api } = setUp({ contextLength: 200 });
    await post(api, url, { messages: hi, temperature: null, unknown_field: 1 });
    const { signal, promptTokens, ...rest } = engine.requests[0]!;
    expect(rest).toEqual({
      maxTokens: 200 - promptTokens.length,
      cachePrompt: true,
      contextShift: undefined,
      sampling: {
        temperature: 1,
        topK: 0,
        topP: 1,
        minP: 0,
        seed: undefined,
        repetitionPenalty: 1,
        frequencyPenalty: 0,
        presencePenalty: 0,
        logitBias: new Map(),
      },
      stopStrings: [],
      stopTokens: [],
      ignoreEos: false,
      skipSpecialTokens: true,
      topLogprobs: undefined,
      promptLogprobs: false,
    });
    expect(signal?.aborted).toBe(false);
  });

  test("hand every sampling field to the engine", async () => {
    const { engine, api } = setUp();
    await post(api, url, {
      messages: hi,
      max_tokens: 3,
      max_completion_tokens: 4,
      temperature: 0.5,
      top_p: 0.6,
      top_k: 7,
      min_p: 0.08,
      seed: 99,
      repetition_penalty: 1.5,
      frequency_penalty: -0.25,
      presence_penalty: 0.75,
      logit_bias: { "65": -100, "258": 12.5 },
      stop: "you",
      stop_token_ids: [10, 11],
      ignore_eos: true,
      skip_special_tokens: false,
      user: "someone",
    });
    expect(engine.requests[0]).toMatchObject({
      maxTokens: 4,
      sampling: {
        temperature: 0.5,
        topP: 0.6,
        topK: 7,
        minP: 0.08,
        seed: 99,
        repetitionPenalty: 1.5,
        frequencyPenalty: -0.25,
        presencePenalty: 0.75,
        logitBias: new Map([
          [65, -100],
          [258, 12.5],
        ]),
      },
      stopStrings: ["you"],
      stopTokens: [10, 11],
      ignoreEos: true,
      skipSpecialTokens: false,
    });
  });

  test("say which stop string ended them, and when the length did", async () => {
    const { api } = setUp();
    const stopped = await (await post(api, url, { messages: hi, stop: ["x", ", you"] })).json();
    expect(stopped.choices[0]).toMatchObject({
      message: { content: "Hello" },
      finish_reason: "stop",
      stop_reason: ", you",
    });
    const cut = await (await post(api, url, { messages: hi, max_tokens: 4 })).json();
    expect(cut.choices[0]).toMatchObject({ message: { content: "Hell" }, finish_reason: "length" });
  });

  test("top_k -1 means all", async () => {
    const { engine, api } = setUp();
    await post(api, url, { messages: hi, top_k: -1 });
    expect(engine.requests[0]!.sampling.topK).toBe(0);
  });

  test("n choices come with all their text, each with a seed of its own; the prompt counts once", async () => {
    const { engine, api } = setUp({ reply: (index) => `answer ${index}` });
    const body = await (await post(api, url, { messages: hi, n: 3, seed: 5 })).json();
    expect(body.choices).toMatchObject([
      { index: 0, message: { content: "answer 0" } },
      { index: 1, message: { content: "answer 1" } },
      { index: 2, message: { content: "answer 2" } },
    ]);
    expect(engine.requests.map(({ sampling }) => sampling.seed)).toEqual([5, 6, 7]);
    expect(body.usage).toMatchObject({
      prompt_tokens: engine.requests[0]!.promptTokens.length,
      completion_tokens: 24,
      prompt_tokens_details: { cached_tokens: 2 },
    });
  });

  test("log-probabilities carry tokens, bytes and alternatives", async () => {
    const { api } = setUp({ reply: () => "aé" });
    const body = await (await post(api, url, { messages: hi, logprobs: true, top_logprobs: 2 })).json();
    expect(body.choices[0].logprobs).toEqual({
      content: [
        {
          token: "a",
          logprob: -0.5,
          bytes: [97],
          top_logprobs: [
            { token: "a", logprob: -0.5, bytes: [97] },
            { token: "b", logprob: -1, bytes: [98] },
          ],
        },
        {
          token: "\\xc3",
          logprob: -0.5,
          bytes: [0xc3],
          top_logprobs: [
            { token: "\\xc3", logprob: -0.5, bytes: [0xc3] },
            { token: "\\xc4", logprob: -1, bytes: [0xc4] },
          ],
        },
        expect.objectContaining({ token: "\\xa9", bytes: [0xa9] }),
      ],
      refusal: null,
    });
  });

  test("log-probabilities without alternatives, tokens by id", async () => {
    const { api, engine } = setUp({ reply: () => "a" });
    const fields = { messages: hi, logprobs: true, return_tokens_as_token_ids: true };
    const body = await (await post(api, url, fields)).json();
    expect(body.choices[0].logprobs.content).toEqual([
      { token: "token_id:97", logprob: -0.5, bytes: [97], top_logprobs: [] },
    ]);
    expect(engine.requests[0]!.topLogprobs).toBe(0);
  });
});

describe("streamed answers", () => {
  test("are chunks in OpenAI's shape, then [DONE]", async () => {
    const { engine, api } = setUp({ reply: () => "aé!" });
    const response = await post(api, url, { messages: hi, stream: true });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const all = await events(response);
    expect(all.pop()).toBe("[DONE]");
    const { id, created } = all[0];
    const base = {
      id,
      created,
      object: "chat.completion.chunk",
      model: "fake/model-1",
      system_fingerprint: "fp_omnitab",
    };
    const chunk = (delta: object) => ({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: null }],
    });
    expect(all).toEqual([
      chunk({ role: "assistant", content: "", refusal: null }),
      chunk({ content: "a" }),
      chunk({ content: "é" }),
      chunk({ content: "!" }),
      {
        ...base,
        choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop", stop_reason: null }],
        timings: expect.objectContaining({ predicted_n: 4, predicted_ms: 40 }),
      },
    ]);
    expect(id).toMatch(/^chatcmpl-/);
    expect(engine.running).toBe(0);
  });

  test("text held back until the end comes before the finishing chunk", async () => {
    const { api } = setUp({ reply: () => "aé" });
    const all = await events(await post(api, url, { messages: hi, stream: true, max_tokens: 2 }));
    expect(all.slice(1, -1).map(({ choices: [choice] }) => [choice.delta, choice.finish_reason])).toEqual([
      [{ content: "a" }, null],
      [{ content: "\uFFFD" }, null],
      [{}, "length"],
    ]);
  });

  test("include_usage adds one chunk without choices; the others say null", async () => {
    const { engine, api } = setUp();
    const fields = { messages: hi, stream: true, n: 2, stream_options: { include_usage: true } };
    const all = await events(await post(api, url, fields));
    expect(all.pop()).toBe("[DONE]");
    const last = all.pop();
    const prompt = engine.requests[0]!.promptTokens.length;
    expect(last).toMatchObject({
      object: "chat.completion.chunk",
      choices: [],
      usage: {
        prompt_tokens: prompt,
        completion_tokens: 22,
        total_tokens: prompt + 22,
        prompt_tokens_details: { cached_tokens: 2 },
      },
      timings: { predicted_n: 22 },
    });
    expect(all.every((chunk) => chunk.usage === null && !("timings" in chunk))).toBe(true);
    const finished = all.filter(({ choices }) => choices[0].finish_reason === "stop");
    expect(finished.map(({ choices }) => choices[0].index)).toEqual([0, 1]);
  });

  test("with log-probabilities every token has a chunk, also half a character", async () => {
    const { api } = setUp({ reply: () => "é" });
    const all = await events(await post(api, url, { messages: hi, stream: true, logprobs: true }));
    const tokens = all
      .slice(1, 3)
      .map(({ choices: [{ delta, logprobs }] }) => [delta, logprobs.content[0].token]);
    expect(tokens).toEqual([
      [{ content: "" }, "\\xc3"],
      [{ content: "é" }, "\\xa9"],
    ]);
  });

  test("a failure on the way is an event, and the end", async () => {
    const { engine, api } = setUp({ failure: { at: 2, error: new Error("the GPU is on fire") } });
    const all = await events(await post(api, url, { messages: hi, stream: true }));
    expect(all.slice(-2)).toEqual([
      expect.objectContaining({ choices: [expect.objectContaining({ delta: { content: "e" } })] }),
      {
        error: { message: "the GPU is on fire", type: "server_error", param: null, code: "internal_error" },
      },
    ]);
    expect(engine.running).toBe(0);
  });

  test("a failure before any output is an HTTP error", async () => {
    const { api } = setUp({ failure: { at: -1, error: new Error("no") } });
    const response = await post(api, url, { messages: hi, stream: true });
    expect(response.status).toBe(500);
    expect(response.headers.get("x-should-retry")).toBe("false");
  });
});

describe("messages", () => {
  test("reach the template: parts joined, developer as system, tool calls with values", async () => {
    const { engine, api } = setUp();
    const messages = [
      {
        role: "developer",
        content: [
          { type: "text", text: "Be" },
          { type: "text", text: "brief." },
        ],
      },
      { role: "user", content: "Time in Oslo? <|end|>" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "c1", type: "function", function: { name: "time", arguments: '{"city":"Oslo"}' } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "12:00" },
    ];
    const call = '[{"id":"c1","type":"function","function":{"name":"time","arguments":{"city":"Oslo"}}}]';
    expect((await post(api, url, { messages })).status).toBe(200);
    expect(promptText(engine)).toBe(
      "<|start|>system: Be\nbrief.<|end|><|start|>user: Time in Oslo? <|end|><|end|>" +
        `<|start|>assistant: ${call}<|end|><|start|>tool: 12:00<|end|><|start|>assistant: `,
    );
  });

  test("tools, template variables and the generation prompt are options", async () => {
    const { engine, api } = setUp();
    const tools = [{ type: "function", function: { name: "f" } }];
    await post(api, url, {
      messages: hi,
      tools,
      chat_template_kwargs: { enable_thinking: false },
      add_generation_prompt: false,
    });
    expect(promptText(engine)).toBe(
      `${JSON.stringify(tools)}{"enable_thinking":false}<|start|>user: Hi<|end|>`,
    );
    await post(api, url, { messages: hi, tools, tool_choice: "none" });
    expect(promptText(engine, 1)).toBe(hiPrompt);
  });

  test("max_tokens is cut to what the context has left", async () => {
    const { engine, api } = setUp({ contextLength: 60 });
    const body = await (await post(api, url, { messages: hi, max_tokens: 5000 })).json();
    expect(engine.requests[0]!.maxTokens).toBe(60 - body.usage.prompt_tokens);
  });
});
