/** The page's part of `projectorParity.mjs`. */

import { Wllama } from "../node_modules/@wllama/wllama/esm/index.js";
import { createOmni } from "../src/runtime/client.ts";
import { idefics3Metadata, projectorFile } from "../src/runtime/models/projector/testing/projectorFile.ts";
import { writeGguf } from "../src/runtime/weights/testing/ggufWriter.ts";
import { randomModelContents } from "../src/runtime/weights/testing/randomModel.ts";

const marks = ["<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>", "\n", "\n\n"];
const template = "{% for message in messages %}{{ message['content'] }}{% endfor %}";
const side = 128;
const most = 20;

function models() {
  const shape = { layers: 2, width: 576, heads: 9, kvHeads: 3, headWidth: 64, feedForward: 1536, vocab: 700 };
  const contents = randomModelContents({
    ...{ architecture: "llama", type: "f32", ...shape, chatTemplate: template, controlTokens: marks },
  });
  // wllama ends at a token that is half a character: none of these is among the most probable ones.
  const embedding = contents.tensors.find(({ name }) => name === "token_embd.weight")!;
  const firstByte = 3 + marks.length;
  embedding.bytes.fill(0, firstByte * 576 * 4, (firstByte + 256) * 576 * 4);
  // Logits of some units, as those of the other parity models: steep ones magnify what llama.cpp rounds.
  const gain = contents.tensors.find(({ name }) => name === "output_norm.weight")!;
  const values = new Float32Array(gain.bytes.buffer, gain.bytes.byteOffset, gain.bytes.length / 4);
  values.forEach((value, i) => {
    values[i] = value / 16;
  });
  const model = writeGguf(contents);
  const sizes = {
    imageSize: side,
    patchSize: 16,
    width: 768,
    heads: 12,
    feedForward: 3072,
    layers: 2,
    output: 576,
  };
  const metadata = idefics3Metadata(sizes).map((entry): typeof entry =>
    entry[0] === "clip.vision.preproc_image_size" ? [entry[0], "u32", side] : entry,
  );
  return { model: new Blob([model]), projector: projectorFile(metadata, "f32").file };
}

/** As large as a view, so that nobody resizes it. */
async function picture(hue: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d")!;
  for (let i = 0; i < 40; i++) {
    context.fillStyle = `hsl(${(hue + 47 * i) % 360} 80% ${30 + ((i * 13) % 50)}%)`;
    context.fillRect((i * 37) % side, (i * 23) % side, 50, 34);
  }
  return canvas.convertToBlob({ type: "image/png" });
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

export async function compareAll() {
  const { model, projector } = models();
  const omni = await createOmni({ model, projector, kvCache: { type: "f32" } });
  const llama = new Wllama(
    { default: new URL("/node_modules/@wllama/wllama/esm/wasm/wllama.wasm", location.href).href },
    { allowOffline: true },
  );
  await llama.loadModel([model, projector], { n_ctx: 512, n_gpu_layers: 0, n_threads: 1 });
  const results = [];
  for (const hue of [10, 200]) {
    const image = await picture(hue);
    const data = await image.arrayBuffer();
    // Alone: llama.cpp joins parts by line breaks where a template takes strings, and we do not.
    const theirs = answerOf(
      (await llama.createChatCompletion({
        ...asked,
        messages: [
          {
            role: "user",
            content: [{ type: "image", data }],
          },
        ],
      } as never)) as never,
    );
    const url = URL.createObjectURL(image);
    const content = [{ type: "image_url", image_url: { url, detail: "high" } }];
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
      picture: `hue ${hue}`,
      divergence: Math.abs(divergence),
      largest,
      tokens: [ours.promptTokens, theirs.promptTokens],
    });
  }
  await llama.exit();
  await omni.dispose();
  return results;
}
