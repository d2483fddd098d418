import { afterEach, expect, test } from "vitest";
import { tone, waveFile } from "../../media/audio/testing/waveFile.ts";
import { FakeSpeech, type FakeWindow, fakeTokens, said } from "./testing/fakeSpeech.ts";
import { type SpeechRunner, WhisperTranscriber } from "./transcriber.ts";
import type { TranscriptionRequest } from "./types.ts";

class FakeRunner extends FakeSpeech implements SpeechRunner {
  sizeBytes = 10;
  dispatchesPerToken = 20;
  stepCounts = { count: 1, cpuMs: 2 };
  tokenCounts = { prompt: 3, generated: 4 };
  destroyed = false;
  /** Holds the next window up until it is called. */
  gate: Promise<void> = Promise.resolve();
  override async encode(samples: Float32Array): Promise<void> {
    await this.gate;
    return super.encode(samples);
  }
  destroy(): void {
    this.destroyed = true;
  }
}

const file = (seconds = 1) =>
  new Blob([waveFile({ sampleRate: 16_000, channels: [tone(440, 16_000, seconds)] })]);

function setUp(windows: FakeWindow[] = [{ answers: [said(0, " Hi.", 1)] }], maxQueued = 1) {
  let lose = (_reason: string) => {};
  const lost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  const device = Object.assign(new EventTarget(), { destroyed: false, destroy: () => {} });
  const runner = new FakeRunner(windows);
  const transcriber = new WhisperTranscriber({
    gpu: {
      ...{ name: "fake", software: true, f16: false, subgroups: undefined, lost },
      device: device as unknown as GPUDevice,
    },
    ...{ runner, tokens: fakeTokens, modelId: "fake", maxQueued },
    weights: { sizeBytes: 5, parameters: 6, types: { f32: 6 }, destroy: () => {} },
  });
  const run = async (options: Partial<TranscriptionRequest> = {}) => {
    const request: TranscriptionRequest = {
      ...{ file: file(), task: "transcribe", language: "en", prompt: undefined, words: false },
      ...{ temperatures: [0], signal: undefined },
      ...options,
    };
    let text = "";
    for await (const event of transcriber.transcribe(request))
      if (event.type === "segment") text += event.segment.text;
    return text;
  };
  return { transcriber, runner, run, lose };
}

let release = () => {};
afterEach(() => release());
const held = () =>
  new Promise<void>((resolve) => {
    release = resolve;
  });

test("a file becomes text, and what it cost is counted", async () => {
  const { run, transcriber, runner } = setUp();
  expect(await run()).toBe(" Hi.");
  expect(runner.encoded).toEqual([16_000]);
  expect(transcriber.stats()).toMatchObject({
    model: { id: "fake", architecture: "whisper", parameters: 6, contextLength: 64 },
    gpuBytes: { weights: 5, kvCache: 0, activations: 10, total: 15 },
    requests: { running: 0, queued: 0, finished: 1, stop: 1, failed: 0 },
    tokens: { prompt: 3, cached: 0, generated: 4 },
    audio: { seconds: 1 },
    latency: { request: { count: 1 }, timeToFirstToken: { count: 1 }, queue: { count: 1 } },
  });
});

test("requests take turns; a full queue and broken files are refused at once", async () => {
  const windows = Array.from({ length: 3 }, (_, i) => ({ answers: [said(0, ` ${i}`, 1)] }));
  const { run, transcriber, runner } = setUp(windows, 1);
  runner.gate = held();
  const first = run();
  await expect.poll(() => transcriber.stats().requests.running).toBe(1);
  const second = run();
  await expect.poll(() => transcriber.stats().requests.queued).toBe(1);
  await expect(run()).rejects.toMatchObject({ code: "queue_full" });
  await expect(run({ file: new Blob(["no audio"]) })).rejects.toMatchObject({ code: "invalid_request" });
  release();
  expect(await Promise.all([first, second])).toEqual([" 0", " 1"]);
  expect(transcriber.stats().requests).toMatchObject({
    running: 0,
    queued: 0,
    finished: 3,
    rejected: 1,
    failed: 1,
  });
});

test("who is aborted leaves the queue, and who runs makes way", async () => {
  const windows = Array.from({ length: 3 }, (_, i) => ({ answers: [said(0, ` ${i}`, 1)] }));
  const { run, transcriber, runner } = setUp(windows, 5);
  runner.gate = held();
  const [running, waiting] = [new AbortController(), new AbortController()];
  const first = run({ signal: running.signal }).catch((error) => error);
  await expect.poll(() => transcriber.stats().requests.running).toBe(1);
  const second = run({ signal: waiting.signal }).catch((error) => error);
  const third = run();
  await expect.poll(() => transcriber.stats().requests.queued).toBe(2);
  waiting.abort();
  expect(await second).toMatchObject({ code: "aborted" });
  expect(transcriber.stats().requests.queued).toBe(1);
  running.abort();
  release();
  expect(await first).toMatchObject({ code: "aborted" });
  expect(await third).toBe(" 1");
  expect(transcriber.stats().requests).toMatchObject({ running: 0, cancelled: 2, stop: 1 });
});

test("a reader that leaves ends the request", async () => {
  const { transcriber } = setUp([
    { answers: [said(0, " a", 10, 10, " b", 20)] },
    { answers: [said(0, " c", 1)] },
  ]);
  const request: TranscriptionRequest = {
    ...{ file: file(40), task: "transcribe", language: "en", prompt: undefined, words: false },
    ...{ temperatures: [0], signal: undefined },
  };
  for await (const event of transcriber.transcribe(request)) if (event.type === "segment") break;
  expect(transcriber.stats().requests).toMatchObject({ running: 0, cancelled: 1 });
});

test("a lost device ends all that runs and comes", async () => {
  const { run, runner, lose } = setUp();
  runner.gate = Promise.reject(new Error("mapAsync failed"));
  runner.gate.catch(() => {});
  lose("unplugged");
  await expect(run()).rejects.toMatchObject({ code: "device_lost", message: /unplugged/ });
  await expect(run()).rejects.toMatchObject({ code: "device_lost" });
});

test("disposing frees, and refuses what comes", async () => {
  const { run, runner, transcriber } = setUp();
  await transcriber.dispose();
  expect(runner.destroyed).toBe(true);
  await expect(run()).rejects.toMatchObject({ code: "device_lost" });
});
