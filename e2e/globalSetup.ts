/** What the pages under test are given: small models made on the spot, and the `openai` client as one file. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build, runnerImport } from "vite";
import { fixtures } from "./site.ts";

const root = path.resolve(import.meta.dirname, "..");

export default async function globalSetup() {
  mkdirSync(fixtures, { recursive: true });
  await Promise.all([writeModels(), writeSpeech(), bundleOpenai(), buildFakePage()]);
}

type Writer = typeof import("../src/runtime/weights/testing/ggufWriter.ts");
type Random = typeof import("../src/runtime/weights/testing/randomModel.ts");

async function writeModels() {
  const testing = path.join(root, "src/runtime/weights/testing");
  const { makeRandomModel, randomModelContents } = (
    await runnerImport<Random>(path.join(testing, "randomModel.ts"))
  ).module;
  const { writeGguf } = (await runnerImport<Writer>(path.join(testing, "ggufWriter.ts"))).module;
  const shape = { layers: 2, width: 64, heads: 4, kvHeads: 2, headWidth: 16, feedForward: 128, vocab: 512 };
  const llama = { architecture: "llama", type: "q8_0", contextLength: 256, ...shape } as const;
  const random = makeRandomModel(llama);
  writeFileSync(path.join(fixtures, "random.gguf"), random);
  const other = { ...llama, architecture: "qwen3", type: "f16", seed: 2 } as const;
  writeFileSync(path.join(fixtures, "other.gguf"), makeRandomModel(other));
  // The same file with an architecture of the same length that nobody has.
  writeFileSync(path.join(fixtures, "unknown.gguf"), replaceAscii(random, "llama", "lhama"));
  writeFileSync(
    path.join(fixtures, "page.gguf"),
    "<!doctype html><title>Not found</title><p>Sign in to go on.</p>",
  );
  // Its words are attacks. It has room to talk for long, too, for those who want to stop it.
  const hostile = randomModelContents({ ...llama, contextLength: 4096, seed: 3 });
  const metadata = hostile.metadata.map(([key, type, value]) =>
    key === "tokenizer.ggml.tokens"
      ? ([key, type, (value as string[]).map((word, i) => (i < 286 ? word : attack(i)))] as const)
      : ([key, type, value] as const),
  );
  writeFileSync(path.join(fixtures, "hostile.gguf"), writeGguf({ ...hostile, metadata }));
}

type Whisper = typeof import("../src/runtime/weights/testing/whisperFiles.ts");
type Wave = typeof import("../src/runtime/media/audio/testing/waveFile.ts");

/** One Whisper model as both kinds of file, and something to hear. */
async function writeSpeech() {
  const source = path.join(root, "src/runtime");
  const { cutTiny, whisperGgmlFile, whisperSafetensors, whisperSiblings, whisperTensors } = (
    await runnerImport<Whisper>(path.join(source, "weights/testing/whisperFiles.ts"))
  ).module;
  const { tone, waveFile } = (await runnerImport<Wave>(path.join(source, "media/audio/testing/waveFile.ts")))
    .module;
  const sizes = { ...cutTiny, audioContext: 50, audioWidth: 64, audioHeads: 2, textWidth: 64, textHeads: 2 };
  const tensors = whisperTensors(sizes);
  const dir = path.join(fixtures, "whisper");
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "ggml-random.bin"), whisperGgmlFile(sizes, "f32", tensors));
  writeFileSync(path.join(dir, "model.safetensors"), whisperSafetensors(tensors));
  for (const [name, text] of Object.entries(whisperSiblings(sizes)))
    writeFileSync(path.join(dir, name), text);
  const channels = [tone(500, 44_100, 1.2), tone(900, 44_100, 1.2)];
  writeFileSync(path.join(fixtures, "tone.wav"), waveFile({ sampleRate: 44_100, channels }));
}

/** Markdown and HTML that would run a script or fetch something, if anything let it; all different by their number. */
function attack(number: number): string {
  const kinds = [
    `<script>pwned=${number}</script>`,
    `<img src=x${number} onerror="pwned=1">`,
    `\n\n[a link](javascript:pwned=${number})\n\n`,
    `![an image](https://tracker.invalid/${number}.png)`,
    `<iframe srcdoc="<script>parent.pwned=${number}</script>"></iframe>`,
    `\n\n<svg onload="pwned=${number}"><style>*{display:none}</style></svg>\n\n`,
    `[b](data:text/html,<script>${number}</script>)`,
    `\n\n# heading ${number} <a href="vbscript:x" onclick="pwned=1">\n\n`,
  ];
  return kinds[number % kinds.length]!;
}

function replaceAscii(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1").replaceAll(from, to);
  return Buffer.from(text, "latin1");
}

/** The chat page with a stand-in for the runtime: what the page sends can be read, and no model is needed. */
async function buildFakePage() {
  const fake = path.join(root, "src/ui/testing/fakeClient.ts");
  await build({
    root,
    configFile: path.join(root, "vite.config.ts"),
    logLevel: "warn",
    plugins: [
      {
        name: "omnitab:fake-client",
        enforce: "pre",
        load: (id) =>
          /\/src\/runtime\/client\.ts$/.test(id.replaceAll("\\", "/"))
            ? `export { createOmni } from ${JSON.stringify(fake)};`
            : null,
      },
    ],
    build: { outDir: path.join(fixtures, "fake-page"), emptyOutDir: true },
  });
}

async function bundleOpenai() {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      outDir: path.join(fixtures, "vendor"),
      emptyOutDir: true,
      lib: {
        entry: path.join(root, "node_modules/openai/index.mjs"),
        formats: ["es"],
        fileName: () => "openai.js",
      },
    },
  });
}
