/** How an Omni behaves, wherever it runs: the same tests for the calling thread and for a worker. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { openaiOver } from "../api/testing/openai.ts";
import { OmniError } from "../errors.ts";
import type { Omni } from "../types.ts";

const chat = "/v1/chat/completions";
const messages = [{ role: "user" as const, content: "Hi" }];
const json = (body: object): RequestInit => ({ method: "POST", body: JSON.stringify(body) });
const ask = json({ messages, stream: true });

/** `create` loads one of the models that `fakeLoad` knows. */
export function describeOmni(name: string, create: (model: string) => Promise<Omni>): void {
  describe(name, () => {
    let omni: Omni;
    const open = async (model = "/models/any") => {
      omni = await create(model);
      return omni;
    };
    afterEach(() => omni.dispose());

    const idle = async () => {
      await vi.waitFor(async () => expect((await omni.stats()).requests.running).toBe(0));
      return (await omni.stats()).tokens.generated;
    };

    test("answers fetch, and it needs no `this`", async () => {
      const { fetch } = await open();
      const response = await fetch("/v1/models");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect((await response.json()).data[0].id).toBe("fake/model-1");
    });

    test("takes strings, URLs and Requests with any host and base path", async () => {
      const { fetch } = await open();
      const addresses = [
        "https://api.openai.com/v1/models",
        "http://localhost:8000/base/v1/models",
        "v1/models",
      ];
      for (const address of addresses) expect((await fetch(address)).status).toBe(200);
      expect((await fetch(new URL("https://a.example/v1/models"))).status).toBe(200);
      expect((await fetch(new Request("https://a.example/v1/models"))).status).toBe(200);
      expect((await fetch("/v1/nothing")).status).toBe(404);
    });

    test("takes every kind of body", async () => {
      const { fetch } = await open();
      const text = JSON.stringify({ prompt: "é!" });
      const bytes = new TextEncoder().encode(text);
      const bodies = [text, bytes, bytes.buffer, new Blob([text]), new Response(text).body];
      for (const body of bodies) {
        const response = await fetch("/tokenize", { method: "POST", body: body! });
        expect((await response.json()).tokens).toEqual([0xc3, 0xa9, 33]);
      }
      const request = new Request("https://a.example/tokenize", { method: "POST", body: text });
      expect((await (await fetch(request)).json()).count).toBe(3);
    });

    test("passes statuses and error bodies on", async () => {
      const { fetch } = await open();
      const response = await fetch(chat, json({ messages, temperature: -1 }));
      expect(response.status).toBe(400);
      expect((await response.json()).error.param).toBe("temperature");
      await expect(fetch("/v1/models", { method: "GET", body: "x" })).rejects.toBeInstanceOf(TypeError);
    });

    test("streams as tokens come", async () => {
      const { fetch } = await open();
      const response = await fetch(chat, ask);
      const reader = response.body!.getReader();
      await reader.read();
      await reader.read();
      const { requests, tokens } = await omni.stats();
      expect(requests.running).toBe(1);
      expect(tokens.generated).toBeLessThan(300);
      let text = "";
      const decoder = new TextDecoder();
      for (let part = await reader.read(); !part.done; part = await reader.read())
        text += decoder.decode(part.value, { stream: true });
      expect(text.match(/"content":"x"/g)!.length).toBeGreaterThan(390);
      expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    });

    test("an aborted signal rejects before and while the answer is made", async () => {
      const { fetch } = await open();
      await expect(fetch(chat, { ...ask, signal: AbortSignal.abort() })).rejects.toMatchObject({
        name: "AbortError",
      });
      const abort = new AbortController();
      const answer = fetch(chat, { ...json({ messages }), signal: abort.signal });
      await vi.waitFor(async () => expect((await omni.stats()).tokens.generated).toBeGreaterThan(0));
      abort.abort();
      const error = await answer.catch((thrown) => thrown);
      expect(error).toBeInstanceOf(DOMException);
      expect(error.name).toBe("AbortError");
      expect(await idle()).toBeLessThan(200);
    });

    test("aborting fails the body on its way, with the signal's own reason", async () => {
      const { fetch } = await open();
      const abort = new AbortController();
      const reader = (await fetch(chat, { ...ask, signal: abort.signal })).body!.getReader();
      await reader.read();
      const reason = new Error("changed my mind");
      abort.abort(reason);
      await expect(reader.read()).rejects.toBe(reason);
      expect(await idle()).toBeLessThan(200);
    });

    test("cancelling the body stops the engine", async () => {
      const { fetch } = await open();
      const reader = (await fetch(chat, ask)).body!.getReader();
      await reader.read();
      await reader.cancel();
      expect(await idle()).toBeLessThan(200);
    });

    test("the official client's break and abort stop the engine", async () => {
      const { fetch } = await open();
      const client = openaiOver(fetch);
      const fields = { model: "fake/model-1", messages, stream: true } as const;
      let seen = 0;
      for await (const _ of await client.chat.completions.create(fields)) if (++seen === 3) break;
      const first = await idle();
      expect(first).toBeLessThan(200);
      const stream = await client.chat.completions.create(fields);
      for await (const _ of stream) stream.controller.abort();
      expect((await idle()) - first).toBeLessThan(200);
    });

    test("several requests at once keep apart", async () => {
      const { fetch } = await open();
      const prompts = ["a", "bc", "def", "ghij"];
      const bodies = prompts.map((prompt) => fetch("/tokenize", json({ prompt })).then((r) => r.json()));
      expect((await Promise.all(bodies)).map(({ count }) => count)).toEqual([1, 2, 3, 4]);
    });

    test("a failure in mid-stream arrives as an event", async () => {
      const { fetch } = await open("/models/failing");
      const text = await (await fetch(chat, ask)).text();
      expect(text.trimEnd().split("\n\n").at(-1)).toBe(
        'data: {"error":{"message":"No room.","type":"server_error","param":null,"code":"out_of_memory"}}',
      );
    });

    test("stats come with what loading took", async () => {
      await open();
      expect(await omni.stats()).toMatchObject({
        adapter: { name: "fake" },
        load: { elapsedMs: 1, bytes: 2 },
      });
    });

    test("a broken model is the error it was, with class, code and name of the part", async () => {
      omni = { dispose: async () => {} } as Omni;
      const error = await create("/models/bad").catch((thrown) => thrown);
      expect(error).toBeInstanceOf(OmniError);
      expect(error).toMatchObject({
        code: "bad_model_file",
        param: "blk.0.attn_q.weight",
        message: "blk.0.attn_q.weight ends at byte 10",
      });
    });

    test("a lost device is told", async () => {
      const { fetch, lost } = await open("/models/doomed");
      await fetch("/v1/models");
      expect(await lost).toBe("unplugged");
      expect((await fetch("/health")).status).toBe(503);
    });

    test("dispose rejects what runs and what comes, and may be repeated", async () => {
      const { fetch, stats, dispose } = await open();
      const whole = fetch(chat, json({ messages })).catch((thrown) => thrown);
      const reader = (await fetch(chat, ask)).body!.getReader();
      await reader.read();
      await Promise.all([dispose(), dispose()]);
      const disposed = { code: "aborted", message: "The runtime was disposed of." };
      expect(await whole).toMatchObject(disposed);
      await expect(reader.read()).rejects.toMatchObject(disposed);
      await expect(fetch("/v1/models")).rejects.toMatchObject(disposed);
      await expect(stats()).rejects.toMatchObject(disposed);
    });
  });
}
