// @ts-check
/**
 * Checks mel filters and log-mel spectrograms against Whisper's own: `mel_filters.npz` (mel_80, mel_128), and `NAME.wav`
 * (16 kHz, mono, 16 bits; padded to 30 s) with `NAME_mel80.npy`, on the CPU and on every software adapter that is set up.
 *
 * usage: OMNITAB_MEL_VECTORS=folder node scripts/melVectors.mjs
 */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { inflateRawSync } from "node:zlib";
import { chromium } from "playwright";
import { createServer, runnerImport } from "vite";
import { adapterLaunches } from "./browsers.mjs";

const root = path.resolve(import.meta.dirname, "..");
const folder = process.env.OMNITAB_MEL_VECTORS;
if (!folder) throw new Error("OMNITAB_MEL_VECTORS names no folder");
const allowed = 1e-4;

/** An array of f32 in NumPy's format. @param {Buffer} bytes */
function parseNpy(bytes) {
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, start);
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False")) throw new Error(header);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}

/** Files of a zip by its central directory. @param {Buffer} zip @returns {Map<string, Buffer>} */
function unzip(zip) {
  const files = new Map();
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    const [method, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [name, extra, comment] = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ];
    const local = zip.readUInt32LE(at + 42);
    const data = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(data, data + size);
    files.set(zip.toString("utf8", at + 46, at + 46 + name), method === 8 ? inflateRawSync(packed) : packed);
    at += 46 + name + extra + comment;
  }
  return files;
}

/** Samples of a WAV file, padded to 30 s. @param {Buffer} wav */
function samplesOf(wav) {
  const data = wav.indexOf("data", 12, "latin1");
  const count = Math.min(480_000, wav.readUInt32LE(data + 4) / 2);
  return Float32Array.from({ length: 480_000 }, (_, i) =>
    i < count ? wav.readInt16LE(data + 8 + 2 * i) / 32768 : 0,
  );
}

/** @param {ArrayLike<number>} actual @param {ArrayLike<number>} expected */
function largestError(actual, expected) {
  if (actual.length !== expected.length) return Number.NaN;
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] ?? Number.NaN) - (expected[i] ?? Number.NaN));
    if (!(error <= most)) most = error;
  }
  return most;
}

let wrong = 0;
/** @param {string} name @param {number} error @param {number} limit */
function report(name, error, limit) {
  const ok = error <= limit;
  if (!ok) wrong++;
  console.log(`${ok ? "ok   " : "WRONG"} ${name}: largest error ${error}`);
}

/** @param {string} file */
const load = async (file) =>
  /** @type {any} */ ((await runnerImport(path.join(root, file), { root, configFile: false })).module);
const { melFilters } = await load("src/kernels/spectrum/melFilters.ts");
const { logMelRef } = await load("src/kernels/spectrum/logMel.ref.ts");

const spec = { sampleRate: 16000, frameSize: 400, hopSize: 160, mels: 80 };
for (const [name, bytes] of unzip(readFileSync(path.join(folder, "mel_filters.npz")))) {
  const mels = Number(/\d+/.exec(name)?.[0]);
  report(`filters ${name}`, largestError(melFilters({ ...spec, mels }), parseNpy(bytes)), 1e-9);
}

const server = await createServer({ root, configFile: false, server: { port: 0 }, logLevel: "error" });
await server.listen();
const origin = server.resolvedUrls?.local[0];
for (const file of readdirSync(folder).filter((file) => file.endsWith("_mel80.npy"))) {
  const name = file.slice(0, -"_mel80.npy".length);
  const samples = samplesOf(readFileSync(path.join(folder, `${name}.wav`)));
  // The file has mels by frames; the kernel and its reference frames by mels.
  const vectors = parseNpy(readFileSync(path.join(folder, file)));
  const frames = vectors.length / 80;
  const expected = vectors.map((_, i) => vectors[(i % 80) * frames + Math.floor(i / 80)] ?? Number.NaN);
  report(`${name} on the CPU`, largestError(logMelRef(samples, melFilters(spec), spec), expected), allowed);
  for (const { name: adapter, launch } of adapterLaunches()) {
    const browser = await chromium.launch(launch);
    const page = await browser.newPage();
    await page.goto(`${origin}package.json`);
    const actual = await page.evaluate(computeOnGpu, Array.from(samples));
    report(`${name} on ${adapter}`, largestError(actual, expected), allowed);
    await browser.close();
  }
}
await server.close();
process.exit(wrong === 0 ? 0 : 1);

/** In the page. @param {number[]} samples */
async function computeOnGpu(samples) {
  /** @param {string} file @returns {Promise<any>} */
  const load = (file) => import(/* @vite-ignore */ `/src/${file}`);
  const { openGpu } = await load("runtime/gpu/device.ts");
  const { Recording } = await load("runtime/gpu/recording.ts");
  const { logMel, logMelTables, logMelLargestShape, whisperSpec } = await load("kernels/spectrum/logMel.ts");
  const gpu = await openGpu();
  /** @type {GPUDevice} */
  const device = gpu.device;
  const usage =
    GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  /** @param {number[]} shape @param {Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>} [values] */
  const tensor = (shape, values) => {
    const sizeBytes = Math.max(16, 4 * shape.reduce((a, b) => a * b, 1));
    const buffer = device.createBuffer({ size: sizeBytes, usage });
    if (values) device.queue.writeBuffer(buffer, 0, values);
    return { buffer, offsetBytes: 0, sizeBytes, dtype: "f32", shape };
  };
  const spec = whisperSpec(80);
  const frames = samples.length / spec.hopSize;
  const step = { tokens: frames, outputs: 0 };
  const rec = new Recording(gpu, tensor([4], Uint32Array.of(frames, 0, 0, 0)), step);
  const tables = logMelTables(spec);
  const out = tensor([frames, 80]);
  const args = {
    samples: tensor([samples.length], Float32Array.from(samples)),
    tables: tensor([tables.length], tables),
    largest: tensor(logMelLargestShape(frames)),
    ...{ spec, out, rows: { of: "tokens" } },
  };
  logMel(rec, args, "vectors");
  await rec.compile();
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  rec.encode(pass, step);
  pass.end();
  const staging = device.createBuffer({
    size: out.sizeBytes,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  encoder.copyBufferToBuffer(out.buffer, 0, staging, 0, out.sizeBytes);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return Array.from(new Float32Array(staging.getMappedRange()));
}
