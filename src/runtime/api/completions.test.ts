import { describe, expect, test } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine, type FakeEngineOptions } from "./testing/fakeEngine.ts";
import { bosToken, fakeTemplate } from "./testing/fakeTokenizer.ts";
import { events, post } from "./testing/http.ts";

const url = "/v1/completions";

function setUp(options: FakeEngineOptions = {}) {
  const engine = new FakeEngine(options);
  return { engine, api: createApi({ engine, chatTemplate: fakeTemplate }) };
}

test("a whole answer has OpenAI's shape", async () => {
  const { engine, api } = setUp({ reply: () => "a fairly long answer" });
  const body = await (await post(api, url, { model: "fake/model-1", prompt: "Once" })).json();
  expect(body).toEqual({
    id: expect.stringMatching(/^cmpl-[0-9a-f]{32}$/),
    object: "text_completion",
    created: expect.any(Number),
    model: "fake/model-1",
    system_fingerprint: "fp_omnitab",
    choices: [
      { index: 0, text: "a fairly long an", logprobs: null, finish_reason: "length", stop_reason: null },
    ],
    usage: {
      prompt_tokens: 4,
      completion_tokens: 16,
      total_tokens: 20,
      prompt_tokens_details: { cached_tokens: 2 },
    },
    timings: expect.objectContaining({ prompt_n: 2, predicted_n: 16 }),
  });
  expect(engine.requests[0]!.promptTokens).toEqual([79, 110, 99, 101]);
});

describe("prompts", () => {
  test("special tokens in a string are special", async () => {
    const { engine, api } = setUp();
    await post(api, url, { prompt: "<|start|>A" });
    expect(engine.requests[0]!.promptTokens).toEqual([256, 65]);
  });

  test("an empty string starts a new document", async () => {
    const { engine, api } = setUp();
    await post(api, url, { prompt: "" });
    expect(engine.requests[0]!.promptTokens).toEqual([bosToken]);
  });

  test("tokens, strings and arrays of either; choices are numbered through, prompts count once each", async () => {
    const { engine, api } = setUp({ reply: (index) => `${index}` });
    const tokens = await (await post(api, url, { prompt: [65, 66, 67] })).json();
    expect(tokens.choices).toHaveLength(1);
    const many = await (await post(api, url, { prompt: ["AB", [67, 68, 69]], n: 2 })).json();
    expect(many.choices.map(({ index, text }: { index: number; text: string }) => [index, text])).toEqual([
      [0, "1"],
      [1, "2"],
      [2, "3"],
      [3, "4"],
    ]);
    const prompts = engine.requests.map(({ promptTokens }) => promptTokens);
    expect(prompts).toEqual([
      [65, 66, 67],
      [65, 66],
      [65, 66],
      [67, 68, 69],
      [67, 68, 69],
    ]);
    expect(many.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 });
  });
});

