/** A GGUF file with all its weights as F32: what parity with llama.cpp to the last token is tested on. */

import { dequantize } from "../dequantize.ts";
import { parseGguf } from "../gguf.ts";
import type { MetadataValue } from "../types.ts";
import { type MetadataInput, type MetadataType, writeGguf } from "./ggufWriter.ts";
import { quantize } from "./quantize.ts";

/** Keys that readers expect as floats even where the value is whole. */
const floatKeys = /(freq_base|epsilon|scores|factor|scale)$/;

function metadataType(key: string, value: MetadataValue): MetadataType {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return value < 0 ? "i64" : "u64";
  if (typeof value === "number") {
    if (floatKeys.test(key) || !Number.isInteger(value)) return "f32";
    return key.endsWith("token_type") || value < 0 ? "i32" : "u32";
  }
  return metadataType(key, value[0] ?? 0);
}

/** The file rewritten with dequantized tensors; metadata keeps its values. */
export function dequantizedFile(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const header = parseGguf(bytes, bytes.length);
  if (typeof header === "number") throw new Error("the file is truncated");
  return writeGguf({
    version: 3,
    metadata: [...header.metadata]
      .filter(([key]) => key !== "general.file_type")
      .map(([key, value]) => [key, metadataType(key, value), value as MetadataInput]),
    tensors: header.tensors.map(({ name, type, shape, offsetBytes, sizeBytes }) => {
      if (!type) throw new Error(`${name} has a type that cannot be read`);
      const count = shape.reduce((a, b) => a * b, 1);
      const values = dequantize(type, bytes.subarray(offsetBytes, offsetBytes + sizeBytes), count);
      return { name, type: "f32", shape, bytes: quantize("f32", values) };
    }),
  });
}
