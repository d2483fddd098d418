import { expect, test } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate, fakeTokenizer } from "./testing/fakeTokenizer.ts";
import { get, post } from "./testing/http.ts";

const api = createApi({ engine: new FakeEngine(), chatTemplate: fakeTemplate, createdAt: 1700000000 });
const model = {
  id: "fake/model-1",
  object: "model",
  created: 1700000000,
  owned_by: "omnitab",
  max_model_len: 1000,
  input_modalities: ["text"],
  output_modalities: ["text"],
};

test("the model is listed, and found by its name, slashes and all", async () => {
  expect(await (await get(api, "/v1/models")).json()).toEqual({ object: "list", data: [model] });
  expect(await (await get(api, "/v1/models/fake/model-1")).json()).toEqual(model);
  expect(await (await get(api, "/v1/models/fake%2Fmodel-1")).json()).toEqual(model);
});

test.each(["/models", "/v1/models/", "/some/base/v1/models", "/v1/models?x=1"])(
  "%s is the list too",
  async (path) => {
    expect(await (await get(api, path)).json()).toMatchObject({ object: "list" });
  },
);

test("health", async () => {
  const response = await get(api, "/health");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "ok" });
});

test.each(["/tokenize", "/v1/tokenize"])("%s reads prompts as completions do", async (path) => {
  const body = await (await post(api, path, { prompt: "é<|end|>", return_token_strs: true })).json();
  expect(body).toEqual({
    count: 3,
    max_model_len: 1000,
    tokens: [0xc3, 0xa9, 257],
    token_strs: ["\\xc3", "\\xa9", "<|end|>"],
  });
});

test("tokenize reads messages as chat does", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const body = await (await post(api, "/tokenize", { messages, add_generation_prompt: false })).json();
  const tokens = fakeTokenizer.encode("<|start|>user: Hi<|end|>", { special: true });
  expect(body).toEqual({ count: tokens.length, max_model_len: 1000, tokens, token_strs: null });
});

test.each(["/detokenize", "/v1/detokenize"])("%s names special tokens", async (path) => {
  const body = await (await post(api, path, { tokens: [72, 0xc3, 0xa9, 257] })).json();
  expect(body).toEqual({ prompt: "Hé<|end|>" });
});