describe("log-probabilities", () => {
  test("of the answer: offsets count characters, parts of characters are escaped", async () => {
    const { api } = setUp({ reply: () => "😀b" });
    const body = await (await post(api, url, { prompt: "x", logprobs: 1 })).json();
    expect(body.choices[0].text).toBe("😀b");
    expect(body.choices[0].logprobs).toEqual({
      tokens: ["bytes:\\xf0", "bytes:\\x9f", "bytes:\\x98", "bytes:\\x80", "b"],
      token_logprobs: [-0.5, -0.5, -0.5, -0.5, -0.5],
      top_logprobs: [
        { "bytes:\\xf0": -0.5 },
        { "bytes:\\x9f": -0.5 },
        { "bytes:\\x98": -0.5 },
        { "bytes:\\x80": -0.5 },
        { b: -0.5 },
      ],
      text_offset: [0, 0, 0, 0, 1],
    });
  });

  test("logprobs 0 names the chosen token alone; 64 is the most", async () => {
    const { api } = setUp({ reply: () => "A" });
    const none = await (await post(api, url, { prompt: "x", logprobs: 0 })).json();
    expect(none.choices[0].logprobs.top_logprobs).toEqual([{ A: -0.5 }]);
    const most = await (await post(api, url, { prompt: "x", logprobs: 64 })).json();
    expect(Object.keys(most.choices[0].logprobs.top_logprobs[0])).toHaveLength(64);
    expect((await post(api, url, { prompt: "x", logprobs: 65 })).status).toBe(400);
  });

  test("echo without tokens to generate scores the prompt", async () => {
    const { engine, api } = setUp();
    const fields = { prompt: [79, 107, 257], echo: true, max_tokens: 0, logprobs: 2 };
    const body = await (await post(api, url, fields)).json();
    expect(engine.requests[0]).toMatchObject({ maxTokens: 0, promptLogprobs: true, topLogprobs: 2 });
    expect(body.choices).toEqual([
      {
        index: 0,
        text: "Ok",
        logprobs: {
          tokens: ["O", "k", "<|end|>"],
          token_logprobs: [null, -0.5, -0.5],
          top_logprobs: [null, { k: -0.5, l: -1 }, { "\u0001": -0.5, "\u0002": -1, "<|end|>": -0.5 }],
          text_offset: [0, 1, 2],
        },
        finish_reason: "length",
        stop_reason: null,
      },
    ]);
    expect(body.usage.completion_tokens).toBe(0);
  });

  test("echo with an answer: one text, one list", async () => {
    const { api } = setUp({ reply: () => "cd" });
    const fields = { prompt: "ab", echo: true, logprobs: 0, return_tokens_as_token_ids: true };
    const [choice] = (await (await post(api, url, fields)).json()).choices;
    expect(choice.text).toBe("abcd");
    expect(choice.logprobs).toEqual({
      tokens: ["token_id:97", "token_id:98", "token_id:99", "token_id:100"],
      token_logprobs: [null, -0.5, -0.5, -0.5],
      top_logprobs: [null, { "token_id:98": -0.5 }, { "token_id:99": -0.5 }, { "token_id:100": -0.5 }],
      text_offset: [0, 1, 2, 3],
    });
  });

  test("echo alone repeats the prompt as it was written", async () => {
    const { engine, api } = setUp({ reply: () => "!" });
    const body = await (await post(api, url, { prompt: ["<|start|>é", "B"], echo: true })).json();
    expect(body.choices.map(({ text }: { text: string }) => text)).toEqual(["<|start|>é!", "B!"]);
    expect(engine.requests[0]).toMatchObject({ promptLogprobs: false, topLogprobs: undefined });
  });
});

test("best_of generates more and keeps those with the best mean log-probability", async () => {
  const { engine, api } = setUp({ reply: (index) => "abc".slice(index) });
  // The fake's tokens are equally probable; a penalized one makes the difference.
  const generate = engine.generate.bind(engine);
  engine.generate = async function* (request) {
    for await (const event of generate(request))
      yield event.type === "token" && event.token === 97
        ? { ...event, logprob: { token: 97, logprob: -9, top: [] } }
        : event;
  };
  const body = await (await post(api, url, { prompt: "x", n: 1, best_of: 3 })).json();
  expect(body.choices).toEqual([expect.objectContaining({ index: 0, text: "bc", logprobs: null })]);
  expect(body.usage.completion_tokens).toBe(6);
});

describe("streams", () => {
  test("are chunks in OpenAI's shape, then [DONE]", async () => {
    const { api } = setUp({ reply: () => "ab" });
    const all = await events(await post(api, url, { prompt: "x", stream: true }));
    expect(all.pop()).toBe("[DONE]");
    const base = {
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      created: expect.any(Number),
      model: "fake/model-1",
      system_fingerprint: "fp_omnitab",
    };
    expect(all).toEqual([
      { ...base, choices: [{ index: 0, text: "a", logprobs: null, finish_reason: null }] },
      { ...base, choices: [{ index: 0, text: "b", logprobs: null, finish_reason: null }] },
      {
        ...base,
        choices: [{ index: 0, text: "", logprobs: null, finish_reason: "stop", stop_reason: null }],
        timings: expect.objectContaining({ predicted_n: 2 }),
      },
    ]);
  });

  test("with echo, log-probabilities and usage", async () => {
    const { api } = setUp({ reply: () => "b" });
    const fields = {
      prompt: "a",
      stream: true,
      echo: true,
      logprobs: 0,
      stream_options: { include_usage: true },
    };
    const all = await events(await post(api, url, fields));
    expect(all.slice(0, 2).map(({ choices: [{ text, logprobs }] }) => [text, logprobs])).toEqual([
      ["a", { tokens: ["a"], token_logprobs: [null], top_logprobs: [null], text_offset: [0] }],
      ["b", { tokens: ["b"], token_logprobs: [-0.5], top_logprobs: [{ b: -0.5 }], text_offset: [1] }],
    ]);
    expect(all[0].usage).toBeNull();
    expect(all.at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } });
  });
});
