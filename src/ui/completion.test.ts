import { describe, expect, it } from "vitest";
import { OmniError } from "../runtime/errors.ts";
import type { Omni } from "../runtime/types.ts";
import { completionBody, streamCompletion } from "./completion.ts";
import { defaultSampling } from "./state/settings.ts";

const never = new AbortController().signal;

function answering(response: () => Response): Pick<Omni, "fetch"> {
  return { fetch: async () => response() };
}

const events = (...data: unknown[]) =>
  new Response(
    data.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join(""),
  );

describe("completionBody", () => {
  it("has OpenAI's names, and leaves out what is not set", () => {
    const messages = [{ role: "user", content: "Hi" }] as const;
    expect(completionBody("tiny", messages, { ...defaultSampling, temperature: 0, seed: 3 })).toEqual({
      model: "tiny",
      messages,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      top_p: 0.95,
      top_k: 40,
      min_p: 0.1,
      repetition_penalty: 1,
      seed: 3,
    });
    expect(completionBody("tiny", messages, { ...defaultSampling, maxTokens: 9 }).max_tokens).toBe(9);
  });
});

describe("streamCompletion", () => {
  it("gives the pieces and how it ended", async () => {
    const omni = answering(() =>
      events(
        { choices: [{ delta: { role: "assistant", content: "" } }] },
        { choices: [{ delta: { reasoning_content: "Hm", reasoning: "Hm" } }] },
        { choices: [{ delta: { content: "Hel" } }] },
        { choices: [{ delta: { content: "lo" } }] },
        { choices: [{ delta: {}, finish_reason: "length" }] },
        {
          choices: [],
          usage: { prompt_tokens: 5, completion_tokens: 2 },
          timings: { predicted_per_second: 61.5 },
        },
        "[DONE]",
        { choices: [{ delta: { content: "never" } }] },
      ),
    );
    const pieces: string[][] = [];
    const end = await streamCompletion(omni, {}, (...piece) => pieces.push(piece), never);
    expect(pieces).toEqual([
      ["Hm", "thinking"],
      ["Hel", "answer"],
      ["lo", "answer"],
    ]);
    expect(end).toEqual({
      finishReason: "length",
      promptTokens: 5,
      completionTokens: 2,
      tokensPerSecond: 61.5,
    });
  });

  it("ignores a rate that is no number", async () => {
    const omni = answering(() => events({ choices: [], timings: { predicted_per_second: null } }, "[DONE]"));
    expect((await streamCompletion(omni, {}, () => undefined, never)).tokensPerSecond).toBeUndefined();
  });

  it("throws the API's error with its code", async () => {
    const error = {
      message: "too long",
      type: "invalid_request_error",
      param: "messages",
      code: "context_length_exceeded",
    };
    const omni = answering(() => Response.json({ error }, { status: 400 }));
    const thrown = await streamCompletion(omni, {}, () => undefined, never).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(OmniError);
    expect(thrown).toMatchObject({
      code: "invalid_request",
      message: "too long",
      param: "messages",
      detail: "context_length_exceeded",
    });
  });

  it("throws an error that comes in the middle of the stream", async () => {
    const omni = answering(() =>
      events({ choices: [{ delta: { content: "Hm" } }] }, { error: { message: "device lost" } }),
    );
    const pieces: string[] = [];
    const run = streamCompletion(omni, {}, (piece) => pieces.push(piece), never);
    await expect(run).rejects.toThrow("device lost");
    expect(pieces).toEqual(["Hm"]);
  });

  it("survives an error body that is not JSON", async () => {
    const omni = answering(() => new Response("oops", { status: 503 }));
    await expect(streamCompletion(omni, {}, () => undefined, never)).rejects.toThrow("status 503");
  });
});
