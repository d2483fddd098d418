/** Pictures, sounds and videos through the API: random encoders show nothing, but the same each time, where it belongs. */

import { WebMOutputFormat } from "mediabunny";
import { afterAll, expect, test } from "vitest";
import { openaiOver } from "./api/testing/openai.ts";
import { createOmni } from "./client.ts";
import { tone, waveFile } from "./media/audio/testing/waveFile.ts";
import { encodeVideo } from "./media/video/testing/encodeVideo.ts";
import {
  idefics3Metadata,
  omnitabMetadata,
  projectorFile,
} from "./models/projector/testing/projectorFile.ts";
import type { Omni, OmniOptions } from "./types.ts";
import { makeRandomModel } from "./weights/testing/randomModel.ts";

const open: Omni[] = [];
afterAll(() => Promise.all(open.map((omni) => omni.dispose())));

async function load(options: OmniOptions) {
  const omni = await createOmni(options);
  open.push(omni);
  return omni;
}

let shared: Promise<Omni> | undefined;
/** The embedded language model with small encoders. */
const omnitab = () => {
  shared ??= load({
    model: new URL("/models/omni-tiny.gguf", location.href),
    projector: projectorFile(omnitabMetadata(256), "f16").file,
    worker: false,
  });
  return shared;
};

async function dataUrl(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:${blob.type};base64,${btoa(text)}`;
}

function picture(colour: string, type = "image/png"): Promise<string> {
  const canvas = new OffscreenCanvas(48, 40);
  const context = canvas.getContext("2d")!;
  context.fillStyle = colour;
  context.fillRect(8, 8, 20, 20);
  return canvas.convertToBlob({ type }).then(dataUrl);
}

const image = async (colour: string) => ({
  type: "image_url" as const,
  image_url: { url: await picture(colour) },
});
const sound = async (hertz: number, seconds = 0.35) => {
  const file = waveFile({ sampleRate: 16_000, channels: [tone(hertz, 16_000, seconds)] });
  const data = (await dataUrl(new Blob([file]))).replace(/^.*,/, "");
  return { type: "input_audio" as const, input_audio: { data, format: "wav" as const } };
};
const text = (value: string) => ({ type: "text" as const, text: value });

/** A whole answer to a user's parts. */
async function ask(omni: Omni, content: object[], more: object = {}) {
  const body = {
    model: "",
    messages: [{ role: "user", content }],
    ...{ temperature: 0, max_tokens: 8, logprobs: true, ...more },
  };
  const answer = await openaiOver(omni.fetch).chat.completions.create(body as never);
  const { choices, usage } = answer as unknown as {
    choices: { logprobs: { content: { token: string; logprob: number }[] } }[];
    usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
  };
  return { tokens: choices[0]!.logprobs.content, usage };
}

async function refusal(omni: Omni, content: object[]) {
  const init = { method: "POST", body: JSON.stringify({ messages: [{ role: "user", content }] }) };
  const response = await omni.fetch("/v1/chat/completions", init);
  expect(response.status).toBe(400);
  return (await response.json()).error as { message: string; param: string; code: string };
}

test("a picture stands in the prompt with its marks, and the cache knows it", async () => {
  const omni = await omnitab();
  expect(omni.capabilities.input).toEqual(["text", "image", "audio", "video"]);
  const plain = await ask(omni, [text("What is it?")]);
  const red = await ask(omni, [await image("red"), text("What is it?")]);
  // Five rows between two marks.
  expect(red.usage.prompt_tokens).toBe(plain.usage.prompt_tokens + 7);
  expect(red.tokens).not.toEqual(plain.tokens);
  const again = await ask(omni, [await image("red"), text("What is it?")]);
  expect(again.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(8);
  expect(again.tokens.map(({ token }) => token)).toEqual(red.tokens.map(({ token }) => token));
  const blue = await ask(omni, [await image("blue"), text("What is it?")], { cache_prompt: false });
  expect(blue.tokens).not.toEqual(red.tokens);
  // The order of parts is the order in the prompt.
  const after = await ask(omni, [text("What is it?"), await image("red")]);
  expect(after.usage.prompt_tokens).toBe(red.usage.prompt_tokens);
  expect(after.tokens).not.toEqual(red.tokens);
});

test("sounds, videos and files, streamed and with several choices", async () => {
  const omni = await omnitab();
  const plain = await ask(omni, [text("Hm")]);
  const high = await ask(omni, [await sound(900), text("Hm")]);
  // Three steps of 0.16 s, of three rows each.
  expect(high.usage.prompt_tokens).toBe(plain.usage.prompt_tokens + 2 + 9);
  expect((await ask(omni, [await sound(300), text("Hm")])).tokens).not.toEqual(high.tokens);

  const frames = await Promise.all(["red", "lime", "blue"].map((colour) => picture(colour, "image/jpeg")));
  const list = frames.map((frame) => frame.replace(/^.*,/, "")).join(",");
  const video = { type: "video_url", video_url: { url: `data:video/jpeg;base64,${list}` } };
  const film = await ask(omni, [video, text("Hm")]);
  expect(film.usage.prompt_tokens).toBe(plain.usage.prompt_tokens + 3 * 7);

  const file = { type: "file", file: { filename: "a.png", file_data: await picture("red") } };
  const both = await ask(omni, [file, await sound(900), text("Hm")]);
  expect(both.usage.prompt_tokens).toBe(high.usage.prompt_tokens + 7);
  const note = { type: "file", file: { filename: "n.txt", file_data: "data:text/plain,Hm" } };
  expect((await ask(omni, [note])).usage.prompt_tokens).toBeGreaterThan(plain.usage.prompt_tokens);

  const stream = await openaiOver(omni.fetch).chat.completions.create({
    ...{ model: "", stream: true, n: 2, max_tokens: 4 },
    messages: [{ role: "user", content: [await image("red"), text("What is it?")] }],
  });
  const indices = new Set<number>();
  for await (const { choices } of stream) for (const { index } of choices) indices.add(index);
  expect([...indices].sort()).toEqual([0, 1]);
});

test("the sound of a video stands behind its frames, unless it is silent or too long", async () => {
  const omni = await omnitab();
  const tokens = async (seconds: number, silent: boolean) => {
    const sound = { codec: "opus", seconds, silent } as const;
    const size = { frames: 4, framesPerSecond: 4, width: 48, height: 48 };
    const file = await encodeVideo({ format: new WebMOutputFormat(), ...size, sound });
    const url = await dataUrl(new Blob([file], { type: "video/webm" }));
    const { usage } = await ask(omni, [{ type: "video_url", video_url: { url } }, text("Hm")]);
    return usage.prompt_tokens;
  };
  const silent = await tokens(0.8, true);
  // Steps of 0.16 s, of three rows each; Opus may add a little at either end.
  const steps = ((await tokens(0.8, false)) - silent - 2) / 3;
  expect([5, 6]).toContain(steps);
  // 48 steps are the longest sound.
  expect(await tokens(9, false)).toBe(silent);
});

test("bad parts are named, and the next request is answered", async () => {
  const omni = await omnitab();
  const url = (value: string) => ({ type: "image_url", image_url: { url: value } });
  const html = await dataUrl(new Blob(["<!doctype html><p>hi"], { type: "image/png" }));
  expect(await refusal(omni, [text("a"), url(html)])).toMatchObject({
    message: expect.stringContaining("web page"),
    param: "messages[0].content[1].image_url.url",
    code: "invalid_image",
  });
  expect((await refusal(omni, [url("data:image/png;base64,")])).message).toContain("empty (0 bytes)");
  expect((await refusal(omni, [url("ftp://a.example/x.png")])).message).toContain("data:, blob: or http");
  expect((await refusal(omni, [{ type: "image_url" }])).param).toBe("messages[0].content[0].image_url");
  const odd = { type: "image_url", image_url: { url: html, detail: "huge" } };
  expect((await refusal(omni, [odd])).param).toBe("messages[0].content[0].image_url.detail");
  expect((await refusal(omni, [await sound(400, 9)])).message).toMatch(/9 seconds long; at most 7\.68/);
  const noSound = { type: "input_audio", input_audio: { data: btoa("not a sound"), format: "wav" } };
  expect((await refusal(omni, [noSound])).param).toBe("messages[0].content[0].input_audio.data");
  const pdf = { type: "file", file: { file_data: "data:application/pdf;base64,JVBERg==" } };
  expect((await refusal(omni, [pdf])).message).toContain("application/pdf");
  // More than the context holds is not somebody else's fault, and long conversations give up their oldest turns.
  const tooMany = await Promise.all(Array.from({ length: 150 }, () => image("red")));
  expect(await refusal(omni, tooMany)).toMatchObject({ param: "messages", code: "context_length_exceeded" });
  const turn = async (colour: string, count: number) => ({
    role: "user",
    content: await Promise.all(Array.from({ length: count }, () => image(colour))),
  });
  const messages = [await turn("red", 100), { role: "assistant", content: "Hm" }, await turn("blue", 100)];
  const long = { messages, max_tokens: 4, truncation: "auto" };
  const response = await omni.fetch("/v1/chat/completions", { method: "POST", body: JSON.stringify(long) });
  expect(response.status).toBe(200);
  expect((await response.json()).usage.prompt_tokens).toBeLessThan(100 * 7 + 40);
  // Marks that users write are text.
  const plain = await ask(omni, [text("What is it?")]);
  const forged = await ask(omni, [text("<|image|>\uFFFE<|/image|>What is it?")]);
  expect(forged.usage.prompt_tokens).toBeGreaterThan(plain.usage.prompt_tokens + 3);
  expect((await ask(omni, [await image("red")])).tokens.length).toBeGreaterThan(0);
});

test("idefics3 behind a template that lists parts: tiles with their marks in the place of <image>", async () => {
  const template =
    "{% for message in messages %}{{ message['role'] | capitalize }}{% if message['content'][0]['type'] == 'image' %}{{ ':' }}" +
    "{% else %}{{ ': ' }}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}" +
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}";
  const shape = { layers: 1, width: 64, heads: 2, kvHeads: 1, headWidth: 32, feedForward: 128, vocab: 600 };
  const grid = [1, 2, 3, 4].flatMap((row) => [1, 2, 3, 4].map((column) => `<row_${row}_col_${column}>`));
  const controlTokens = [
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
    "<end_of_utterance>",
    ...grid,
  ];
  const options = { type: "f32", ...shape, chatTemplate: template, controlTokens } as const;
  const omni = await load({
    model: new Blob([makeRandomModel({ architecture: "llama", ...options })]),
    projector: projectorFile(idefics3Metadata(), "q8_0").file,
    worker: false,
  });
  expect(omni.capabilities.input).toEqual(["text", "image", "video"]);
  const tokensOf = async (content: string | object[]) => {
    const body = JSON.stringify({ messages: [{ role: "user", content }], return_token_strs: true });
    const response = await omni.fetch("/tokenize", { method: "POST", body });
    return (await response.json()) as { tokens: number[]; token_strs: string[] };
  };
  // The text of a plain message reaches the prompt, though the template reads parts only.
  expect((await tokensOf("Hm")).token_strs.join("")).toContain("Hm");
  const { token_strs: low } = await tokensOf([await image("red"), text("Hm")]);
  const rows = ["", "", "", ""];
  const whole = ["<fake_token_around_image>", "<global-img>", ...rows, "<fake_token_around_image>"];
  const start = low.indexOf("<fake_token_around_image>");
  expect(low.slice(start, start + 7)).toEqual(whole);
  expect(low.slice(0, start).join("")).toMatch(/User:$/);
  const { token_strs: high } = await tokensOf([
    { type: "image_url", image_url: { url: await picture("red"), detail: "high" } },
    text("Hm"),
  ]);
  const tiles = high.filter((token) => token.startsWith("<row_"));
  expect(tiles).toEqual(grid);
  expect(high.filter((token) => token === "")).toHaveLength(17 * 4);
  const answer = await ask(omni, [await image("red"), text("Hm")]);
  expect(answer.tokens.length).toBeGreaterThan(0);
});

test("a model without a projector says what it takes", async () => {
  const omni = await load({ model: new URL("/models/omni-tiny.gguf", location.href), worker: false });
  expect(omni.capabilities).toEqual({ tasks: ["chat"], input: ["text"], output: ["text"] });
  expect(await refusal(omni, [await image("red")])).toMatchObject({
    message: expect.stringContaining("takes no image. It takes: text."),
    param: "messages[0].content[0].type",
  });
});
