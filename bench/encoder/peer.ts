/** onnxruntime-web's WebGPU provider on the same encoders; installed aside (138 MB). */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installAside } from "../../scripts/aside.mjs";
import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import { root } from "../../scripts/install.mjs";
import { logMelRef } from "../../src/kernels/spectrum/logMel.ref.ts";
import { whisperSpec } from "../../src/kernels/spectrum/logMel.ts";
import { melFilters } from "../../src/kernels/spectrum/melFilters.ts";
import { whisperTensors } from "../../src/runtime/weights/testing/whisperFiles.ts";
import { withBuiltPage } from "../browser.ts";
import { siglipGraph, whisperGraph } from "../onnx/encoders.ts";
import { type OnnxGraph, writeOnnx } from "../onnx/onnxFile.ts";
import {
  type EncoderName,
  siglip,
  siglipPixels,
  siglipTensors,
  whisperSamples,
  whisperTiny,
} from "./shapes.ts";

export interface PeerResult {
  loadMs: number;
  timesMs: number[];
  values: number[];
}

interface PeerInput {
  name: string;
  dims: number[];
  values: number[];
}

const peers: Record<EncoderName, (type: "f32" | "f16") => { graph: OnnxGraph; input: () => PeerInput }> = {
  "whisper-tiny": (type) => {
    const tensors = new Map(whisperTensors(whisperTiny).map((tensor) => [tensor.name, tensor]));
    const { melBins, audioContext: positions, audioWidth: width, audioHeads: heads } = whisperTiny;
    const shape = { melBins, positions, width, heads, layers: whisperTiny.audioLayers };
    return {
      graph: whisperGraph(shape, type, (name) => tensors.get(name)!),
      input: () => ({ name: "mel", dims: [1, melBins, 2 * positions], values: melByBins() }),
    };
  },
  "siglip-b16": (type) => {
    const tensors = new Map(siglipTensors().map((tensor) => [tensor.name, tensor]));
    const { imageSize } = siglip;
    return {
      graph: siglipGraph(siglip, type, (name) => tensors.get(name)!),
      input: () => ({ name: "pixel_values", dims: [1, 3, imageSize, imageSize], values: siglipValues() }),
    };
  },
};

/** (3, height, width), normalized. */
function siglipValues(): number[] {
  const pixels = siglipPixels();
  const { imageSize, mean, std } = siglip;
  const values: number[] = [];
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < imageSize ** 2; i++) values.push((pixels[4 * i + channel]! / 255 - mean) / std);
  return values;
}

let mel: number[] | undefined;

/** (bins, frames), as transformers.js gives it. */
function melByBins(): number[] {
  if (mel) return mel;
  const spec = whisperSpec(whisperTiny.melBins);
  const frames = logMelRef(whisperSamples(), melFilters(spec), spec);
  const count = frames.length / whisperTiny.melBins;
  mel = Array.from(frames, (_, i) => frames[(i % count) * whisperTiny.melBins + Math.floor(i / count)]!);
  return mel;
}

export async function measurePeer(
  adapter: AdapterLaunch,
  encoder: EncoderName,
  type: "f32" | "f16",
  options: { runs: number; sampled: number[] },
): Promise<PeerResult> {
  const aside = installAside("onnxruntime", ["onnxruntime-web@1.30.0"]);
  const file = path.join(root, `.cache/bench/${encoder}.${type}.onnx`);
  mkdirSync(path.dirname(file), { recursive: true });
  const { graph, input } = peers[encoder](type);
  writeFileSync(file, Buffer.concat(writeOnnx(graph, ["com.microsoft"])));
  const library = { path: "/peer/", dir: path.join(aside, "node_modules/onnxruntime-web/dist") };
  const given = { ...input(), type: type === "f16" ? "float16" : "float32" };
  return withBuiltPage(adapter, { page: "encoder/onnxruntime.html", file, library }, (tab, model) =>
    tab.evaluate(
      (json) =>
        (globalThis as unknown as { measure(options: unknown): Promise<PeerResult> }).measure(
          JSON.parse(json),
        ),
      JSON.stringify({ model, input: given, ...options }),
    ),
  );
}
