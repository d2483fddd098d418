/**
 * The header of a GGUF file, versions 2 and 3, little-endian. Format: docs/gguf.md of the ggml repository.
 *
 * Our own parser rather than `@huggingface/gguf` (0.4.6): that one fetches by itself in 2 MB ranges, so it can read
 * neither a server without ranges nor a Blob and cannot hand its stream on to the tensors; it checks neither
 * offsets, alignment nor overlap, names no offsets in errors, accepts version 1 and big-endian files, and adds
 * 68 KB gzipped.
 *
 * Everything in a file is hostile: no length is believed before that many bytes can exist.
 */

import { badModelFile, type OmniError, unsupportedModel } from "../errors.ts";
import { ggmlType, weightTypeOf } from "./ggmlTypes.ts";
import type { SourceReader } from "./reader.ts";
import type { GgufHeader, GgufTensorInfo, MetadataValue } from "./types.ts";

/** Largest header that is read; the largest vocabularies in use need about 20 MB. */
const maxHeaderBytes = 64 * 2 ** 20;
/** Array elements of all metadata together; four arrays of a vocabulary of 262,144 are about one million. */
const maxArrayElements = 8 * 2 ** 20;
const maxArrayDepth = 4;
const maxKeyBytes = 65_535;
/** llama.cpp takes names of up to 63 bytes. */
const maxTensorNameBytes = 255;
const maxDimensions = 4;
const defaultAlignment = 32;
const firstReadBytes = 64 * 1024;

/** Bytes that the smallest value of each metadata type takes; an array counts its element type and length. */
const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];
const stringType = 8;
const arrayType = 9;

/** The header goes on after the bytes at hand. */
class MoreBytesNeeded {
  readonly sizeBytes: number;
  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }
}

/** A name from the file, fit for a message: quoted, control characters escaped, not endless. */
function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

