/** The embedded model answers as in llama.cpp, token for token (goldens by `scripts/goldens/embedded.mjs`). */

import { afterAll, beforeAll, expect, test } from "vitest";
import { dequantizedFile } from "../../weights/testing/dequantizedFile.ts";
import { type LoadedEngine, loadEngine } from "../load.ts";
import { defaultSampling } from "../types.ts";
import { embeddedPrompts, mostTokens } from "./embeddedPrompts.ts";
import goldens from "./goldens/embedded.json";

let loaded: LoadedEngine;

beforeAll(async () => {
  const response = await fetch("/models/omni-tiny.gguf");
  const bytes = new Uint8Array(await response.arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // Another model needs other goldens: `node scripts/goldens/embedded.mjs`.
  expect(hex).toBe(goldens.sha256);
  loaded = await loadEngine({ model: new Blob([dequantizedFile(bytes)]), kvCache: { type: "f32" } });
});
afterAll(() => loaded?.engine.dispose());

test("there are thirty prompts, each with its golden", () => {
  expect(embeddedPrompts).toHaveLength(30);
  expect(goldens.answers).toHaveLength(30);
});

test.each(
  embeddedPrompts.map((messages, i) => ({ messages, i, content: messages.at(-1)!.content!.slice(0, 50) })),
)("$content", async ({ messages, i }) => {
  const golden = goldens.answers[i]!;
  const { engine, chatTemplate } = loaded;
  const promptTokens = chatTemplate.tokens(messages);
  expect(promptTokens).toEqual(golden.prompt);
  const answer: number[] = [];
  const events = engine.generate({
    promptTokens,
    maxTokens: mostTokens,
    sampling: { ...defaultSampling, temperature: 0 },
    stopStrings: [],
    stopTokens: [],
    ignoreEos: false,
    topLogprobs: undefined,
    promptLogprobs: false,
    signal: undefined,
  });
  for await (const event of events) if (event.type === "token") answer.push(event.token);
  expect(answer).toEqual(golden.answer);
});
