/**
 * The header of a safetensors file: eight bytes of length, then JSON that says where each tensor lies.
 * Format: github.com/huggingface/safetensors, "Format".
 *
 * Everything in a file is hostile: no length is believed before that many bytes can exist.
 */

import { badModelFile } from "../errors.ts";
import { type WeightType, weightFormats } from "../gpu/tensor.ts";
import { maxHeaderBytes, quote } from "./cursor.ts";
import type { SourceReader } from "./reader.ts";
import type { GgufTensorInfo, MetadataValue, TensorTable } from "./types.ts";

const maxTensors = 65_536;
const maxDimensions = 8;
const pieceBytes = 2 ** 20;

/** The types that a file may name: bytes of an element, and ours where kernels read it. */
const types: Record<string, { bytes: number; type?: WeightType }> = {
  ...{ F64: { bytes: 8 }, F32: { bytes: 4, type: "f32" }, F16: { bytes: 2, type: "f16" } },
  ...{ BF16: { bytes: 2, type: "bf16" }, F8_E4M3: { bytes: 1 }, F8_E5M2: { bytes: 1 } },
  ...{ I64: { bytes: 8 }, I32: { bytes: 4 }, I16: { bytes: 2 }, I8: { bytes: 1 } },
  ...{ U64: { bytes: 8 }, U32: { bytes: 4 }, U16: { bytes: 2 }, U8: { bytes: 1 }, BOOL: { bytes: 1 } },
};

/**
 * Reads the header from the start of a file; the reader is left at its end, where the tensors begin.
 * @throws OmniError `bad_model_file` (names the tensor), and what the source throws
 */
export async function readSafetensorsHeader(reader: SourceReader): Promise<TensorTable> {
  const prefix = new Uint8Array(8);
  if ((await reader.read(prefix)) < 8) throw badModelFile("The file ends inside its header, before byte 8.");
  const view = new DataView(prefix.buffer);
  const headerBytes = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const { sizeBytes } = reader.source;
  if (headerBytes < 2 || headerBytes > maxHeaderBytes || headerBytes + 8 > (sizeBytes ?? Infinity))
    throw badModelFile(
      `The header is said to take ${headerBytes} bytes; ` +
        `${Math.min(maxHeaderBytes, (sizeBytes ?? Infinity) - 8)} are possible.`,
    );
  const bytes = await readGrowing(reader, headerBytes);
  if (bytes.length < headerBytes)
    throw badModelFile(`The file ends inside its header, at byte ${bytes.length + 8} of ${headerBytes + 8}.`);
  return parse(bytes, 8 + headerBytes, sizeBytes);
}

/** Memory grows with what really comes. */
async function readGrowing(reader: SourceReader, wanted: number): Promise<Uint8Array> {
  let bytes = new Uint8Array(Math.min(wanted, pieceBytes));
  let count = 0;
  for (;;) {
    const read = await reader.read(bytes.subarray(count));
    count += read;
    if (count < bytes.length || count === wanted) return bytes.subarray(0, count);
    const longer = new Uint8Array(Math.min(wanted, 2 * bytes.length));
    longer.set(bytes);
    bytes = longer;
  }
}

function parse(bytes: Uint8Array, dataOffsetBytes: number, fileBytes: number | undefined): TensorTable {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badModelFile(`The header is not valid JSON: ${why}`, undefined, cause);
  }
  if (!isObject(json)) throw badModelFile("The header is not a JSON object.");
  const { __metadata__: notes, ...entries } = json;
  const metadata = new Map<string, MetadataValue>();
  if (isObject(notes))
    for (const [key, value] of Object.entries(notes)) if (typeof value === "string") metadata.set(key, value);
  const names = Object.keys(entries);
  if (names.length > maxTensors)
    throw badModelFile(`The file lists ${names.length} tensors; ${maxTensors} are possible.`);
  const tensors = names.map((name) => tensorInfo(name, entries[name], dataOffsetBytes));
  tensors.sort((a, b) => a.offsetBytes - b.offsetBytes || a.sizeBytes - b.sizeBytes);
  let end = dataOffsetBytes;
  for (const { name, offsetBytes, sizeBytes } of tensors) {
    if (offsetBytes < end)
      throw badModelFile(`Tensor ${quote(name)}: its data at byte ${offsetBytes} overlaps another's.`, name);
    end = offsetBytes + sizeBytes;
    if (fileBytes !== undefined && end > fileBytes)
      throw badModelFile(
        `Tensor ${quote(name)}: its data ends at byte ${end}, but the file has only ${fileBytes} bytes: it is cut short.`,
        name,
      );
  }
  return { metadata, tensors };
}

function tensorInfo(name: string, entry: unknown, dataOffsetBytes: number): GgufTensorInfo {
  const refuse = (problem: string) => badModelFile(`Tensor ${quote(name)}: ${problem}.`, name);
  if (!isObject(entry)) throw refuse("its entry is not an object");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(types, dtype))
    throw refuse(`its type is ${quote(String(dtype))}`);
  if (!isNumbers(shape) || shape.length > maxDimensions)
    throw refuse(`its shape is no list of at most ${maxDimensions} whole numbers`);
  if (!isNumbers(offsets) || offsets.length !== 2) throw refuse("its data_offsets are no two whole numbers");
  const { bytes, type } = types[dtype]!;
  const sizeBytes = shape.reduce((a, b) => a * b, bytes);
  const [start, end] = offsets as [number, number];
  if (!Number.isSafeInteger(sizeBytes) || end - start !== sizeBytes)
    throw refuse(`${end - start} bytes of data for the shape (${shape.join(", ")}) in ${dtype}`);
  return {
    name,
    ggmlType: type ? weightFormats[type].ggmlType : -1,
    type,
    typeName: dtype,
    shape: shape.length > 0 ? shape : [1],
    offsetBytes: dataOffsetBytes + start,
    sizeBytes,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0 && n <= 2 ** 50);
}
