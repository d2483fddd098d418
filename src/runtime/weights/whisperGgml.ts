/**
 * whisper.cpp's model files (`ggml-*.bin`): sizes, mel filters, vocabulary, then each tensor behind its own header.
 * Format: models/convert-pt-to-ggml.py and `whisper_model_load` in whisper.cpp; little-endian.
 *
 * Where the tensors lie is only known from walking over all of them; where the source can start anywhere, what lies
 * between is not read. Everything in a file is hostile: no length is believed before that many bytes can exist.
 */

import { badModelFile, unsupportedModel } from "../errors.ts";
import { quote } from "./cursor.ts";
import { whisperMagic } from "./fileKind.ts";
import { ggmlType, ggmlTypeName, weightTypeOf } from "./ggmlTypes.ts";
import { SourceReader } from "./reader.ts";
import type { ByteSource, GgufTensorInfo, TensorTable } from "./types.ts";

const maxTensors = 65_536;
const maxNameBytes = 255;
const maxTokenBytes = 512;
/** A gap that is cheaper to read than to ask for what comes after it. */
const readGapBytes = 2 ** 20;

/** The sizes at the head of a file, in its order, with the largest that is believed. */
const limits = {
  vocab: 1_000_000,
  audioContext: 65_536,
  audioWidth: 16_384,
  audioHeads: 1024,
  audioLayers: 1024,
  textContext: 65_536,
  textWidth: 16_384,
  textHeads: 1024,
  textLayers: 1024,
  melBins: 1024,
};

export type WhisperSizes = Record<keyof typeof limits, number>;

export interface WhisperGgmlFile extends TensorTable {
  sizes: WhisperSizes;
  /** Bytes of the ordinary tokens, by id; special tokens come after them. */
  tokens: readonly Uint8Array[];
}

/**
 * Reads all that a file says before and between its tensors.
 * @throws OmniError `bad_model_file` (names the size, token or tensor and the byte), `unsupported_model` (a type of
 *   tensor), and what the source throws
 */
export async function readWhisperGgml(source: ByteSource, signal?: AbortSignal): Promise<WhisperGgmlFile> {
  const walk = new Walk(source, signal);
  try {
    if ((await walk.u32("the magic number")) !== whisperMagic)
      throw walk.fail("not a whisper.cpp model file");
    const sizes = {} as WhisperSizes;
    for (const name of Object.keys(limits) as (keyof WhisperSizes)[])
      sizes[name] = await walk.size(name, limits[name]);
    await walk.u32("the file's type");
    await skipFilters(walk, sizes.melBins);
    const tokens = await readTokens(walk, sizes.vocab);
    return { sizes, tokens, metadata: new Map(), tensors: await readTensors(walk) };
  } finally {
    await walk.close();
  }
}

/** They are those of `log_mel_spectrogram`, which the runtime computes itself. */
async function skipFilters(walk: Walk, melBins: number): Promise<void> {
  const rows = await walk.size("the number of mel filters", 1024);
  const columns = await walk.size("the width of the mel filters", 65_536);
  if (rows !== melBins) throw walk.fail(`${rows} mel filters for ${melBins} mel bins`);
  await walk.skip(rows * columns * 4, "the mel filters");
}

async function readTokens(walk: Walk, vocab: number): Promise<Uint8Array[]> {
  const count = await walk.size("the number of tokens", vocab);
  const tokens: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const what = `token ${i} of ${count}`;
    const length = await walk.u32(what);
    if (length > maxTokenBytes) throw walk.fail(`${what} is said to have ${length} bytes`);
    tokens.push(await walk.bytes(length, what));
  }
  return tokens;
}

