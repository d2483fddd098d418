/** The page's part of `npm run eval -- --overlap`: how soon an answer begins where encoding went on during capture. */

import { createOmni } from "../../src/runtime/client.ts";
import { waveFile } from "../../src/runtime/media/audio/testing/waveFile.ts";
import { addresses, base64, pictures, speech } from "./answer.ts";

const sampleRate = 16_000;
/** As `src/ui/media/prepare.ts`. */
const stepSamples = 0.64 * sampleRate;

interface Figures {
  kind: string;
  /** Medians, in ms. */
  without: number;
  withOverlap: number;
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export async function measureOverlap(runs: number): Promise<Figures[]> {
  const absolute = (path: string) => new URL(path.replace("/public/", "/"), location.href);
  const omni = await createOmni({
    model: absolute(addresses.model),
    projector: absolute(addresses.projector),
  });
  const post = (path: string, body: object) =>
    omni.fetch(path, { method: "POST", body: JSON.stringify(body) });
  const firstToken = async (content: object[]) => {
    const startMs = performance.now();
    const messages = [{ role: "user", content }];
    const response = await post("/v1/chat/completions", {
      messages,
      max_tokens: 4,
      stream: true,
      temperature: 0,
    });
    const decoder = new TextDecoder();
    let elapsedMs = 0;
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>)
      if (elapsedMs === 0 && /"content":"[^"]/.test(decoder.decode(piece)))
        elapsedMs = performance.now() - startMs;
    return elapsedMs;
  };

  const samples = await speech();
  /** Five seconds that nobody has heard before. */
  const question = (run: number) =>
    samples
      .slice(run * 7000, run * 7000 + 5 * sampleRate)
      .map((value, i) => value + ((i * 31 + run) % 13) * 1e-4);
  const heard = async (part: Float32Array) => {
    const file = waveFile({ sampleRate, channels: [part] });
    return { type: "input_audio", input_audio: { data: await base64(new Blob([file])), format: "wav" } };
  };
  const tiles = await pictures();
  const seen = async (tile: number) => ({
    type: "image_url",
    image_url: { url: `data:image/png;base64,${await base64(await tiles(tile))}` },
  });
  const what = { type: "text", text: "What is this?" };

  // Compiles, and caches what is the same in all.
  await firstToken([await heard(question(200))]);
  await firstToken([await seen(300), what]);
  const times = { sound: [[], []] as number[][], picture: [[], []] as number[][] };
  for (let run = 0; run < runs; run++) {
    times.sound[0]!.push(await firstToken([await heard(question(2 * run))]));
    const spoken = question(2 * run + 1);
    for (let length = stepSamples; length <= spoken.length; length += stepSamples) {
      const messages = [{ role: "user", content: [await heard(spoken.subarray(0, length))] }];
      const body = { messages, max_tokens: 1, temperature: 0, add_generation_prompt: false };
      await (await post("/v1/chat/completions", body)).arrayBuffer();
    }
    times.sound[1]!.push(await firstToken([await heard(spoken)]));

    times.picture[0]!.push(await firstToken([await seen(2 * run), what]));
    const picture = await seen(2 * run + 1);
    const body = { messages: [{ role: "user", content: [picture] }], max_tokens: 1, temperature: 0 };
    await (await post("/v1/chat/completions", { ...body, add_generation_prompt: false })).arrayBuffer();
    times.picture[1]!.push(await firstToken([picture, what]));
  }
  await omni.dispose();
  return [
    {
      kind: "a spoken question of 5 s",
      without: median(times.sound[0]!),
      withOverlap: median(times.sound[1]!),
    },
    { kind: "a snapshot", without: median(times.picture[0]!), withOverlap: median(times.picture[1]!) },
  ];
}
