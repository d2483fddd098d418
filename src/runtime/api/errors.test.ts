import { describe, expect, test } from "vitest";
import { OmniError } from "../errors.ts";
import { createApi } from "./createApi.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { get, post } from "./testing/http.ts";

const engine = new FakeEngine({ contextLength: 50 });
const api = createApi({ engine, chatTemplate: fakeTemplate });
const user = { role: "user", content: "Hi" };
const chat = "/v1/chat/completions";
const raw = "/v1/completions";

/** Path, body, the field named, OpenAI's code. */
const wrong: [string, Record<string, unknown>, string, string | null][] = [
  [chat, {}, "messages", "missing_required_parameter"],
  [chat, { messages: "Hi" }, "messages", "invalid_type"],
  [chat, { messages: [] }, "messages", "empty_array"],
  [chat, { messages: [user, "x"] }, "messages[1]", "invalid_type"],
  [chat, { messages: [user, { content: "x" }] }, "messages[1].role", "missing_required_parameter"],
  [chat, { messages: [user, { role: "king", content: "x" }] }, "messages[1].role", "invalid_value"],
  [chat, { messages: [{ role: "user" }] }, "messages[0].content", "missing_required_parameter"],
  [chat, { messages: [{ role: "user", content: null }] }, "messages[0].content", "invalid_type"],
  [chat, { messages: [{ role: "user", content: 5 }] }, "messages[0].content", "invalid_type"],
  [
    chat,
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "x" },
            { type: "image_url", image_url: { url: "data:," } },
          ],
        },
      ],
    },
    "messages[0].content[1].type",
    "unsupported_value",
  ],
  [
    chat,
    { messages: [{ role: "user", content: [{ type: "text", text: "x" }, { type: "image_url" }] }] },
    "messages[0].content[1].image_url",
    "missing_required_parameter",
  ],
  [
    chat,
    { messages: [{ role: "user", content: [{ type: "text" }] }] },
    "messages[0].content[0].text",
    "missing_required_parameter",
  ],
  [
    chat,
    { messages: [user, { role: "assistant", tool_calls: [{ function: { name: 1 } }] }] },
    "messages[1].tool_calls[0].function.name",
    "invalid_type",
  ],
  [
    chat,
    { messages: [user], tools: [{ type: "function" }] },
    "tools[0].function",
    "missing_required_parameter",
  ],
  [chat, { messages: [user], tool_choice: "required" }, "tool_choice", "unsupported_value"],
  [chat, { messages: [user], tool_choice: { type: "function" } }, "tool_choice", "unsupported_value"],
  [chat, { messages: [user], tool_choice: "maybe" }, "tool_choice", "invalid_value"],
  [chat, { messages: [user], tool_choice: 1 }, "tool_choice", "invalid_type"],
  [chat, { messages: [user], response_format: { type: "xml" } }, "response_format.type", "invalid_value"],
  [chat, { messages: [user], response_format: {} }, "response_format.type", "missing_required_parameter"],
  [chat, { messages: [user], model: 7 }, "model", "invalid_type"],
  [chat, { messages: [user], temperature: "hot" }, "temperature", "invalid_type"],
  [chat, { messages: [user], temperature: 2.5 }, "temperature", "decimal_above_max_value"],
  [chat, { messages: [user], temperature: -1 }, "temperature", "decimal_below_min_value"],
  [chat, { messages: [user], top_p: 1.01 }, "top_p", "decimal_above_max_value"],
  [chat, { messages: [user], top_k: 1.5 }, "top_k", "invalid_type"],
  [chat, { messages: [user], top_k: -2 }, "top_k", "integer_below_min_value"],
  [chat, { messages: [user], min_p: -0.1 }, "min_p", "decimal_below_min_value"],
  [chat, { messages: [user], repetition_penalty: 0 }, "repetition_penalty", "decimal_below_min_value"],
  [chat, { messages: [user], frequency_penalty: 3 }, "frequency_penalty", "decimal_above_max_value"],
  [chat, { messages: [user], presence_penalty: -3 }, "presence_penalty", "decimal_below_min_value"],
  [chat, { messages: [user], seed: 0.5 }, "seed", "invalid_type"],
  [chat, { messages: [user], max_tokens: 0 }, "max_tokens", "integer_below_min_value"],
  [chat, { messages: [user], max_completion_tokens: "9" }, "max_completion_tokens", "invalid_type"],
  [chat, { messages: [user], n: 129 }, "n", "integer_above_max_value"],
  [chat, { messages: [user], stream: "yes" }, "stream", "invalid_type"],
  [chat, { messages: [user], stream_options: {} }, "stream_options", null],
  [chat, { messages: [user], stop: ["a", 1] }, "stop[1]", "invalid_type"],
  [chat, { messages: [user], stop: [""] }, "stop[0]", "empty_string"],
  [chat, { messages: [user], stop: Array(17).fill("a") }, "stop", "array_above_max_length"],
  [chat, { messages: [user], stop_token_ids: [259] }, "stop_token_ids[0]", "integer_above_max_value"],
  [chat, { messages: [user], logit_bias: { "259": 1 } }, "logit_bias", "invalid_value"],
  [chat, { messages: [user], logit_bias: { a: 1 } }, "logit_bias", "invalid_value"],
  [chat, { messages: [user], logit_bias: { "5": 101 } }, "logit_bias.5", "decimal_above_max_value"],
  [chat, { messages: [user], logprobs: 5 }, "logprobs", "invalid_type"],
  [chat, { messages: [user], top_logprobs: 5 }, "top_logprobs", null],
  [chat, { messages: [user], logprobs: true, top_logprobs: 65 }, "top_logprobs", "integer_above_max_value"],
  [chat, { messages: [user], chat_template_kwargs: [] }, "chat_template_kwargs", "invalid_type"],
  [chat, { messages: [{ role: "user", content: "x".repeat(40) }] }, "messages", "context_length_exceeded"],
  [chat, { messages: [user], truncation: "middle" }, "truncation", "invalid_value"],
  [chat, { messages: [user], truncate_prompt_tokens: 0 }, "truncate_prompt_tokens", "invalid_value"],
  [chat, { messages: [user], n_keep: 49 }, "n_keep", "integer_above_max_value"],
  [chat, { messages: [user], context_shift: 1 }, "context_shift", "invalid_type"],
  [raw, {}, "prompt", "missing_required_parameter"],
  [raw, { prompt: 5 }, "prompt", "invalid_type"],
  [raw, { prompt: [] }, "prompt", "empty_array"],
  [raw, { prompt: [1, 259] }, "prompt[1]", "integer_above_max_value"],
  [raw, { prompt: [1, "a"] }, "prompt[1]", "invalid_type"],
  [raw, { prompt: [[1], [-1]] }, "prompt[1][0]", "integer_below_min_value"],
  [raw, { prompt: [[]] }, "prompt[0]", "empty_array"],
  [raw, { prompt: ["a", 5] }, "prompt[1]", "invalid_type"],
  [raw, { prompt: "a".repeat(50) }, "prompt", "context_length_exceeded"],
  [raw, { prompt: "a".repeat(51), max_tokens: 0 }, "prompt", "context_length_exceeded"],
  [raw, { prompt: "a", suffix: "b" }, "suffix", "unsupported_value"],
  [raw, { prompt: "a", n: 3, best_of: 2 }, "best_of", null],
  [raw, { prompt: "a", n: 1, best_of: 2, stream: true }, "best_of", "unsupported_value"],
  [raw, { prompt: "a", logprobs: true }, "logprobs", "invalid_type"],
  ["/tokenize", {}, "prompt", "missing_required_parameter"],
  ["/detokenize", { tokens: [0, 999] }, "tokens[1]", "integer_above_max_value"],
];