async function readTensors(walk: Walk): Promise<GgufTensorInfo[]> {
  const tensors: GgufTensorInfo[] = [];
  const names = new Set<string>();
  while (!(await walk.atEnd())) {
    const what = `the header of tensor ${tensors.length}`;
    if (tensors.length === maxTensors) throw walk.fail(`more than ${maxTensors} tensors`);
    const dimensions = await walk.size(`the number of dimensions in ${what}`, 4);
    const nameBytes = await walk.size(`the length of the name in ${what}`, maxNameBytes);
    const number = await walk.u32(what);
    const shape: number[] = [];
    for (let i = 0; i < dimensions; i++)
      shape.unshift(await walk.size(`a dimension in ${what}`, 2 ** 31 - 1));
    const name = new TextDecoder().decode(await walk.bytes(nameBytes, what));
    const known = ggmlType(number);
    if (!known)
      throw unsupportedModel(`Tensor ${quote(name)} has the unknown ${ggmlTypeName(number)}.`, name);
    const weights = shape.reduce((a, b) => a * b, 1);
    if (shape.at(-1)! % known.blockWeights !== 0)
      throw walk.fail(
        `rows of ${shape.at(-1)} weights do not divide into blocks of ${known.blockWeights}`,
        name,
      );
    const sizeBytes = (weights / known.blockWeights) * known.blockBytes;
    if (names.has(name)) throw walk.fail("a second tensor of that name", name);
    names.add(name);
    const offsetBytes = walk.offsetBytes;
    // The bias of a convolution is stored as (N, 1).
    const squeezed = shape.length === 2 && shape[1] === 1 ? [shape[0]!] : shape;
    tensors.push({
      name,
      ggmlType: number,
      type: weightTypeOf(number),
      shape: squeezed,
      offsetBytes,
      sizeBytes,
    });
    await walk.skip(sizeBytes, `tensor ${quote(name)}`);
  }
  if (tensors.length === 0) throw walk.fail("the file has no tensors");
  return tensors;
}

/** Goes through a file, leaving out what need not be read. */
class Walk {
  #reader: SourceReader;
  /** Bytes that were asked to be skipped and are not yet. */
  #pendingSkip = 0;
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.#reader = new SourceReader(source, signal);
  }

  get offsetBytes(): number {
    return this.#reader.offsetBytes + this.#pendingSkip;
  }

  fail(problem: string, param?: string) {
    const subject = param === undefined ? "" : `tensor ${quote(param)}: `;
    return badModelFile(`At byte ${this.offsetBytes}: ${subject}${problem}.`, param);
  }

  async bytes(count: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    await this.#settle();
    const bytes = new Uint8Array(count);
    const read = await this.#reader.read(bytes);
    if (read < count) throw badModelFile(`The file ends at byte ${this.offsetBytes}, inside ${what}.`);
    return bytes;
  }

  async u32(what: string): Promise<number> {
    return new DataView((await this.bytes(4, what)).buffer).getUint32(0, true);
  }

  /** A whole number from 1 on. */
  async size(what: string, most: number): Promise<number> {
    const value = await this.u32(what);
    if (value >= 1 && value <= most) return value;
    throw this.fail(`${what} is ${value}; 1 to ${most} are possible`);
  }

  async skip(count: number, what: string): Promise<void> {
    const { sizeBytes } = this.#source;
    if (this.offsetBytes + count > (sizeBytes ?? Number.MAX_SAFE_INTEGER))
      throw badModelFile(
        `${count} bytes of ${what} are said to follow byte ${this.offsetBytes}, but the file has only ${sizeBytes} bytes: it is cut short.`,
      );
    this.#pendingSkip += count;
  }

  async atEnd(): Promise<boolean> {
    if (this.#source.sizeBytes !== undefined) return this.offsetBytes >= this.#source.sizeBytes;
    await this.#settle();
    const piece = await this.#reader.next();
    if (piece) this.#reader.unread(piece);
    return piece === undefined;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #settle(): Promise<void> {
    const count = this.#pendingSkip;
    if (count === 0) return;
    this.#pendingSkip = 0;
    if (count > readGapBytes && this.#source.seekable) {
      const next = this.#reader.offsetBytes + count;
      await this.#reader.close();
      this.#reader = new SourceReader(this.#source, this.#signal, next);
      return;
    }
    const skipped = await this.#reader.skip(count);
    if (skipped < count)
      throw badModelFile(`The file ends at byte ${this.#reader.offsetBytes}: it is cut short.`);
  }
}
