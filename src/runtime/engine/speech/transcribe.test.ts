import { expect, test } from "vitest";
import { AudioWindow } from "../../media/audio/audioWindow.ts";
import { compressionRatio } from "./compressionRatio.ts";
import { decodeWindow } from "./decodeWindow.ts";
import { cutSegments } from "./segments.ts";
import { FakeSpeech, type FakeWindow, fakeTokens, said } from "./testing/fakeSpeech.ts";
import { transcribe } from "./transcribe.ts";
import type { TranscriptionRequest } from "./types.ts";

const { start, transcribe: transcribeToken, translate, startOfPrevious, languages } = fakeTokens;
const english = [start, languages.get("en")!, transcribeToken];

function audioOf(seconds: number): AudioWindow {
  async function* pieces() {
    for (let left = Math.round(seconds * 16_000); left > 0; left -= 5000)
      yield new Float32Array(Math.min(left, 5000));
  }
  return new AudioWindow(pieces());
}

async function run(seconds: number, windows: FakeWindow[], options: Partial<TranscriptionRequest> = {}) {
  const model = new FakeSpeech(windows);
  const request = {
    ...({ task: "transcribe", language: "en", prompt: undefined, words: false, signal: undefined } as const),
    temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1],
    ...options,
  };
  const events = [];
  for await (const event of transcribe(model, fakeTokens, audioOf(seconds), request)) events.push(event);
  const segments = events.flatMap((event) => (event.type === "segment" ? [event.segment] : []));
  return { model, events, segments, texts: segments.map(({ start, end, text }) => [start, end, text]) };
}

test("one window of two segments", async () => {
  const answers = [said(0, " Hello.", 1.5, 1.5, " You there?", 3)];
  const { model, events, texts, segments } = await run(5, [{ answers }]);
  expect(texts).toEqual([
    [0, 1.5, " Hello."],
    [1.5, 3, " You there?"],
  ]);
  expect(events[0]).toEqual({ type: "language", language: "en" });
  expect(events.at(-1)).toEqual({ type: "done", durationSeconds: 5 });
  expect(model.encoded).toEqual([80_000]);
  expect(model.prompts).toEqual([english]);
  expect(segments.map(({ id, seek, temperature }) => [id, seek, temperature])).toEqual([
    [0, 0, 0],
    [1, 0, 0],
  ]);
  expect(segments[0]!.averageLogprob).toBeGreaterThan(-0.1);
});

test("windows start where the last whole segment ended, and go on from its text", async () => {
  const first = said(0, " One.", 12, 12, " Two.", 20, 20, " Thr");
  const second = said(0, " Three.", 8);
  const { model, texts } = await run(45, [{ answers: [first] }, { answers: [second] }]);
  expect(texts).toEqual([
    [0, 12, " One."],
    [12, 20, " Two."],
    [20, 28, " Three."],
  ]);
  expect(model.encoded).toEqual([480_000, 25 * 16_000]);
  expect(model.prompts[1]).toEqual([startOfPrevious, ...said(0, " One.", 12, 12, " Two.", 20), ...english]);
});

test("a long prompt loses its beginning", async () => {
  const prompt = "abcdefghijklmnopqrstuvwxyz0123456789";
  const { model } = await run(1, [{ answers: [said(0, " Hi.", 1)] }], { prompt: ` ${prompt} ` });
  const tokens = fakeTokens.tokenizer.encode(` ${prompt}`);
  expect(model.prompts[0]).toEqual([startOfPrevious, ...tokens.slice(-31), ...english]);
});

test("the language is detected once; translating has a token of its own", async () => {
  const answers = [said(0, " Hallo.", 1)];
  const windows = [{ answers, language: "de" }, { answers }];
  const { model, events } = await run(40, windows, { language: undefined, task: "translate" });
  expect(events[0]).toEqual({ type: "language", language: "de" });
  const german = [start, languages.get("de")!, translate];
  expect(model.prompts[0]).toEqual(german);
  expect(model.prompts[1]!.slice(-3)).toEqual(german);
});

test("what repeats itself is tried again, hotter; hot text is no prompt", async () => {
  const loop = said(0, " no no no no no no no no no no", 2);
  expect(await compressionRatio(" no no no no no no no no no no")).toBeGreaterThan(1.5);
  const long = "a".repeat(29);
  expect(await compressionRatio(long)).toBeGreaterThan(2.4);
  const answers = [said(0, long, 2), said(0, long, 2), said(0, long, 2), said(0, " Yes.", 2)];
  const windows = [{ answers, confidence: 60 }, { answers: [loop] }];
  const { model, segments } = await run(31, windows);
  expect(segments[0]).toMatchObject({ text: " Yes.", temperature: expect.closeTo(0.6) });
  expect(model.prompts[4]).toEqual(english);
  expect(segments[1]!.temperature).toBe(0);
});

