/** The audio routes over a fake model, as raw forms and with the official client. */

import { BadRequestError, NotFoundError } from "openai";
import { describe, expect, test, vi } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { FakeTranscriber, type FakeTranscriberOptions } from "./testing/fakeTranscriber.ts";
import { events, get, post } from "./testing/http.ts";
import { openaiOver } from "./testing/openai.ts";

const model = "fake/whisper";
const file = () => new File([new Uint8Array([1, 2, 3])], "speech.wav", { type: "audio/wav" });

function setUp(options: FakeTranscriberOptions = {}) {
  const transcriber = new FakeTranscriber(options);
  const api = createApi({ transcriber });
  const client = openaiOver((input, init) => api(new Request(input, init)));
  /** Fields as a form; a list becomes one field for each of its items. */
  const send = (fields: Record<string, unknown>, path = "transcriptions", signal?: AbortSignal) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ file: file(), ...fields }))
      for (const item of Array.isArray(value) ? value : [value])
        if (item !== undefined) form.append(name, item as string | Blob);
    const init = { method: "POST", body: form, ...(signal && { signal }) };
    return api(new Request(`https://omni.local/v1/audio/${path}`, init));
  };
  return { transcriber, api, client, send };
}

describe("formats", () => {
  test("json", async () => {
    const { send, transcriber } = setUp();
    const response = await send({ model });
    expect(await response.json()).toEqual({
      text: "Hello there. <b> & --> so on.",
      usage: { type: "duration", seconds: 3662 },
    });
    const [{ file: sent, ...request }] = transcriber.requests as [(typeof transcriber.requests)[0]];
    expect(new Uint8Array(await sent.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
    expect(request).toMatchObject({
      task: "transcribe",
      language: undefined,
      prompt: undefined,
      words: false,
    });
    expect(request.temperatures).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  });

  test("text", async () => {
    const response = await setUp().send({ response_format: "text" });
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toBe("Hello there. <b> & --> so on.\n");
  });

  test("srt", async () => {
    const response = await setUp().send({ response_format: "srt" });
    expect(await response.text()).toBe(
      "1\n00:00:00,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:02,500 --> 01:01:01,250\n<b> & -> so on.\n\n",
    );
  });

  test("vtt", async () => {
    const response = await setUp().send({ response_format: "vtt" });
    expect(response.headers.get("content-type")).toBe("text/vtt; charset=utf-8");
    expect(await response.text()).toBe(
      "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nHello there.\n\n" +
        "00:00:02.500 --> 01:01:01.250\n&lt;b&gt; &amp; -&gt; so on.\n\n",
    );
  });

  test("verbose_json, of segments and words", async () => {
    const { send } = setUp();
    const segments = await (await send({ response_format: "verbose_json" })).json();
    expect(segments).toMatchObject({ task: "transcribe", language: "german", duration: 3661.31 });
    expect(segments.words).toBeUndefined();
    expect(segments.segments[0]).toEqual({
      ...{ id: 0, seek: 0, start: 0, end: 2.5, text: " Hello there.", tokens: [1, 2, 0], temperature: 0.2 },
      ...{ avg_logprob: -0.25, compression_ratio: 1.5, no_speech_prob: 0.01 },
    });
    const words = await (
      await send({ response_format: "verbose_json", "timestamp_granularities[]": ["word"] })
    ).json();
    expect(words.segments).toBeUndefined();
    expect(words.words.slice(0, 2)).toEqual([
      { word: "Hello", start: 0, end: 1.25 },
      { word: "there.", start: 1.25, end: 2.5 },
    ]);
    const both = await (
      await send({ response_format: "verbose_json", "timestamp_granularities[]": ["word", "segment"] })
    ).json();
    expect([both.words.length, both.segments.length]).toEqual([7, 2]);
  });

  test("a stream of events", async () => {
    const response = await setUp().send({ stream: "true" });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(await events(response)).toEqual([
      { type: "transcript.text.delta", delta: "Hello there." },
      { type: "transcript.text.delta", delta: " <b> & --> so on." },
      {
        type: "transcript.text.done",
        text: "Hello there. <b> & --> so on.",
        usage: { type: "duration", seconds: 3662 },
      },
      "[DONE]",
    ]);
  });
});

test("language, prompt and temperature reach the model", async () => {
  const { send, transcriber } = setUp();
  await send({ language: "German", prompt: "Names: Åsa", temperature: "0.4" });
  expect(transcriber.requests[0]).toMatchObject({
    language: "de",
    prompt: "Names: Åsa",
    temperatures: [0.4],
  });
  await send({ language: "", temperature: "0" });
  expect(transcriber.requests[1]).toMatchObject({
    language: undefined,
    temperatures: expect.objectContaining({ 5: 1 }),
  });
});

test("translations have a task of their own", async () => {
  const { send, transcriber, client } = setUp();
  const body = await (await send({ response_format: "verbose_json" }, "translations")).json();
  expect(body.task).toBe("translate");
  expect(transcriber.requests[0]).toMatchObject({ task: "translate", language: undefined });
  expect((await client.audio.translations.create({ model, file: file() })).text).toMatch(/^Hello/);
  const english = await setUp({ languages: [] }).send({}, "translations");
  expect([english.status, (await english.json()).error.param]).toEqual([400, "model"]);
});

test.each([
  { fields: { file: undefined }, param: "file", code: "missing_required_parameter" },
  { fields: { file: "speech.wav" }, param: "file", code: "invalid_type" },
  { fields: { model: "whisper-9" }, param: "model", code: "model_not_found", status: 404 },
  { fields: { language: "klingon" }, param: "language", code: "invalid_value" },
  { fields: { language: "fr" }, param: "language", code: "unsupported_value" },
  { fields: { response_format: "xml" }, param: "response_format", code: "invalid_value" },
  { fields: { temperature: "hot" }, param: "temperature", code: "invalid_type" },
  { fields: { temperature: "1.5" }, param: "temperature", code: "decimal_above_max_value" },
  { fields: { stream: "maybe" }, param: "stream", code: "invalid_type" },
  { fields: { stream: "true", response_format: "srt" }, param: "stream", code: "unsupported_value" },
  { fields: { prompt: file() }, param: "prompt", code: "invalid_type" },
  {
    fields: { "timestamp_granularities[]": ["word"] },
    param: "timestamp_granularities",
    code: "unsupported_value",
  },
  {
    fields: { "timestamp_granularities[]": ["word", "letter"], response_format: "verbose_json" },
    param: "timestamp_granularities[1]",
    code: "invalid_value",
  },
])("$param: $code", async ({ fields, param, code, status = 400 }) => {
  const { send, transcriber } = setUp();
  const response = await send(fields);
  expect(response.status).toBe(status);
  expect((await response.json()).error).toMatchObject({ param, code });
  expect(transcriber.requests).toHaveLength(0);
});

test("what is no form is refused", async () => {
  const { api } = setUp();
  const json = await post(api, "/v1/audio/transcriptions", { file: "x" });
  expect([json.status, (await json.json()).error.code]).toEqual([400, "unsupported_content_type"]);
  const broken = await api(
    new Request("https://omni.local/v1/audio/transcriptions", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x" },
      body: "--y\r\nnothing",
    }),
  );
  expect(broken.status).toBe(400);
  expect((await broken.json()).error.message).toMatch(/not valid multipart/);
});

test("each kind of model refuses the other's routes, and serves what is common", async () => {
  const { api } = setUp();
  for (const path of ["/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize"]) {
    const response = await post(api, path, { messages: [], prompt: "a" });
    expect(response.status).toBe(400);
    const { error } = await response.json();
    expect(error).toMatchObject({ param: "model", code: "model_not_supported" });
    expect(error.message).toMatch(/fake\/whisper.*audio\/transcriptions/);
  }
  expect((await (await get(api, "/v1/models")).json()).data[0]).toMatchObject({
    id: model,
    max_model_len: 448,
  });
  expect((await get(api, "/v1/models/fake/whisper")).status).toBe(200);
  expect((await get(api, "/health")).status).toBe(200);
  expect(await (await get(api, "/metrics")).text()).toMatch(/omnitab_audio_seconds_total\{.*\} 12\n/);

  const text = createApi({ engine: new FakeEngine(), chatTemplate: fakeTemplate });
  const response = await post(text, "/v1/audio/transcriptions", {});
  expect([response.status, (await response.json()).error.code]).toEqual([400, "model_not_supported"]);
  expect(await (await get(text, "/metrics")).text()).not.toMatch(/audio_seconds/);
});

describe("the official client", () => {
  test("transcribes, in each format", async () => {
    const { client } = setUp();
    expect((await client.audio.transcriptions.create({ model, file: file() })).text).toMatch(/^Hello/);
    const text = await client.audio.transcriptions.create({ model, file: file(), response_format: "srt" });
    expect(text).toMatch(/^1\n00:00:00,000/);
    const verbose = await client.audio.transcriptions.create({
      ...{ model, file: file(), response_format: "verbose_json", language: "de" },
      timestamp_granularities: ["word", "segment"],
    });
    expect(verbose.language).toBe("german");
    expect(verbose.words![1]!.word).toBe("there.");
    expect(verbose.segments![1]!.end).toBe(3661.25);
  });

  test("streams", async () => {
    const { client } = setUp();
    const stream = await client.audio.transcriptions.create({ model, file: file(), stream: true });
    let text = "";
    let done = "";
    for await (const event of stream) {
      if (event.type === "transcript.text.delta") text += event.delta;
      if (event.type === "transcript.text.done") done = event.text;
    }
    expect(text).toBe("Hello there. <b> & --> so on.");
    expect(done).toBe(text);
  });

  test("gets errors of its own classes", async () => {
    const { client } = setUp();
    const bad = await client.audio.transcriptions
      .create({ model, file: file(), temperature: 3 })
      .catch((error) => error);
    expect(bad).toBeInstanceOf(BadRequestError);
    expect(bad).toMatchObject({ param: "temperature", code: "decimal_above_max_value" });
    const missing = await client.audio.transcriptions
      .create({ model: "whisper-1", file: file() })
      .catch((e) => e);
    expect(missing).toBeInstanceOf(NotFoundError);
  });

  test("break and failure in mid-stream end it", async () => {
    const many = Array.from({ length: 200 }, (_, i) => [i, i + 1, ` ${i}`] as const);
    const { client, transcriber } = setUp({ segments: many, delayMs: 2 });
    for await (const _ of await client.audio.transcriptions.create({ model, file: file(), stream: true }))
      break;
    await vi.waitFor(() => expect(transcriber.running).toBe(0));
    const failing = setUp({ segments: many, failure: { at: 2, error: new Error("oops") } });
    let text = "";
    const reading = (async () => {
      const stream = await failing.client.audio.transcriptions.create({ model, file: file(), stream: true });
      for await (const event of stream) if (event.type === "transcript.text.delta") text += event.delta;
    })();
    await expect(reading).rejects.toThrow("oops");
    expect(text).toBe("0 1");
  });
});

test("an aborted request leaves the model", async () => {
  const many = Array.from({ length: 200 }, (_, i) => [i, i + 1, ` ${i}`] as const);
  const { send, transcriber } = setUp({ segments: many, delayMs: 2 });
  const abort = new AbortController();
  const answer = send({}, "transcriptions", abort.signal);
  await vi.waitFor(() => expect(transcriber.running).toBe(1));
  abort.abort();
  await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  await vi.waitFor(() => expect(transcriber.running).toBe(0));
});