class Cursor {
  at = 0;
  /** What is being read, for messages. */
  subject = "the header";
  /** The key or tensor that it belongs to. */
  param: string | undefined;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** No header byte lies at or after this offset. */
  readonly #endBytes: number;
  readonly #endIsFile: boolean;
  // A byte order mark at the start of a token is a part of it.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(bytes: Uint8Array, fileBytes: number | undefined) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#endBytes = Math.min(fileBytes ?? Number.POSITIVE_INFINITY, maxHeaderBytes);
    this.#endIsFile = fileBytes !== undefined && fileBytes <= maxHeaderBytes;
  }

  /** Most bytes that can still follow. */
  get leftBytes(): number {
    return this.#endBytes - this.at;
  }

  fail(problem: string): OmniError {
    return badModelFile(`${this.subject}, byte ${this.at}: ${problem}.`, this.param);
  }

  /** Steps over `sizeBytes` bytes and returns where they start. */
  take(sizeBytes: number): number {
    if (sizeBytes > this.leftBytes)
      throw this.fail(
        this.#endIsFile
          ? `${sizeBytes} bytes are said to follow, but the file ends at byte ${this.#endBytes}`
          : `${sizeBytes} bytes are said to follow, more than a header may have (${maxHeaderBytes} in all)`,
      );
    const start = this.at;
    if (start + sizeBytes > this.#bytes.length) throw new MoreBytesNeeded(start + sizeBytes);
    this.at = start + sizeBytes;
    return start;
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  /** An unsigned 64-bit integer, rounded where it exceeds 2^53: every caller compares it with less than that. */
  length(): number {
    const at = this.take(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** A count of things that take at least `minBytes` each. */
  count(minBytes: number, what: string): number {
    const count = this.length();
    if (count * minBytes > this.leftBytes) {
      this.at -= 8;
      throw this.fail(`${count} ${what} cannot fit in the ${this.leftBytes} bytes that may follow`);
    }
    return count;
  }

  string(): string {
    const size = this.count(1, "characters");
    const start = this.take(size);
    const bytes = this.#bytes;
    // Most strings are short ASCII tokens, for which a TextDecoder call costs more than the text.
    let text = "";
    if (size <= 32) {
      let i = start;
      for (; i < start + size && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!);
      if (i === start + size) return text;
    }
    return this.#decoder.decode(bytes.subarray(start, start + size));
  }

  scalar(type: number): MetadataValue {
    const view = this.#view;
    if (type === stringType) return this.string();
    const at = this.take(valueBytes[type]!);
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7: {
        const value = view.getUint8(at);
        if (value > 1) {
          this.at = at;
          throw this.fail(`${value} is neither true (1) nor false (0)`);
        }
        return value === 1;
      }
      case 10:
        return exact(view.getBigUint64(at, true));
      case 11:
        return exact(view.getBigInt64(at, true));
      default:
        return view.getFloat64(at, true);
    }
  }

  valueType(): number {
    const type = this.u32();
    if (type < valueBytes.length) return type;
    this.at -= 4;
    throw this.fail(`unknown value type ${type}`);
  }
}

/** A 64-bit integer as a number where that is exact. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readMetadata(cursor: Cursor): Map<string, MetadataValue> {
  let elementsLeft = maxArrayElements;

  const value = (type: number, depth: number): MetadataValue => {
    if (type !== arrayType) return cursor.scalar(type);
    if (depth === maxArrayDepth) throw cursor.fail(`arrays nested deeper than ${maxArrayDepth}`);
    const elementType = cursor.valueType();
    const count = cursor.count(valueBytes[elementType]!, "array elements");
    if (count > elementsLeft) throw cursor.fail(`more than ${maxArrayElements} array elements in one header`);
    elementsLeft -= count;
    const elements: MetadataValue[] = [];
    for (let i = 0; i < count; i++) elements.push(value(elementType, depth + 1));
    return elements;
  };

  cursor.subject = "The number of metadata keys";
  const count = cursor.count(8 + 1 + 4 + 1, "metadata keys");
  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < count; i++) {
    cursor.subject = `Metadata key ${i + 1} of ${count}`;
    cursor.param = undefined;
    const start = cursor.at;
    const key = cursor.string();
    const problem =
      key === ""
        ? "empty key"
        : cursor.at - start - 8 > maxKeyBytes
          ? "key longer than 65,535 bytes"
          : metadata.has(key)
            ? `second value for key ${quote(key)}`
            : undefined;
    if (problem) {
      cursor.at = start;
      throw cursor.fail(problem);
    }
    cursor.subject = `Metadata key ${quote(key)}`;
    cursor.param = key;
    metadata.set(key, value(cursor.valueType(), 0));
  }
  cursor.param = undefined;
  return metadata;
}

/** A tensor info; `offsetBytes` is still relative to the data section. */
interface RawTensorInfo extends GgufTensorInfo {
  /** Where its offset stands in the header, for messages. */
  infoOffsetBytes: number;
}

function readTensorInfo(cursor: Cursor, names: Set<string>): RawTensorInfo {
  const start = cursor.at;
  const name = cursor.string();
  if (name === "" || cursor.at - start - 8 > maxTensorNameBytes || names.has(name)) {
    cursor.at = start;
    throw cursor.fail(
      name === ""
        ? "empty name"
        : names.has(name)
          ? `second tensor named ${quote(name)}`
          : `name longer than ${maxTensorNameBytes} bytes`,
    );
  }
  names.add(name);
  cursor.subject = `Tensor ${quote(name)}`;
  cursor.param = name;
  const refuse = (at: number, problem: string): never => {
    cursor.at = at;
    throw cursor.fail(problem);
  };

  const dimensionsAt = cursor.at;
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > maxDimensions)
    refuse(dimensionsAt, `${dimensions} dimensions (1 to ${maxDimensions} are possible)`);
  const shape: number[] = [];
  let weights = 1;
  for (let i = 0; i < dimensions; i++) {
    const size = cursor.length();
    weights *= size;
    shape.unshift(size);
    if (size === 0) refuse(cursor.at - 8, `dimension ${i} is 0`);
    // 8 bytes is the most that any type takes for a weight.
    if (weights > Number.MAX_SAFE_INTEGER / 8) refuse(cursor.at - 8, "impossibly many weights");
  }

  const number = cursor.u32();
  const known = ggmlType(number);
  const columns = shape.at(-1)!;
  if (known && columns % known.blockWeights !== 0)
    refuse(
      cursor.at - 4,
      `rows of ${columns} weights do not divide into blocks of ${known.blockWeights} (${known.name})`,
    );
  const infoOffsetBytes = cursor.at;
  const offsetBytes = cursor.length();
  if (offsetBytes > Number.MAX_SAFE_INTEGER / 2) refuse(infoOffsetBytes, "impossible data offset");
  return {
    name,
    ggmlType: number,
    type: weightTypeOf(number),
    shape,
    offsetBytes,
    sizeBytes: known ? (weights / known.blockWeights) * known.blockBytes : Number.NaN,
    infoOffsetBytes,
  };
}

function readAlignment(metadata: ReadonlyMap<string, MetadataValue>): number {
  const key = "general.alignment";
  const alignment = metadata.get(key) ?? defaultAlignment;
  if (typeof alignment !== "number" || !/^10*$/.test(alignment.toString(2)) || alignment > 2 ** 20)
    throw badModelFile(`Metadata key "${key}": ${quote(String(alignment))} is not a power of two.`, key);
  return alignment;
}

/** Sorts tensors by where they lie, makes offsets absolute, and refuses what cannot be in the file. */
function placeTensors(
  raw: RawTensorInfo[],
  dataOffsetBytes: number,
  alignment: number,
  fileBytes: number | undefined,
): GgufTensorInfo[] {
  raw.sort((a, b) => a.offsetBytes - b.offsetBytes);
  let end = dataOffsetBytes;
  let previous = "the header";
  return raw.map(({ infoOffsetBytes, ...tensor }, i) => {
    const title = `Tensor ${quote(tensor.name)}`;
    if (tensor.offsetBytes % alignment !== 0)
      throw badModelFile(
        `${title}, byte ${infoOffsetBytes}: data offset ${tensor.offsetBytes} is not a multiple of ${alignment}.`,
        tensor.name,
      );
    const offsetBytes = dataOffsetBytes + tensor.offsetBytes;
    // The size of an unknown type is not known: it has the bytes up to its neighbour.
    const next = raw[i + 1];
    const room =
      (next ? dataOffsetBytes + next.offsetBytes : Math.max(fileBytes ?? 0, offsetBytes)) - offsetBytes;
    const sizeBytes = Number.isNaN(tensor.sizeBytes) ? room : tensor.sizeBytes;
    if (offsetBytes < end)
      throw badModelFile(`${title}: its data at byte ${offsetBytes} overlaps ${previous}.`, tensor.name);
    end = offsetBytes + sizeBytes;
    previous = `tensor ${quote(tensor.name)}`;
    if (fileBytes !== undefined && end > fileBytes)
      throw badModelFile(
        `${title}: its data ends at byte ${end}, but the file has only ${fileBytes} bytes: it is cut short.`,
        tensor.name,
      );
    return { ...tensor, offsetBytes, sizeBytes };
  });
}

/** Magic and version; what is not a GGUF file that we can read is refused by name. */
function readVersion(cursor: Cursor, bytes: Uint8Array): number {
  const start = cursor.take(4);
  const magic = String.fromCharCode(...bytes.subarray(start, start + 4));
  if (magic !== "GGUF") {
    const hint = /^\s*</.test(magic)
      ? " It looks like a web page: is the address that of a download?"
      : magic === "vers"
        ? " It looks like a Git LFS pointer: download the file itself."
        : "";
    throw badModelFile(`Not a GGUF file: it starts with ${JSON.stringify(magic)}.${hint}`);
  }
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  if (version === 1)
    throw unsupportedModel("GGUF version 1 is not supported; convert the file again (versions 2 and 3 are).");
  if ((version & 0xffff) === 0 && version >>> 16 !== 0)
    throw unsupportedModel("Big-endian GGUF files are not supported.");
  throw unsupportedModel(`GGUF version ${version} is not supported (2 and 3 are).`);
}

/**
 * Parses a header from the start of a file.
 * @param bytes the file's first bytes
 * @param fileBytes the file's size, where known
 * @returns the header, or the number of bytes that are needed to go on
 * @throws OmniError `bad_model_file` (names key or tensor and the byte), `unsupported_model` (version, byte order)
 */
export function parseGguf(bytes: Uint8Array, fileBytes: number | undefined): GgufHeader | number {
  const cursor = new Cursor(bytes, fileBytes);
  try {
    const version = readVersion(cursor, bytes);
    cursor.subject = "The number of tensors";
    const tensorCount = cursor.count(8 + 1 + 4 + 8 + 4 + 8, "tensors");
    const metadata = readMetadata(cursor);
    const alignment = readAlignment(metadata);
    const raw: RawTensorInfo[] = [];
    const names = new Set<string>();
    for (let i = 0; i < tensorCount; i++) {
      cursor.subject = `Tensor ${i + 1} of ${tensorCount}`;
      cursor.param = undefined;
      raw.push(readTensorInfo(cursor, names));
    }
    const dataOffsetBytes = Math.ceil(cursor.at / alignment) * alignment;
    const tensors = placeTensors(raw, dataOffsetBytes, alignment, fileBytes);
    return { version, metadata, tensors, dataOffsetBytes };
  } catch (error) {
    if (error instanceof MoreBytesNeeded) return error.sizeBytes;
    throw error;
  }
}

/**
 * Reads the header from the start of a file; the reader is left at its end, ready for the tensors.
 * @throws OmniError as {@link parseGguf}, and what the source throws
 */
export async function readGgufHeader(reader: SourceReader): Promise<GgufHeader> {
  let bytes = new Uint8Array(0);
  let wanted = firstReadBytes;
  for (;;) {
    // At least doubled, so that parsing from the start again costs no more than the last attempt.
    const longer = new Uint8Array(wanted);
    longer.set(bytes);
    const read = await reader.read(longer.subarray(bytes.length));
    const atEnd = bytes.length + read < wanted;
    bytes = longer.subarray(0, bytes.length + read);
    const result = parseGguf(bytes, atEnd ? bytes.length : reader.source.sizeBytes);
    if (typeof result === "object") {
      const rest = bytes.subarray(Math.min(result.dataOffsetBytes, bytes.length));
      if (rest.length > 0) reader.unread(rest);
      return result;
    }
    wanted = Math.max(result, Math.min(wanted * 2, maxHeaderBytes));
  }
}
