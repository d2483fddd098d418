/** What can go wrong around a model and a request: each fault is named, and the page can go on. */

import type { Page } from "playwright/test";
import { expect, test } from "./site.ts";

/** The error that loading ends with, as plain data. */
function loadError(page: Page, model: string) {
  return page.evaluate(async (model) => {
    try {
      const omni = await createOmni({ model });
      await omni.dispose();
      return { name: "none", code: "", message: "", param: undefined };
    } catch (error) {
      const { name, code, message, param } = error as InstanceType<typeof OmniError>;
      return { name, code: error instanceof OmniError ? code : "not an OmniError", message, param };
    }
  }, model);
}

/** Whether a sound model still loads and answers in this page. */
function stillWorks(page: Page, model = "../../models/random.gguf") {
  return page.evaluate(async (model) => {
    const omni = await createOmni({ model });
    const body = JSON.stringify({ prompt: "a fox", max_tokens: 5, temperature: 0, ignore_eos: true });
    const response = await omni.fetch("/v1/completions", { method: "POST", body });
    const { choices, usage } = await response.json();
    await omni.dispose();
    return { text: choices[0].text as string, tokens: usage.completion_tokens as number };
  }, model);
}

test("a truncated file is named as such", async ({ embedded }) => {
  const error = await loadError(embedded, "../../faults/truncated/random.gguf");
  expect(error.code).toBe("bad_model_file");
  expect(error.message).toMatch(/60,?000|truncated|ends|short/i);
  expect((await stillWorks(embedded)).tokens).toBe(5);
});

test("a page of HTML instead of a model", async ({ embedded }) => {
  const error = await loadError(embedded, "../../models/page.gguf");
  expect(error.code).toBe("bad_model_file");
  expect(error.message).toMatch(/GGUF/);
});

test("an architecture that nobody has is named", async ({ embedded }) => {
  const error = await loadError(embedded, "../../models/unknown.gguf");
  expect(error.code).toBe("unsupported_model");
  expect(error.message).toContain("lhama");
});

test("a model that is not there", async ({ embedded }) => {
  const error = await loadError(embedded, "../../models/nothing.gguf");
  expect(error.code).toBe("download_failed");
  expect(error.message).toContain("404");
  expect((await stillWorks(embedded)).tokens).toBe(5);
});

test("a connection that keeps dropping is taken up again, and the model is the same", async ({
  embedded,
  site,
}) => {
  const sound = await stillWorks(embedded);
  const resumed = await stillWorks(embedded, "../../faults/dropping/random.gguf");
  expect(resumed).toEqual(sound);
  const ranges = site.requests(/^\/faults\/dropping\//).map(({ range }) => range);
  expect(ranges.length).toBeGreaterThan(1);
  expect(new Set(ranges).size).toBe(ranges.length); // each goes on where the last one ended
});

test("a server without ranges", async ({ embedded }) => {
  const sound = await stillWorks(embedded);
  expect(await stillWorks(embedded, "../../faults/whole/random.gguf")).toEqual(sound);
});

test("a server without ranges whose connection drops", async ({ embedded }) => {
  const error = await loadError(embedded, "../../faults/dropping-whole/random.gguf");
  expect(error.code).toBe("download_failed");
});

test("loading can be cancelled", async ({ embedded }) => {
  const { code, elapsedMs } = await embedded.evaluate(async () => {
    const abort = new AbortController();
    let abortedMs = 0;
    const cancel = () => {
      abortedMs ||= performance.now();
      abort.abort();
    };
    const code = await createOmni({
      model: "../../faults/slow/random.gguf", // takes seconds
      signal: abort.signal,
      onProgress: ({ loadedBytes }) => loadedBytes > 0 && cancel(),
    }).then(
      () => "loaded",
      (error) => error.code,
    );
    return { code, elapsedMs: performance.now() - abortedMs };
  });
  expect(code).toBe("aborted");
  expect(elapsedMs).toBeLessThan(1000);
  expect((await stillWorks(embedded)).tokens).toBe(5);
});

test("wrong requests are refused one by one and the engine goes on", async ({ embedded }) => {
  const answers = await embedded.evaluate(async () => {
    const omni = await createOmni({ model: "../../models/random.gguf" });
    const post = async (path: string, body: unknown) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const response = await omni.fetch(path, { method: "POST", body: text });
      return { status: response.status, ...(await response.json()) };
    };
    const bad = {
      notJson: await post("/v1/completions", "{"),
      noPrompt: await post("/v1/completions", {}),
      emptyTokens: await post("/v1/completions", { prompt: [] }),
      strangeToken: await post("/v1/completions", { prompt: [1, 99_999] }),
      tooLong: await post("/v1/completions", { prompt: Array.from({ length: 300 }, () => 270) }),
      noMessages: await post("/v1/chat/completions", { messages: [] }),
      role: await post("/v1/chat/completions", { messages: [{ role: "wizard", content: "hi" }] }),
      topK: await post("/v1/completions", { prompt: "a", top_k: 1.5 }),
    };
    const good = await post("/v1/completions", { prompt: "a fox", max_tokens: 3, ignore_eos: true });
    const { requests } = await omni.stats();
    await omni.dispose();
    return { bad, good, requests };
  });
  for (const [name, { status, error }] of Object.entries(answers.bad)) {
    expect(status, name).toBe(400);
    expect(error.message, name).not.toBe("");
    expect(error.type, name).toBe("invalid_request_error");
  }
  expect(answers.bad.noPrompt.error.param).toBe("prompt");
  expect(answers.bad.noMessages.error.param).toBe("messages");
  expect(answers.bad.role.error.param).toBe("messages[0].role");
  expect(answers.bad.topK.error.param).toBe("top_k");
  expect(answers.bad.tooLong.error.code).toBe("context_length_exceeded");
  expect(answers.good.status).toBe(200);
  expect(answers.good.usage.completion_tokens).toBe(3);
  expect(answers.requests).toMatchObject({ running: 0, queued: 0 });
});