describe("wrong fields", () => {
  test.each(wrong)("%s %j names %s", async (path, body, param, code) => {
    const response = await post(api, path, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.stringMatching(/.{12}/), type: "invalid_request_error", param, code },
    });
  });

  test("none of them reaches the engine", () => expect(engine.requests).toHaveLength(0));

  test("the context error says how long context and prompt are", async () => {
    const { error } = await (await post(api, raw, { prompt: "a".repeat(60) })).json();
    expect(error.message).toBe(
      "This model's maximum context length is 50 tokens. However, your prompt resulted in 60 tokens. " +
        "Please reduce the length of the prompt.",
    );
  });

  test("long values are not repeated in full", async () => {
    const role = "x".repeat(100_000);
    const { error } = await (await post(api, chat, { messages: [{ role, content: "" }] })).json();
    expect(error.message.length).toBeLessThan(300);
  });
});

describe("wrong requests", () => {
  test.each(["", "{", '"text"', "[]", "null"])("a body of %j is a 400", async (body) => {
    const response = await post(api, chat, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining("JSON"), type: "invalid_request_error", param: null },
    });
  });

  test("an unknown model is a 404", async () => {
    const expected = {
      error: {
        message: expect.stringContaining("'gpt-9'"),
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    };
    for (const [path, body] of [
      [chat, { messages: [user] }],
      [raw, { prompt: "x" }],
      ["/tokenize", { prompt: "x" }],
      ["/detokenize", { tokens: [] }],
    ] as const) {
      const response = await post(api, path, { model: "gpt-9", ...body });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual(expected);
    }
    const response = await get(api, "/v1/models/gpt-9");
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual(expected);
  });

  test("an empty model name means the one that is loaded", async () => {
    expect((await post(api, raw, { model: "", prompt: "x" })).status).toBe(200);
  });

  test.each(["/v1/engines", "/", "/v1", "/v1/constructor", "/v1/chat/completions/x"])(
    "%s is a 404",
    async (path) => {
      const response = await get(api, path);
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({
        error: {
          message: `Invalid URL (GET ${path})`,
          type: "invalid_request_error",
          param: null,
          code: "unknown_url",
        },
      });
    },
  );

  test("a wrong method is a 405 that says the right one", async () => {
    const got = await get(api, chat);
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    for (const path of ["/v1/models", "/v1/models/fake/model-1", "/health"]) {
      const posted = await post(api, path, {});
      expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
    }
  });
});

test("a lost device is a 503, also for /health", async () => {
  let lose = (_reason: string) => {};
  const lost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  const error = new OmniError("device_lost", "The GPU device was lost: unplugged.");
  const broken = createApi({
    engine: new FakeEngine({ failure: { at: 0, error } }),
    chatTemplate: fakeTemplate,
    lost,
  });
  expect((await get(broken, "/health")).status).toBe(200);
  const response = await post(broken, raw, { prompt: "x" });
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    error: { message: error.message, type: "server_error", param: null, code: "device_lost" },
  });
  lose("unplugged");
  await lost;
  expect((await get(broken, "/health")).status).toBe(503);
});
