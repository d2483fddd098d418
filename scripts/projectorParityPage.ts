/** The page's part of `projectorParity.mjs`. */

import { Wllama } from "../node_modules/@wllama/wllama/esm/index.js";
import { createOmni } from "../src/runtime/client.ts";
import {
  gemma3Metadata,
  idefics3Metadata,
  type ProjectorMetadata,
  projectorFile,
  qwen3vlMetadata,
  ultravoxMetadata,
} from "../src/runtime/models/projector/testing/projectorFile.ts";
import { writeGguf } from "../src/runtime/weights/testing/ggufWriter.ts";
import { type RandomModel, randomModelContents } from "../src/runtime/weights/testing/randomModel.ts";
import { waveFile } from "../src/ui/capture/waveFile.ts";

const template = "{% for message in messages %}{{ message['content'] }}{% endfor %}";
const most = 20;

interface Case {
  name: string;
  language: RandomModel;
  projector: ProjectorMetadata;
  /** Of the picture: such that nobody resizes it. Without one, the model is given a sound. */
  size?: { width: number; height: number };
  /** Text around a picture that llama.cpp leaves to whoever writes the prompt. @default "" */
  around?: string;
  /** Text behind a sound: llama.cpp cannot answer to a prompt that ends with one. */
  after?: string;
}

const shared = { type: "f32", vocab: 700, chatTemplate: template } as const;

/** Whisper's windows. Released files stack 8 positions: of these llama.cpp counts 187 rows, makes 188 and aborts. */
const hearing = { positions: 1500, stack: 4, gated: 1024 };

/** At the models' widths, layers cut. */
const cases: Case[] = [
  {
    name: "idefics3",
    language: {
      ...{ ...shared, architecture: "llama", layers: 2, width: 576, heads: 9, kvHeads: 3, headWidth: 64 },
      feedForward: 1536,
      controlTokens: [
        ...["<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>", "\n", "\n\n"],
      ],
    },
    projector: idefics3Metadata({
      ...{ imageSize: 128, patchSize: 16, width: 768, heads: 12, feedForward: 3072, layers: 2, output: 576 },
    }).map((entry): typeof entry =>
      entry[0] === "clip.vision.preproc_image_size" ? [entry[0], "u32", 128] : entry,
    ),
    size: { width: 128, height: 128 },
  },
  {
    name: "qwen3vl_merger",
    language: {
      ...{ ...shared, architecture: "qwen3vl", layers: 3, width: 512, heads: 8, kvHeads: 4, headWidth: 96 },
      ...{ feedForward: 1024, deepstackLayers: 2, ropeTheta: 5_000_000, normEpsilon: 1e-6 },
      controlTokens: ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>"],
    },
    // A table as large as the picture: llama.cpp's way of resizing it is not compared.
    projector: qwen3vlMetadata({
      ...{ imageSize: 256, patchSize: 16, width: 1024, heads: 16, feedForward: 4096, layers: 3, output: 512 },
      minPixels: 16 * 32 ** 2,
    }).map((entry): typeof entry =>
      entry[0] === "clip.vision.image_max_pixels" ? [entry[0], "u32", 2 ** 20] : entry,
    ),
    size: { width: 256, height: 256 },
  },
  {
    name: "gemma3",
    language: {
      ...{ ...shared, architecture: "gemma3", layers: 6, width: 640, heads: 4, kvHeads: 1, headWidth: 256 },
      ...{ feedForward: 2048, ropeTheta: 1_000_000, normEpsilon: 1e-6, window: 512 },
      controlTokens: ["<start_of_image>", "<end_of_image>"],
    },
    projector: gemma3Metadata({
      ...{ imageSize: 224, patchSize: 14, width: 1152, heads: 16, feedForward: 4304, layers: 2, output: 640 },
    }).map((entry): typeof entry =>
      entry[0] === "clip.vision.projector.scale_factor" ? [entry[0], "u32", 4] : entry,
    ),
    size: { width: 224, height: 224 },
    // Between parts it writes a line break itself.
    around: "\n",
  },
  {
    name: "ultravox",
    language: {
      ...{ ...shared, architecture: "llama", layers: 2, width: 576, heads: 9, kvHeads: 3, headWidth: 64 },
      feedForward: 1536,
    },
    projector: ultravoxMetadata({ width: 384, heads: 6, feedForward: 1536, output: 576 }).map(
      (entry): typeof entry =>
        entry[0] === "clip.audio.projector.stack_factor" ? [entry[0], "u32", hearing.stack] : entry,
    ),
    after: ".",
  },
];

function filesOf({ language, projector }: Case) {
  const contents = randomModelContents(language);
  const { width, controlTokens = [] } = language;
  // wllama ends at a token that is half a character: none of these is among the most probable ones.
  const embedding = contents.tensors.find(({ name }) => name === "token_embd.weight")!;
  const firstByte = 3 + controlTokens.length;
  embedding.bytes.fill(0, firstByte * width * 4, (firstByte + 256) * width * 4);
  // Logits of some units, as those of the other parity models: steep ones magnify what llama.cpp rounds.
  const gain = contents.tensors.find(({ name }) => name === "output_norm.weight")!;
  const values = new Float32Array(gain.bytes.buffer, gain.bytes.byteOffset, gain.bytes.length / 4);
  values.forEach((value, i) => {
    values[i] = value / 16;
  });
  return {
    model: new Blob([writeGguf(contents)]),
    projector: projectorFile(projector, "f32", 1, hearing).file,
  };
}

