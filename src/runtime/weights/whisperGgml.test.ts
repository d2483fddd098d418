import { expect, test } from "vitest";
import { weightFormats } from "../gpu/tensor.ts";
import { BlobSource } from "./blobSource.ts";
import { fileKind } from "./fileKind.ts";
import {
  byteTokens,
  cutTiny,
  ggmlTensorType,
  whisperGgmlFile,
  whisperTensors,
} from "./testing/whisperFiles.ts";
import type { ByteSource } from "./types.ts";
import { readWhisperGgml } from "./whisperGgml.ts";

const sizes = { ...cutTiny, audioWidth: 64, audioHeads: 2, textWidth: 64, textHeads: 2 };
const tensors = whisperTensors(sizes);
const file = whisperGgmlFile(sizes, "q8_0", tensors);
const read = (bytes: Uint8Array<ArrayBuffer>) => readWhisperGgml(new BlobSource(new Blob([bytes])));

test("reads sizes, tokens and where each tensor lies", async () => {
  expect(fileKind(file)).toBe("whisper.cpp");
  expect(fileKind(new TextEncoder().encode("GGUF\x03\0\0\0{"))).toBe("gguf");
  expect(fileKind(new Uint8Array(0))).toBe("gguf");
  const found = await read(file);
  expect(found.sizes).toEqual(sizes);
  expect(found.tokens).toEqual(byteTokens(sizes));
  expect(found.tensors.map(({ name, shape }) => [name, shape])).toEqual(
    tensors.map(({ name, shape }) => [name, shape]),
  );
  for (const [i, tensor] of found.tensors.entries()) {
    const type = ggmlTensorType(tensors[i]!, "q8_0");
    expect([tensor.name, tensor.type, tensor.ggmlType]).toEqual([
      tensor.name,
      type,
      weightFormats[type].ggmlType,
    ]);
    const next = found.tensors[i + 1]?.offsetBytes ?? file.length;
    expect(tensor.offsetBytes + tensor.sizeBytes).toBeLessThanOrEqual(next);
  }
  const last = found.tensors.at(-1)!;
  expect(last.offsetBytes + last.sizeBytes).toBe(file.length);
});

test("leaves out what it need not read, where the source can start anywhere", async () => {
  const large = whisperGgmlFile(
    { ...sizes, vocab: 40_000 },
    "f32",
    whisperTensors({ ...sizes, vocab: 40_000 }),
  );
  let bytes = 0;
  const source = (seekable: boolean): ByteSource => ({
    name: "large",
    sizeBytes: large.length,
    seekable,
    async *stream(offset) {
      for (let at = offset; at < large.length; at += 4096) {
        bytes += 4096;
        yield large.subarray(at, at + 4096);
      }
    },
  });
  const jumping = await readWhisperGgml(source(true));
  expect(bytes).toBeLessThan(large.length / 3);
  bytes = 0;
  expect((await readWhisperGgml(source(false))).tensors).toEqual(jumping.tensors);
  expect(bytes).toBeGreaterThanOrEqual(large.length);
});

/** The file with another number at a byte. */
function patched(at: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = file.slice();
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
}
const tokensAt = 12 * 4 + 8 + sizes.melBins * 201 * 4;
const tensorsAt = tokensAt + 4 + 256 * 5;

test.each([
  { name: "another magic number", bytes: patched(0, 7), message: /not a whisper.cpp/ },
  { name: "no tokens", bytes: patched(4, 0), message: /vocab is 0/ },
  { name: "an absurd width", bytes: patched(12, 2 ** 31), message: /audioWidth is 2147483648/ },
  { name: "other filters", bytes: patched(48, 81), message: /81 mel filters for 80/ },
  { name: "filters beyond the file", bytes: patched(52, 65_536), message: /cut short/ },
  { name: "more tokens than the vocabulary", bytes: patched(tokensAt, 2000), message: /tokens is 2000/ },
  { name: "an endless token", bytes: patched(tokensAt + 4, 2 ** 31), message: /token 0 of 256/ },
  { name: "five dimensions", bytes: patched(tensorsAt, 5), message: /dimensions/ },
  { name: "an endless name", bytes: patched(tensorsAt + 4, 4096), message: /length of the name/ },
  { name: "a dimension of 0", bytes: patched(tensorsAt + 12, 0), message: /a dimension/ },
  { name: "a tensor beyond the file", bytes: patched(tensorsAt + 12, 2 ** 30), message: /cut short/ },
  { name: "an unknown type", bytes: patched(tensorsAt + 8, 99), message: /type 99/ },
  { name: "broken blocks", bytes: patched(tensorsAt + 8, 12), message: /blocks of 256/ },
  { name: "no tensors", bytes: file.slice(0, tensorsAt), message: /no tensors/ },
  { name: "a cut header", bytes: file.slice(0, 30), message: /ends at byte/ },
  { name: "cut tokens", bytes: file.slice(0, tokensAt + 100), message: /inside token/ },
  { name: "a cut tensor", bytes: file.slice(0, -1), message: /cut short/ },
])("$name is refused", async ({ bytes, message }) => {
  const error = await read(bytes).catch((thrown) => thrown);
  expect(error.code).toMatch(/bad_model_file|unsupported_model/);
  expect(error.message).toMatch(message);
});

test("a second tensor of a name is refused", async () => {
  await expect(read(whisperGgmlFile(sizes, "f16", [tensors[0]!, tensors[0]!]))).rejects.toThrow(
    /second tensor/,
  );
});
