/** From files to text: random weights say nothing, but the same from either kind of file, and in the right form. */

import { afterEach, expect, test } from "vitest";
import { openaiOver } from "./api/testing/openai.ts";
import { createOmni } from "./client.ts";
import { tone, waveFile } from "./media/audio/testing/waveFile.ts";
import type { LoadProgress, ModelSource, Omni } from "./types.ts";
import {
  cutTiny,
  whisperGgmlFile,
  whisperSafetensors,
  whisperSiblings,
  whisperTensors,
} from "./weights/testing/whisperFiles.ts";

const narrow = { audioWidth: 64, audioHeads: 2, textWidth: 64, textHeads: 2 };
const sizes = { ...cutTiny, ...narrow, audioContext: 50 };
const tensors = whisperTensors(sizes);
const file = new File([waveFile({ sampleRate: 22_050, channels: [tone(700, 22_050, 1.4)] })], "tone.wav");
const ggml = () => new File([whisperGgmlFile(sizes, "f32", tensors)], "ggml-cut.bin");
const safetensors = () => [
  new File([whisperSafetensors(tensors)], "model.safetensors"),
  ...Object.entries(whisperSiblings(sizes)).map(([name, text]) => new File([text], name)),
];

const open: Omni[] = [];
afterEach(() => Promise.all(open.splice(0).map((omni) => omni.dispose())));

async function load(
  model: ModelSource,
  options: { worker?: false; onProgress?: (p: LoadProgress) => void } = {},
) {
  const omni = await createOmni({ model, ...options });
  open.push(omni);
  return omni;
}

/** A temperature, so that each window is decoded once. */
const ask = (omni: Omni) =>
  openaiOver(omni.fetch).audio.transcriptions.create({
    ...{ file, model: "", language: "en", temperature: 0.01, response_format: "verbose_json" },
    timestamp_granularities: ["word", "segment"],
  });

test("a whisper.cpp file in a worker, and safetensors with the files beside it, say the same", async () => {
  const progress: LoadProgress[] = [];
  const fromGgml = await load(ggml(), { onProgress: (each) => progress.push(each) });
  const first = await ask(fromGgml);
  expect(first.language).toBe("english");
  expect(first.duration).toBeCloseTo(1.4, 1);
  for (const segment of first.segments!) {
    expect(segment.end).toBeGreaterThan(segment.start);
    expect(segment.avg_logprob).toBeLessThan(0);
    expect(segment.tokens.length).toBeGreaterThan(1);
  }
  for (const { start, end, word } of first.words!) {
    expect(start).toBeLessThanOrEqual(end);
    expect(word).not.toBe("");
  }
  expect(first.text.length).toBeGreaterThan(3);
  const models = await (await fromGgml.fetch("/v1/models")).json();
  expect(models.data[0].id).toBe("ggml-cut");
  const stats = await fromGgml.stats();
  expect(stats.model).toMatchObject({ architecture: "whisper", contextLength: 64 });
  expect(stats.requests).toMatchObject({ finished: 1, stop: 1, running: 0 });
  expect(stats.audio!.seconds).toBeCloseTo(1.4, 1);
  expect(stats.gpuBytes.weights).toBeGreaterThan(500_000);
  expect(progress.at(-1)?.phase).toBe("ready");
  expect((await ask(fromGgml)).text).toBe(first.text);

  const fromSafetensors = await load(safetensors(), { worker: false });
  expect(await ask(fromSafetensors)).toEqual(first);
});

test("the language is detected, and a broken file is an error of the request", async () => {
  const omni = await load(ggml());
  const client = openaiOver(omni.fetch);
  const verbose = { model: "", response_format: "verbose_json", temperature: 0.01 } as const;
  const { language } = await client.audio.transcriptions.create({ ...verbose, file });
  expect(language).toMatch(/^[a-z ]+$/);
  const broken = new File(
    [waveFile({ sampleRate: 16_000, channels: [tone(700, 16_000, 1)] }).slice(0, 999)],
    "a.wav",
  );
  const error = await client.audio.transcriptions
    .create({ model: "", file: broken })
    .catch((thrown) => thrown);
  expect(error).toMatchObject({ status: 400, param: "file", code: "invalid_audio" });
  const chat = await omni.fetch("/v1/chat/completions", { method: "POST", body: "{}" });
  expect([chat.status, (await chat.json()).error.code]).toEqual([400, "model_not_supported"]);
});

test("what is missing or wrong is said before weights are read", async () => {
  const refusal = (model: ModelSource) =>
    load(model, { worker: false }).then(
      () => expect.fail("loaded"),
      (e) => e,
    );
  const [model, config, tokenizer] = safetensors() as [File, File, File];
  expect(await refusal(model)).toMatchObject({ code: "invalid_request", message: /config\.json/ });
  expect(await refusal([model, config])).toMatchObject({
    code: "invalid_request",
    message: /tokenizer\.json/,
  });
  const bert = new File(['{"model_type":"bert"}'], "config.json");
  expect(await refusal([model, bert, tokenizer])).toMatchObject({
    code: "unsupported_model",
    message: /bert/,
  });
  const cut = new File([await model.slice(0, -1000).arrayBuffer()], "model.safetensors");
  expect(await refusal([cut, config, tokenizer])).toMatchObject({
    code: "bad_model_file",
    message: /cut short/,
  });
  const short = new File([await ggml().slice(0, 5000).arrayBuffer()], "ggml.bin");
  expect(await refusal(short)).toMatchObject({ code: "bad_model_file" });
});