/** As large as a view, so that nobody resizes it. */
async function picture(hue: number, { width, height }: { width: number; height: number }): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  // Opaque: what shines through is black to llama.cpp and white to us.
  context.fillStyle = "#567";
  context.fillRect(0, 0, width, height);
  for (let i = 0; i < 40; i++) {
    context.fillStyle = `hsl(${(hue + 47 * i) % 360} 80% ${30 + ((i * 13) % 50)}%)`;
    context.fillRect((i * 37) % width, (i * 23) % height, 50, 34);
  }
  return canvas.convertToBlob({ type: "image/png" });
}

/** Rising tones, one above the other; less than a window, as llama.cpp adds an empty one to a full one. */
function sound(seed: number): Blob {
  const rate = 16_000;
  const samples = Float32Array.from({ length: 20 * rate }, (_, i) => {
    const time = i / rate;
    const tone = (base: number) => Math.sin(2 * Math.PI * (base + 9 * seed + 20 * time) * time);
    return 0.2 * tone(180) + 0.1 * tone(700) * Math.sin(7 * time) ** 2;
  });
  return waveFile(samples, rate);
}

function base64(data: ArrayBuffer): string {
  return btoa(Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join(""));
}

interface Answer {
  /** Log-probabilities by token text, the most probable ones. */
  top: Map<string, number>;
  promptTokens: number;
}

interface Choice {
  logprobs: { content: { top_logprobs: { token: string; logprob: number }[] }[] };
}

const answerOf = (response: { choices: unknown[]; usage?: { prompt_tokens: number } }): Answer => {
  const { logprobs } = response.choices[0] as Choice;
  const top = logprobs.content[0]!.top_logprobs.map(({ token, logprob }) => [token, logprob] as const);
  return { top: new Map(top), promptTokens: response.usage?.prompt_tokens ?? 0 };
};

const asked = { max_tokens: 1, temperature: 0, logprobs: true, top_logprobs: most };

/** @param only of these cases the one of this name */
export async function compareAll(only?: string) {
  const results = [];
  for (const one of cases.filter(({ name }) => !only || name === only)) results.push(...(await compare(one)));
  return results;
}

/**
 * llama.cpp makes spectra in threads of its own and waits for them, for ever if the pool has none left. Here the pool is as
 * large as `loadModel` is told, and everything else runs in one thread.
 */
function spareThreads(llama: Wllama) {
  type Worker = { wllamaAction(name: string, body: object): Promise<unknown> };
  let worker: Worker | undefined;
  Object.defineProperty(llama, "proxy", {
    get: () => worker,
    set(created: Worker | undefined) {
      worker = created;
      const act = created?.wllamaAction.bind(created);
      if (created && act)
        created.wllamaAction = (name, body) => act(name, name === "load" ? { ...body, n_threads: 1 } : body);
    },
  });
}

async function compare(one: Case) {
  const { model, projector } = filesOf(one);
  const omni = await createOmni({ model, projector, kvCache: { type: "f32" } });
  const llama = new Wllama(
    { default: new URL("/node_modules/@wllama/wllama/esm/wasm/wllama.wasm", location.href).href },
    { allowOffline: true },
  );
  if (!one.size) spareThreads(llama);
  await llama.loadModel([model, projector], { n_ctx: 512, n_gpu_layers: 0, n_threads: one.size ? 1 : 16 });
  const results = [];
  for (const seed of [10, 200]) {
    const media = one.size ? await picture(seed, one.size) : sound(seed);
    const data = await media.arrayBuffer();
    const part = { type: one.size ? "image" : "audio", data };
    // Alone: llama.cpp joins parts by line breaks where a template takes strings, and we do not.
    const theirs = answerOf(
      (await llama.createChatCompletion({
        ...asked,
        messages: [
          {
            role: "user",
            content: one.around
              ? [{ type: "text", text: one.around }, part, { type: "text", text: one.around }]
              : one.after
                ? [part, { type: "text", text: one.after }]
                : [part],
          },
        ],
      } as never)) as never,
    );
    const content = [
      one.size
        ? { type: "image_url", image_url: { url: URL.createObjectURL(media), detail: "high" } }
        : { type: "input_audio", input_audio: { data: base64(data), format: "wav" } },
      ...(one.after ? [{ type: "text", text: `\n${one.after}` }] : []),
    ];
    const body = JSON.stringify({ ...asked, messages: [{ role: "user", content }] });
    const response = await omni.fetch("/v1/chat/completions", { method: "POST", body });
    const ours = answerOf(await response.json());
    let divergence = 0;
    let largest = 0;
    for (const [token, logprob] of theirs.top) {
      const own = ours.top.get(token);
      if (own === undefined) continue;
      divergence += Math.exp(logprob) * (logprob - own);
      largest = Math.max(largest, Math.abs(logprob - own));
    }
    const shared = [...theirs.top.keys()].filter((token) => ours.top.has(token)).length;
    if (shared < most / 2) divergence = Number.POSITIVE_INFINITY;
    results.push({
      media: `${one.name}, ${seed}`,
      divergence: Math.abs(divergence),
      largest,
      tokens: [ours.promptTokens, theirs.promptTokens],
    });
  }
  await llama.exit();
  await omni.dispose();
  return results;
}
