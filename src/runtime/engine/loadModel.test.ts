import { expect, test } from "vitest";
import { loadModel } from "./loadModel.ts";

const named = (...names: string[]) => names.map((name) => new File(["x"], name));

test.each([
  { files: named("config.json", "tokenizer.json"), message: /none is a model/ },
  {
    files: named("a.safetensors", "b.gguf", "config.json"),
    message: /only one may be a model.*a\.safetensors, b\.gguf/,
  },
])("of several files one is the model: $message", async ({ files, message }) => {
  const error = await loadModel({ model: files }).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "invalid_request", param: "model" });
  expect(error.message).toMatch(message);
});
