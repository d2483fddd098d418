/** Transcription with the built library and the official client: models and audio from addresses, under the strict policy. */

import { expect, test } from "./site.ts";

test("both kinds of Whisper file, with and without ranges, say the same", async ({ embedded, site }) => {
  const models = [
    "../../models/whisper/ggml-random.bin",
    "../../faults/whole/whisper/ggml-random.bin",
    "../../models/whisper/model.safetensors",
  ];
  const results = await embedded.evaluate(async (models) => {
    const blob = await (await fetch("../../models/tone.wav")).blob();
    const file = new File([blob], "tone.wav");
    const results: { text: string; streamed: string; id: string; seconds: number | undefined }[] = [];
    for (const model of models) {
      const omni = await createOmni({ model });
      const client = new OpenAI({
        ...{ apiKey: "local", baseURL: "https://omni.local/v1" },
        ...{ fetch: omni.fetch, dangerouslyAllowBrowser: true },
      });
      const { data } = await client.models.list();
      // A temperature, so that each window is decoded once: random weights pass no test of sense.
      const fields = { file, model: data[0]!.id, language: "en", temperature: 0.01 };
      const { text } = await client.audio.transcriptions.create(fields);
      let streamed = "";
      for await (const event of await client.audio.transcriptions.create({ ...fields, stream: true }))
        if (event.type === "transcript.text.delta") streamed += event.delta;
      const { audio } = await omni.stats();
      results.push({ text, streamed, id: data[0]!.id, seconds: audio?.seconds });
      await omni.dispose();
    }
    return results;
  }, models);

  const [first, ...others] = results;
  expect(first!.text.length).toBeGreaterThan(3);
  expect(first!.streamed.trim()).toBe(first!.text);
  expect(first!.seconds).toBeCloseTo(2.4, 1);
  expect(others.map(({ text }) => text)).toEqual([first!.text, first!.text]);
  expect(results.map(({ id }) => id)).toEqual(["ggml-random", "ggml-random", "whisper"]);
  expect(site.requests(/whisper\/generation_config\.json/)).toHaveLength(1);
});

test("audio that is none is an error of the client's own class; so is the wrong route", async ({
  embedded,
}) => {
  const errors = await embedded.evaluate(async () => {
    const omni = await createOmni({ model: "../../models/whisper/ggml-random.bin" });
    const client = new OpenAI({
      ...{ apiKey: "local", baseURL: "https://omni.local/v1" },
      ...{ fetch: omni.fetch, dangerouslyAllowBrowser: true },
    });
    const seen = (error: unknown) => {
      const { status, param, code } = error as { status: number; param: string; code: string };
      return { isOwn: error instanceof OpenAI.BadRequestError, status, param, code };
    };
    const page = new File(["<!doctype html><title>404</title>"], "speech.wav");
    const model = "ggml-random";
    const errors = [
      await client.audio.transcriptions.create({ file: page, model }).then(() => undefined, seen),
      await client.completions.create({ model, prompt: "Hi" }).then(() => undefined, seen),
    ];
    await omni.dispose();
    return errors;
  });
  const shared = { isOwn: true, status: 400 };
  expect(errors).toEqual([
    { ...shared, param: "file", code: "invalid_audio" },
    { ...shared, param: "model", code: "model_not_supported" },
  ]);
});
