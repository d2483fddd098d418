/** The official `openai` client, talking to `omni.fetch` in a page. */

import { expect, test } from "./site.ts";

test.beforeEach(async ({ embedded }) => {
  await embedded.evaluate(async () => {
    globalThis.omni = await createOmni({ model: "../../models/random.gguf", modelId: "random" });
    globalThis.client = new OpenAI({
      apiKey: "local",
      baseURL: "https://omni.local/v1",
      fetch: omni.fetch,
      dangerouslyAllowBrowser: true,
    });
  });
});

test("lists and retrieves the model", async ({ embedded }) => {
  const { listed, one } = await embedded.evaluate(async () => ({
    listed: (await client.models.list()).data,
    one: await client.models.retrieve("random"),
  }));
  expect(listed).toHaveLength(1);
  expect(listed[0]).toMatchObject({ id: "random", object: "model" });
  expect(one).toEqual(listed[0]);
});

test("chat completions, whole and streamed, say the same", async ({ embedded }) => {
  const { whole, chunks } = await embedded.evaluate(async () => {
    const request = {
      model: "random",
      messages: [{ role: "user" as const, content: "tell me of the fox" }],
      max_completion_tokens: 16,
      temperature: 0,
    };
    const whole = await client.chat.completions.create(request);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return { whole, chunks };
  });
  expect(whole.object).toBe("chat.completion");
  const answer = whole.choices[0]!;
  expect(answer.message.role).toBe("assistant");
  expect(answer.message.content).not.toBe("");
  expect(["stop", "length"]).toContain(answer.finish_reason);
  const streamed = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "");
  expect(streamed.join("")).toBe(answer.message.content);
  expect(streamed.filter((text) => text !== "").length).toBeGreaterThan(3);
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe(answer.finish_reason);
  expect(chunks.at(-1)?.choices).toEqual([]);
  expect(chunks.at(-1)?.usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
  expect(chunks.at(-1)?.usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
  expect(whole.usage?.prompt_tokens).toBeGreaterThan(10);
  expect(whole).toHaveProperty("timings.predicted_per_second");
  expect((whole as unknown as { timings: { predicted_ms: number } }).timings.predicted_ms).toBeGreaterThan(0);
});

test("sampling is repeatable by its seed and differs between seeds", async ({ embedded }) => {
  const texts = await embedded.evaluate(async () => {
    const ask = async (seed: number) => {
      const { choices } = await client.chat.completions.create({
        model: "random",
        messages: [{ role: "user", content: "say something" }],
        max_tokens: 12,
        temperature: 1.2,
        top_p: 0.95,
        seed,
      });
      return choices[0]?.message.content;
    };
    return [await ask(7), await ask(7), await ask(8)];
  });
  expect(texts[0]).toBe(texts[1]);
  expect(texts[2]).not.toBe(texts[0]);
});

test("completions: text, tokens, echo with log-probabilities, token ids for names", async ({ embedded }) => {
  const result = await embedded.evaluate(async () => {
    const base = { model: "random", max_tokens: 6, temperature: 0 } as const;
    const post = async (path: string, body: object) =>
      (await omni.fetch(path, { method: "POST", body: JSON.stringify(body) })).json();
    const { tokens } = await post("/tokenize", { prompt: "a quick fox" });
    const byText = await client.completions.create({ ...base, prompt: "a quick fox" });
    const byTokens = await client.completions.create({ ...base, prompt: tokens });
    const echoed = await client.completions.create({ ...base, prompt: tokens, echo: true, logprobs: 5 });
    const ids = await client.completions.create({
      ...base,
      prompt: tokens,
      logprobs: 64,
      ...{ return_tokens_as_token_ids: true, ignore_eos: true },
    });
    const back = await post("/detokenize", { tokens });
    return { tokens, byText, byTokens, echoed, ids, back };
  });
  const { tokens, byText, byTokens, echoed, ids } = result;
  expect(tokens.length).toBeGreaterThan(3);
  expect(byText.choices[0]?.text).not.toBe("");
  expect(byTokens.choices[0]?.text).toBe(byText.choices[0]?.text);
  expect(byText.usage?.prompt_tokens).toBe(tokens.length);
  expect(result.back.prompt).toContain("a quick fox");

  expect(echoed.choices[0]?.text).toContain("a quick fox");
  expect(echoed.choices[0]?.text.endsWith(byText.choices[0]!.text)).toBe(true);
  const logprobs = echoed.choices[0]!.logprobs!;
  expect(logprobs.token_logprobs).toHaveLength(tokens.length + (echoed.usage?.completion_tokens ?? 0));
  expect(logprobs.token_logprobs?.[0]).toBeNull();
  for (const logprob of logprobs.token_logprobs?.slice(1) ?? []) {
    expect(logprob).toBeLessThanOrEqual(0);
    expect(logprob).toBeGreaterThan(-50);
  }
  // Greedy: the token itself leads its alternatives.
  const chosen = logprobs.token_logprobs!.at(-1)!;
  expect(Math.max(...Object.values(logprobs.top_logprobs!.at(-1)!))).toBe(chosen);

  expect(ids.usage?.completion_tokens).toBe(6);
  for (const name of ids.choices[0]?.logprobs?.tokens ?? []) expect(name).toMatch(/^token_id:\d+$/);
  expect(Object.keys(ids.choices[0]!.logprobs!.top_logprobs![0]!)).toHaveLength(64);
});

test("completions are streamed, several prompts and choices at once", async ({ embedded }) => {
  const texts = await embedded.evaluate(async () => {
    const request = { model: "random", prompt: ["a fox", "a crow"], n: 2, max_tokens: 8, seed: 3 };
    const whole = await client.completions.create(request);
    const streamed = ["", "", "", ""];
    for await (const { choices } of await client.completions.create({ ...request, stream: true }))
      for (const { index, text } of choices) streamed[index] += text;
    return { whole: whole.choices.map(({ text }) => text), streamed };
  });
  expect(texts.whole).toHaveLength(4);
  expect(texts.streamed).toEqual(texts.whole);
  expect(new Set(texts.whole).size).toBeGreaterThan(1);
});

test("stop strings and logit bias", async ({ embedded }) => {
  const { free, stopped, forced } = await embedded.evaluate(async () => {
    const base = { model: "random", prompt: "a fox and", max_tokens: 12, temperature: 0 };
    const text = async (more: object) => (await client.completions.create({ ...base, ...more })).choices[0]!;
    const free = await text({});
    const stop = free.text.slice(3, 6);
    return {
      free,
      stopped: await text({ stop: [stop] }),
      forced: await text({ logit_bias: { "261": 100 } }),
    };
  });
  expect(stopped.finish_reason).toBe("stop");
  const stop = free.text.slice(3, 6);
  expect(stopped.text).toBe(free.text.slice(0, free.text.indexOf(stop)));
  expect(new Set(forced.text).size).toBe(1); // token 261 over and over: one letter
});

test("leaving the loop cancels the generation, and the next request is answered", async ({ embedded }) => {
  const { running, finished, next } = await embedded.evaluate(async () => {
    const stream = await client.completions.create({
      model: "random",
      prompt: "on and on",
      max_tokens: 200,
      stream: true,
      ...{ ignore_eos: true },
    });
    let count = 0;
    for await (const _ of stream) if (++count === 3) break;
    const next = await client.completions.create({ model: "random", prompt: "a", max_tokens: 2 });
    const { requests, tokens } = await omni.stats();
    return { running: requests.running, finished: tokens.generated, next: next.usage?.completion_tokens };
  });
  expect(running).toBe(0);
  expect(next).toBe(2);
  expect(finished).toBeLessThan(60);
});

test("errors arrive as the client's own, with status, field and code", async ({ embedded }) => {
  const errors = await embedded.evaluate(async () => {
    const messages = [{ role: "user" as const, content: "hello" }];
    const failures: Record<string, () => Promise<unknown>> = {
      temperature: () => client.chat.completions.create({ model: "random", messages, temperature: 9 }),
      content: () =>
        client.chat.completions.create({
          model: "random",
          messages: [{ role: "user", content: 5 as never }],
        }),
      model: () => client.chat.completions.create({ model: "gpt-9", messages }),
      tooLong: () =>
        client.chat.completions.create({
          model: "random",
          messages: [{ role: "user", content: "long ".repeat(400) }],
        }),
      route: () => client.embeddings.create({ model: "random", input: "x" }),
      field: () => client.completions.create({ model: "random", prompt: "a", logprobs: 65 }),
    };
    const seen: Record<string, { status: unknown; param: unknown; code: unknown }> = {};
    for (const [name, fail] of Object.entries(failures)) {
      const error = await fail().catch((thrown: unknown) => thrown);
      if (!(error instanceof OpenAI.APIError)) throw new Error(`${name}: ${error}`);
      seen[name] = { status: error.status, param: error.param, code: error.code };
    }
    const after = await client.completions.create({ model: "random", prompt: "a", max_tokens: 1 });
    return { seen, after: after.usage?.completion_tokens };
  });
  const { seen } = errors;
  expect(seen.temperature).toMatchObject({ status: 400, param: "temperature" });
  expect(seen.content).toMatchObject({ status: 400, param: "messages[0].content" });
  expect(seen.model).toMatchObject({ status: 404, code: "model_not_found" });
  expect(seen.tooLong).toMatchObject({ status: 400, code: "context_length_exceeded" });
  expect(seen.route).toMatchObject({ status: 404, code: "unknown_url" });
  expect(seen.field).toMatchObject({ status: 400, param: "logprobs" });
  expect(errors.after).toBe(1);
});
