/** The page's part of `npm run eval`: asks the embedded model each item, several at once. */

import { createOmni } from "../../src/runtime/client.ts";
import { decodeAudio, joinedSamples } from "../../src/runtime/media/audio/decodeAudio.ts";
import { waveFile } from "../../src/runtime/media/audio/testing/waveFile.ts";
import type { Item, Part } from "./scoring.mjs";

const tileSize = 64;
const tilesAcross = 16;
const atOnce = 8;

export const addresses = {
  model: "/public/models/omni-tiny.gguf",
  projector: "/public/models/omni-tiny-mmproj.gguf",
  pictures: "/training/eval/pictures.png",
  speech: "/training/eval/speech.opus",
};

export async function answerAll(items: readonly Item[]): Promise<string[]> {
  const tiles = await pictures();
  const samples = await speech();
  const absolute = (path: string) => new URL(path.replace("/public/", "/"), location.href);
  const omni = await createOmni({
    model: absolute(addresses.model),
    projector: absolute(addresses.projector),
  });
  const { adapter } = await omni.stats();
  console.log(`adapter: ${adapter.name}`);
  const contentOf = async (part: Part) => {
    if (part.type === "text") return part;
    if (part.type === "audio") {
      const [start, count] = part.span;
      const file = waveFile({
        ...{ sampleRate: 16_000, bits: 32, float: true },
        channels: [samples.subarray(start, start + count)],
      });
      const data = await base64(new Blob([file]));
      return { type: "input_audio", input_audio: { data, format: "wav" } };
    }
    const frames = await Promise.all(part.tiles.map(async (tile) => base64(await tiles(tile))));
    return part.type === "image"
      ? { type: "image_url", image_url: { url: `data:image/png;base64,${frames[0]}` } }
      : { type: "video_url", video_url: { url: `data:video/jpeg;base64,${frames.join(",")}` } };
  };
  const replies: string[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < items.length; i = next++) {
      const messages = [];
      for (const [role, parts] of items[i]!.turns) {
        const content = await Promise.all(parts.map(contentOf));
        messages.push({
          role,
          content: role === "user" ? content : parts.map((part) => (part as { text: string }).text).join(""),
        });
      }
      const body = JSON.stringify({ messages, temperature: 0, max_tokens: 120 });
      const response = await omni.fetch("/v1/chat/completions", { method: "POST", body });
      const answer = await response.json();
      if (!response.ok) throw new Error(`item ${i}: ${answer.error.message}`);
      replies[i] = answer.choices[0].message.content;
      if (i % 50 === 0) console.log(`${i} of ${items.length}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await omni.dispose();
  return replies;
}

export async function pictures(): Promise<(tile: number) => Promise<Blob>> {
  const sheet = await createImageBitmap(await (await fetch(addresses.pictures)).blob());
  return (tile) => {
    const canvas = new OffscreenCanvas(tileSize, tileSize);
    const [left, top] = [(tile % tilesAcross) * tileSize, Math.floor(tile / tilesAcross) * tileSize];
    canvas.getContext("2d")!.drawImage(sheet, -left, -top);
    return canvas.convertToBlob({ type: "image/png" });
  };
}

export async function speech(): Promise<Float32Array> {
  const audio = await decodeAudio(await (await fetch(addresses.speech)).blob());
  const all = await joinedSamples(audio);
  audio.close();
  return all;
}

export async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