test("what is improbable is tried again; a given temperature is the only one", async () => {
  const unsure = { answers: [said(0, " Hm.", 2)], confidence: 4 };
  expect((await run(3, [unsure], { temperatures: [0, 0] })).model.prompts).toHaveLength(2);
  expect((await run(3, [unsure], { temperatures: [0] })).model.prompts).toHaveLength(1);
});

test("silence is left out, unless the words are certain", async () => {
  const unsure = { answers: [said(0, " Thanks.", 2)], confidence: 4, noSpeech: 0.9 };
  const { texts, model } = await run(50, [unsure, { answers: [said(0, " Hi.", 2)], noSpeech: 0.9 }], {
    temperatures: [0, 0.2],
  });
  expect(texts).toEqual([[30, 32, " Hi."]]);
  expect(model.prompts).toHaveLength(2);
});

test("a window without an end of its own is cut by its length", async () => {
  const endless = said(0, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  const model = new FakeSpeech([{ answers: [endless] }]);
  await model.encode(new Float32Array(160));
  const window = { previous: [], language: "en", task: "transcribe", signal: undefined } as const;
  const { tokens } = await decodeWindow(model, fakeTokens, window, 0);
  expect(tokens).toEqual(endless.slice(0, 32));
});

test("segments: cut by pairs; without any all is one; a single timestamp at the end closes the window", () => {
  const cut = (tokens: number[], seconds = 30) => {
    const { segments, advance, complete } = cutSegments(tokens, seconds, fakeTokens);
    return [segments.map(({ start, end }) => [start, end]), advance, complete];
  };
  expect(cut(said(0, "a", 4, 4, "b"))).toEqual([[[0, 4]], 4, false]);
  expect(cut(said(0, "a", 4, 4, "b", 6))).toEqual([
    [
      [0, 4],
      [4, 6],
    ],
    30,
    true,
  ]);
  expect(cut(said(0, "a", 4, 4))).toEqual([[[0, 4]], 4, false]);
  expect(cut(said(0, "a", 4), 7)).toEqual([[[0, 4]], 7, true]);
  expect(cut(said(0, "a"), 7)).toEqual([[[0, 7]], 7, false]);
  expect(cut([], 7)).toEqual([[[0, 7]], 7, false]);
});

test("segments that do not move forward do not hold it up", async () => {
  const stuck = { answers: [said(0, " a", 0.02, 0.02, " b")] };
  const { model } = await run(
    0.05,
    Array.from({ length: 9 }, () => stuck),
  );
  expect(model.encoded).toEqual([800, 480, 160]);
});

test("two hours are read no further than the window that is heard", async () => {
  const hours = Array.from({ length: 240 }, (_, i) => ({ answers: [said(0, ` ${i}`, 30)] }));
  let made = 0;
  async function* pieces() {
    for (; made < 7200 * 16_000; made += 16_000) yield new Float32Array(16_000);
  }
  const ahead: number[] = [];
  const model = new FakeSpeech(hours);
  const encode = model.encode.bind(model);
  model.encode = (samples) => {
    ahead.push(made - model.encoded.length * 480_000);
    return encode(samples);
  };
  const request = {
    ...({ task: "transcribe", language: "en", prompt: undefined, words: false, signal: undefined } as const),
    temperatures: [0],
  };
  let last: number | undefined;
  let seconds = 0;
  for await (const event of transcribe(model, fakeTokens, new AudioWindow(pieces()), request)) {
    if (event.type === "segment") last = event.segment.end;
    if (event.type === "done") seconds = event.durationSeconds;
  }
  expect([last, seconds, ahead.length]).toEqual([7200, 7200, 240]);
  // A piece counts as made when the next one is asked for.
  expect(Math.max(...ahead)).toBeLessThanOrEqual(480_000);
});

test("an aborted signal ends it", async () => {
  const abort = new AbortController();
  const model = new FakeSpeech([{ answers: [said(0, " a", 1)] }, { answers: [said(0, " b", 1)] }]);
  const request = {
    ...({ task: "transcribe", language: "en", prompt: undefined, words: false, temperatures: [0] } as const),
    signal: abort.signal,
  };
  const reading = (async () => {
    for await (const event of transcribe(model, fakeTokens, audioOf(60), request))
      if (event.type === "segment") abort.abort();
  })();
  await expect(reading).rejects.toMatchObject({ code: "aborted" });
  expect(model.encoded).toHaveLength(1);
});
