/** Writes GGUF files for tests: little-endian, versions 2 and 3. Format: docs/gguf.md of the ggml repository. */

import { roundUp, type WeightType, weightFormats } from "../../gpu/tensor.ts";

const valueTypes = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  "array",
  "u64",
  "i64",
  "f64",
];

export type MetadataType =
  | ("u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "f64")
  | ("bool" | "string" | "u64" | "i64");
export type MetadataInput = number | bigint | boolean | string | readonly MetadataInput[];

export interface GgufContents {
  /** @default 3 */
  version?: number;
  /** Also written as `general.alignment` where given. @default 32 */
  alignment?: number;
  /** Key, type, value; an array becomes a GGUF array whose innermost elements have the type. */
  metadata: readonly (readonly [key: string, type: MetadataType, value: MetadataInput])[];
  tensors: readonly GgufTensor[];
}

export interface GgufTensor {
  name: string;
  /** A type of ours, or GGML's number for any other. */
  type: WeightType | number;
  /** (rows, columns), last dimension contiguous. */
  shape: readonly number[];
  bytes: Uint8Array<ArrayBuffer>;
}

type Setter = (view: DataView, at: number, value: never) => void;

const scalars: Record<Exclude<MetadataType, "string">, { size: number; set: Setter }> = {
  u8: { size: 1, set: (view, at, value) => view.setUint8(at, value) },
  i8: { size: 1, set: (view, at, value) => view.setInt8(at, value) },
  u16: { size: 2, set: (view, at, value) => view.setUint16(at, value, true) },
  i16: { size: 2, set: (view, at, value) => view.setInt16(at, value, true) },
  u32: { size: 4, set: (view, at, value) => view.setUint32(at, value, true) },
  i32: { size: 4, set: (view, at, value) => view.setInt32(at, value, true) },
  f32: { size: 4, set: (view, at, value) => view.setFloat32(at, value, true) },
  bool: { size: 1, set: (view, at, value) => view.setUint8(at, Number(value)) },
  u64: { size: 8, set: (view, at, value) => view.setBigUint64(at, BigInt(value), true) },
  i64: { size: 8, set: (view, at, value) => view.setBigInt64(at, BigInt(value), true) },
  f64: { size: 8, set: (view, at, value) => view.setFloat64(at, value, true) },
};

class ByteWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  sizeBytes = 0;

  #grow(count: number): number {
    const at = this.sizeBytes;
    this.sizeBytes += count;
    if (this.sizeBytes > this.#bytes.length) {
      const longer = new Uint8Array(this.sizeBytes * 2);
      longer.set(this.#bytes);
      this.#bytes = longer;
      this.#view = new DataView(longer.buffer);
    }
    return at;
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: number | bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u64(bytes.length);
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  scalar(type: MetadataType, value: MetadataInput): void {
    if (type === "string") {
      this.string(String(value));
      return;
    }
    const { size, set } = scalars[type];
    const at = this.#grow(size);
    set(this.#view, at, value as never);
  }

  /** The type, unless an array around it has said it already, and the value. */
  value(type: MetadataType, value: MetadataInput, withType = true): void {
    if (withType) this.u32(valueTypes.indexOf(Array.isArray(value) ? "array" : type));
    if (!Array.isArray(value)) {
      this.scalar(type, value);
      return;
    }
    this.u32(valueTypes.indexOf(Array.isArray(value[0]) ? "array" : type));
    this.u64(value.length);
    for (const element of value) this.value(type, element, false);
  }

  /** The bytes so far and zeros up to a multiple. */
  padded(multiple: number): Uint8Array<ArrayBuffer> {
    this.#grow(roundUp(this.sizeBytes, multiple) - this.sizeBytes);
    return this.#bytes.subarray(0, this.sizeBytes);
  }
}

/** The file in pieces: header, then each tensor and its padding. Fits the constructor of a Blob. */
export function ggufParts({
  version = 3,
  alignment,
  metadata,
  tensors,
}: GgufContents): Uint8Array<ArrayBuffer>[] {
  const multiple = alignment ?? 32;
  const header = new ByteWriter();
  header.u32(0x46554747); // "GGUF"
  header.u32(version);
  header.u64(tensors.length);
  header.u64(metadata.length + (alignment === undefined ? 0 : 1));
  if (alignment !== undefined) {
    header.string("general.alignment");
    header.value("u32", alignment);
  }
  for (const [key, type, value] of metadata) {
    header.string(key);
    header.value(type, value);
  }
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    header.string(name);
    header.u32(shape.length);
    for (const size of [...shape].reverse()) header.u64(size);
    header.u32(typeof type === "number" ? type : weightFormats[type].ggmlType);
    header.u64(offset);
    offset += roundUp(bytes.length, multiple);
  }
  const parts = [header.padded(multiple)];
  for (const { bytes } of tensors) {
    const padding = roundUp(bytes.length, multiple) - bytes.length;
    parts.push(bytes);
    if (padding > 0) parts.push(new Uint8Array(padding));
  }
  return parts;
}

/** The file as one array. */
export function writeGguf(contents: GgufContents): Uint8Array<ArrayBuffer> {
  const parts = ggufParts(contents);
  const file = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
