import { expect, test } from "vitest";
import { BlobSource } from "./blobSource.ts";
import { fileKind } from "./fileKind.ts";
import { SourceReader } from "./reader.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import { safetensorsFile, writeSafetensors } from "./testing/safetensorsWriter.ts";

const read = async (file: Uint8Array<ArrayBuffer>) => {
  const reader = new SourceReader(new BlobSource(new Blob([file])));
  try {
    return { table: await readSafetensorsHeader(reader), at: reader.offsetBytes };
  } finally {
    await reader.close();
  }
};

const entries = [
  { name: "b.weight", dtype: "F16", shape: [3, 8], bytes: new Uint8Array(48) },
  { name: "a.bias", dtype: "F32", shape: [5], bytes: new Uint8Array(20) },
  { name: "scalar", dtype: "I64", shape: [], bytes: new Uint8Array(8) },
];

test("reads tensors in the order of the file, and leaves the reader at their start", async () => {
  const file = writeSafetensors(entries, { format: "pt" });
  expect(fileKind(file)).toBe("safetensors");
  const { table, at } = await read(file);
  expect(at).toBe(file.length - 76);
  expect(table.metadata.get("format")).toBe("pt");
  expect(table.tensors).toEqual([
    {
      ...{ name: "b.weight", ggmlType: 1, type: "f16", typeName: "F16", shape: [3, 8] },
      ...{ offsetBytes: at, sizeBytes: 48 },
    },
    {
      ...{ name: "a.bias", ggmlType: 0, type: "f32", typeName: "F32", shape: [5] },
      ...{ offsetBytes: at + 48, sizeBytes: 20 },
    },
    {
      ...{ name: "scalar", ggmlType: -1, type: undefined, typeName: "I64", shape: [1] },
      ...{ offsetBytes: at + 68, sizeBytes: 8 },
    },
  ]);
});

const entry = (change: object) =>
  JSON.stringify({ t: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...change } });
const data = new Uint8Array(8);
const length = (bytes: bigint) => {
  const file = safetensorsFile("{}", data);
  new DataView(file.buffer).setBigUint64(0, bytes, true);
  return file;
};

test.each([
  { name: "no header", file: new Uint8Array(5), message: /before byte 8/ },
  { name: "a header longer than the file", file: length(1000n), message: /1000 bytes; 10 are/ },
  { name: "an absurd length", file: length(2n ** 63n), message: /are possible/ },
  { name: "no JSON", file: safetensorsFile("{oh", data), message: /not valid JSON/ },
  { name: "no UTF-8", file: safetensorsFile('{"\uD800"', data), message: /not valid JSON/ },
  { name: "a list", file: safetensorsFile("[]", data), message: /not a JSON object/ },
  { name: "an entry that is none", file: safetensorsFile('{"t":5}', data), message: /"t": its entry/ },
  { name: "an unknown type", file: safetensorsFile(entry({ dtype: "F12" }), data), message: /type is "F12"/ },
  {
    name: "a prototype's name",
    file: safetensorsFile(entry({ dtype: "toString" }), data),
    message: /type is/,
  },
  { name: "a negative size", file: safetensorsFile(entry({ shape: [-2] }), data), message: /shape/ },
  { name: "a text as size", file: safetensorsFile(entry({ shape: "2" }), data), message: /shape/ },
  {
    name: "huge sizes",
    file: safetensorsFile(entry({ shape: [2 ** 40, 2 ** 40] }), data),
    message: /bytes of data/,
  },
  { name: "one offset", file: safetensorsFile(entry({ data_offsets: [0] }), data), message: /data_offsets/ },
  {
    name: "too few bytes",
    file: safetensorsFile(entry({ data_offsets: [0, 4] }), data),
    message: /4 bytes of data/,
  },
  { name: "backwards", file: safetensorsFile(entry({ data_offsets: [8, 0] }), data), message: /-8 bytes/ },
  { name: "a cut file", file: safetensorsFile(entry({}), data.subarray(1)), message: /cut short/ },
  {
    name: "overlapping tensors",
    file: safetensorsFile(
      `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`,
      data,
    ),
    message: /overlaps/,
  },
])("$name is refused", async ({ file, message }) => {
  const error = await read(file).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "bad_model_file" });
  expect(error.message).toMatch(message);
});
