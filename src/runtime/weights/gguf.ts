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

import { badModelFile, unsupportedModel } from "../errors.ts";
import { arrayType, Cursor, MoreBytesNeeded, maxHeaderBytes, quote, valueBytes } from "./cursor.ts";
import { ggmlType, weightTypeOf } from "./ggmlTypes.ts";
import type { SourceReader } from "./reader.ts";
import type { GgufHeader, GgufTensorInfo, MetadataValue } from "./types.ts";

/** Array elements of all metadata together; four arrays of a vocabulary of 262,144 are about one million. */
const maxArrayElements = 8 * 2 ** 20;
const maxArrayDepth = 4;
const maxKeyBytes = 65_535;
/** llama.cpp takes names of up to 63 bytes. */
const maxTensorNameBytes = 255;
const maxDimensions = 4;
const defaultAlignment = 32;
const firstReadBytes = 64 * 1024;

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
