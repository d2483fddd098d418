import { describe, expect, it, vi } from "vitest";
import { OmniError } from "../errors.ts";
import { BlobSource } from "./blobSource.ts";
import { parseGguf, readGgufHeader } from "./gguf.ts";
import { SourceReader } from "./reader.ts";
import { type GgufContents, writeGguf } from "./testing/ggufWriter.ts";
import { seededRandom } from "./testing/random.ts";
import type { ByteSource, GgufHeader } from "./types.ts";

vi.setConfig({ testTimeout: 30_000 }); // a busy machine

const zeros = (size: number) => new Uint8Array(size);

const contents: GgufContents = {
  metadata: [
    ["general.architecture", "string", "llama"],
    ["u8", "u8", 200],
    ["i8", "i8", -100],
    ["u16", "u16", 60_000],
    ["i16", "i16", -30_000],
    ["u32", "u32", 4_000_000_000],
    ["i32", "i32", -2_000_000_000],
    ["f32", "f32", 0.5],
    ["f64", "f64", 0.1],
    ["yes", "bool", true],
    ["no", "bool", false],
    ["u64", "u64", 2 ** 40 + 1],
    ["u64 beyond numbers", "u64", 2n ** 64n - 1n],
    ["i64", "i64", -5],
    ["i64 beyond numbers", "i64", -(2n ** 62n)],
    ["text", "string", "Grüße, 世界 \u0000"],
    ["marked", "string", "\uFEFFtoken"],
    ["long", "string", "x".repeat(100)],
    ["tokens", "string", ["a", "▁b", "", "\n"]],
    ["scores", "f32", [-1, 0.25]],
    ["flags", "bool", [true, false]],
    ["nothing", "i32", []],
    ["nested", "i32", [[1, 2], [3], []]],
  ],
  tensors: [
    { name: "a.weight", type: "q8_0", shape: [3, 64], bytes: zeros(204) },
    { name: "b.weight", type: "f32", shape: [5], bytes: zeros(20) },
    { name: "c.weight", type: "f16", shape: [2, 3, 8], bytes: zeros(96) },
    { name: "k.weight", type: 9, shape: [2, 128], bytes: zeros(288) },
  ],
};

const small: GgufContents = {
  metadata: [
    ["a", "string", "llama"],
    ["b", "f32", [1, 2]],
  ],
  tensors: [
    { name: "w", type: "q4_0", shape: [2, 32], bytes: zeros(36) },
    { name: "v", type: "f32", shape: [3], bytes: zeros(12) },
  ],
};

function parse(file: Uint8Array, fileBytes: number | undefined = file.length): GgufHeader {
  const header = parseGguf(file, fileBytes);
  if (typeof header === "number") throw new Error(`needs ${header} bytes`);
  return header;
}

/** The error that parsing throws. */
function refusal(file: Uint8Array, fileBytes: number | undefined = file.length): OmniError {
  try {
    parseGguf(file, fileBytes);
  } catch (error) {
    if (error instanceof OmniError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

/** A copy with a change. */
function patched(file: Uint8Array, change: (view: DataView) => void): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(file);
  change(new DataView(copy.buffer));
  return copy;
}

/** Where a text lies in the file. */
function find(file: Uint8Array, text: string): number {
  const at = Buffer.from(file).indexOf(text);
  expect(at).toBeGreaterThan(0);
  return at;
}

describe("parseGguf", () => {
  it.each([2, 3])("reads version %i: all value types, shapes, offsets", (version) => {
    const file = writeGguf({ ...contents, version });
    const header = parse(file);
    expect(header.version).toBe(version);
    expect([...header.metadata]).toEqual(contents.metadata.map(([key, , value]) => [key, value]));
    const data = header.dataOffsetBytes;
    expect(data % 32).toBe(0);
    expect(header.tensors).toEqual([
      { name: "a.weight", ggmlType: 8, type: "q8_0", shape: [3, 64], offsetBytes: data, sizeBytes: 204 },
      { name: "b.weight", ggmlType: 0, type: "f32", shape: [5], offsetBytes: data + 224, sizeBytes: 20 },
      {
        name: "c.weight",
        ggmlType: 1,
        type: "f16",
        shape: [2, 3, 8],
        offsetBytes: data + 256,
        sizeBytes: 96,
      },
      {
        name: "k.weight",
        ggmlType: 9,
        type: undefined,
        shape: [2, 128],
        offsetBytes: data + 352,
        sizeBytes: 288,
      },
    ]);
    expect(data + 352 + 288).toBe(file.length);
  });

  it("follows general.alignment", () => {
    const header = parse(writeGguf({ ...contents, alignment: 256 }));
    expect(header.metadata.get("general.alignment")).toBe(256);
    expect(header.tensors.map(({ offsetBytes }) => offsetBytes % 256)).toEqual([0, 0, 0, 0]);
    expect(header.tensors[1]!.offsetBytes).toBe(header.dataOffsetBytes + 256);
  });

  it("sorts tensors by their place in the file", () => {
    const file = writeGguf(small);
    // Exchanges the two data offsets (w at 0, v at 64) and their sizes do not overlap: 12 bytes, then 36.
    const w = find(file, "w\x02\0\0\0");
    const v = find(file, "v\x01\0\0\0");
    const swapped = patched(file, (view) => {
      view.setUint32(w + 1 + 4 + 16 + 4, 64, true);
      view.setUint32(v + 1 + 4 + 8 + 4, 0, true);
    });
    const longer = new Uint8Array(swapped.length + 32);
    longer.set(swapped);
    expect(parse(longer).tensors.map(({ name }) => name)).toEqual(["v", "w"]);
  });

  it("gives a type that it does not know the bytes up to the next tensor", () => {
    const header = parse(
      writeGguf({
        metadata: [],
        tensors: [
          { name: "x", type: 77, shape: [100], bytes: zeros(640) },
          { name: "y", type: "f32", shape: [8], bytes: zeros(32) },
          { name: "z", type: 78, shape: [5], bytes: zeros(96) },
        ],
      }),
    );
    expect(header.tensors.map(({ type, sizeBytes }) => [type, sizeBytes])).toEqual([
      [undefined, 640],
      ["f32", 32],
      [undefined, 96],
    ]);
  });

  it("says how many bytes it needs, at every cut, and refuses the cut file", () => {
    const file = writeGguf(small);
    const { dataOffsetBytes } = parse(file);
    let needs = 0;
    for (let cut = 0; cut < dataOffsetBytes; cut++) {
      const more = parseGguf(file.subarray(0, cut), undefined);
      if (typeof more === "number") {
        needs++;
        expect(more).toBeGreaterThan(cut);
        expect(more).toBeLessThanOrEqual(dataOffsetBytes);
      } else expect(dataOffsetBytes - cut).toBeLessThan(32);
      expect(refusal(file.subarray(0, cut)).code, `cut at ${cut}`).toBe("bad_model_file");
    }
    expect(needs).toBeGreaterThan(dataOffsetBytes - 32);
    for (let cut = dataOffsetBytes; cut < file.length - 20; cut++) {
      const error = refusal(file.subarray(0, cut));
      expect(error.message).toMatch(/^Tensor "[wv]": its data ends at byte \d+, but the file has only/);
    }
  });

  it.each([
    ["1.5e19", 0xffffffff, 0xffffffff],
    ["2^63", 0, 0x80000000],
    ["2^53", 0, 0x00200000],
    ["2^32", 0, 1],
    ["2^31", 0x80000000, 0],
  ])("never believes a length of %s", (_, low, high) => {
    const file = writeGguf(contents);
    const { dataOffsetBytes, metadata } = parse(file);
    const started = performance.now();
    let refused = 0;
    for (let at = 0; at + 8 <= dataOffsetBytes; at++) {
      const hostile = patched(file, (view) => {
        view.setUint32(at, low, true);
        view.setUint32(at + 4, high, true);
      });
      for (const size of [hostile.length, undefined]) {
        try {
          const result = parseGguf(hostile, size);
          if (typeof result === "number") expect(result).toBeLessThanOrEqual(64 * 2 ** 20);
          else expect(result.metadata.size).toBe(metadata.size);
        } catch (error) {
          expect(error).toBeInstanceOf(OmniError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(dataOffsetBytes / 2);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("survives random damage", () => {
    const file = writeGguf(contents);
    const { dataOffsetBytes } = parse(file);
    const random = seededRandom(7);
    const outcomes = { parsed: 0, refused: 0 };
    for (let round = 0; round < 4000; round++) {
      const damaged = new Uint8Array(file);
      for (let flips = 1 + Math.floor(random.uniform() * 4); flips > 0; flips--)
        damaged[Math.floor(random.uniform() * dataOffsetBytes)]! ^= 1 << Math.floor(random.uniform() * 8);
      try {
        expect(typeof parseGguf(damaged, damaged.length)).toBe("object");
        outcomes.parsed++;
      } catch (error) {
        expect(error).toBeInstanceOf(OmniError);
        outcomes.refused++;
      }
    }
    expect(outcomes.parsed).toBeGreaterThan(200);
    expect(outcomes.refused).toBeGreaterThan(200);
  });
});

describe("parseGguf refuses", () => {
  const file = writeGguf(small);
  const u32 = (at: number, value: number) => patched(file, (view) => view.setUint32(at, value, true));
  const w = find(file, "w\x02\0\0\0") + 1; // the info of tensor w, after its name
  const v = find(file, "v\x01\0\0\0") + 1;
  const text = (words: string) => new TextEncoder().encode(words.padEnd(100, " "));

  it.each<[string, Uint8Array, string, RegExp]>([
    ["version 1", u32(4, 1), "unsupported_model", /version 1/],
    ["a later version", u32(4, 4), "unsupported_model", /version 4/],
    ["big-endian", u32(4, 0x03000000), "unsupported_model", /Big-endian/],
    ["a web page", text("<!doctype html><html>"), "bad_model_file", /"<!do".*web page/],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1"), "bad_model_file", /LFS/],
    ["an empty file", zeros(0), "bad_model_file", /byte 0.*ends at byte 0/],
    [
      "too many tensors",
      u32(8, 1000),
      "bad_model_file",
      /number of tensors, byte 8: 1000 tensors cannot fit/,
    ],
    ["too many keys", u32(16, 1000), "bad_model_file", /byte 16: 1000 metadata keys cannot fit/],
    ["an unknown value type", u32(24 + 9, 13), "bad_model_file", /"a", byte 33: unknown value type 13/],
    ["no dimensions", u32(w, 0), "bad_model_file", /Tensor "w", byte \d+: 0 dimensions/],
    ["5 dimensions", u32(w, 5), "bad_model_file", /Tensor "w", byte \d+: 5 dimensions/],
    ["an empty dimension", u32(w + 4, 0), "bad_model_file", /"w", byte \d+: dimension 0 is 0/],
    ["a dimension beyond reason", u32(w + 8, 0x10000000), "bad_model_file", /"w".*impossibly many weights/],
    ["half a block", u32(w + 4, 48), "bad_model_file", /"w".*rows of 48.*blocks of 32 \(Q4_0\)/],
    ["an offset out of line", u32(w + 24, 40), "bad_model_file", /"w".*40 is not a multiple of 32/],
    ["an offset beyond the file", u32(w + 24, 3200), "bad_model_file", /"w": its data ends at.*cut short/],
    ["an impossible offset", u32(w + 28, 0x80000000), "bad_model_file", /"w".*impossible data offset/],
    ["overlapping tensors", u32(v + 16, 32), "bad_model_file", /"v": its data.*overlaps tensor "w"/],
    [
      "weights beyond the file",
      u32(w + 12, 2000),
      "bad_model_file",
      /"w": its data ends at byte \d+, .*cut short/,
    ],
  ])("%s", (_, hostile, code, message) => {
    const error = refusal(hostile);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  const withMetadata = (...metadata: GgufContents["metadata"]) => writeGguf({ metadata, tensors: [] });
  const namesake = { name: "same", type: "f32" as const, shape: [8], bytes: zeros(32) };
  let deep: GgufContents["metadata"][number][2] = [1];
  for (let i = 0; i < 5; i++) deep = [deep];

  it.each<[string, Uint8Array, RegExp, string | undefined]>([
    ["a second key", withMetadata(["k", "u8", 1], ["k", "u8", 1]), /second value for key "k"/, undefined],
    ["an empty key", withMetadata(["", "u8", 1]), /empty key/, undefined],
    ["an endless key", withMetadata(["k".repeat(70_000), "u8", 1]), /longer than 65,535/, undefined],
    ["deep arrays", withMetadata(["deep", "u8", deep]), /"deep".*nested deeper than 4/, "deep"],
    ["a bool of 2", withMetadata(["flag", "bool", 2]), /"flag", byte \d+: 2 is neither/, "flag"],
    [
      "alignment 24",
      writeGguf({ metadata: [], tensors: [], alignment: 24 }),
      /"24" is not a power of two/,
      "general.alignment",
    ],
    ["alignment 0", withMetadata(["general.alignment", "u32", 0]), /not a power of two/, "general.alignment"],
    [
      "a second tensor",
      writeGguf({ metadata: [], tensors: [namesake, namesake] }),
      /second tensor named "same"/,
      undefined,
    ],
    [
      "a long name",
      writeGguf({ metadata: [], tensors: [{ ...namesake, name: "n".repeat(300) }] }),
      /longer than 255/,
      undefined,
    ],
    [
      "a nameless tensor",
      writeGguf({ metadata: [], tensors: [{ ...namesake, name: "" }] }),
      /Tensor 1 of 1.*empty name/,
      undefined,
    ],
  ])("%s", (_, hostile, message, param) => {
    const error = refusal(hostile);
    expect(error.code).toBe("bad_model_file");
    expect(error.message).toMatch(message);
    expect(error.param).toBe(param);
  });

  it("escapes and shortens names in messages", () => {
    const name = `<img src=x>\n"${"y".repeat(200)}`;
    const error = refusal(withMetadata([name, "bool", 3]));
    expect(error.message).not.toContain("\n");
    expect(error.message.length).toBeLessThan(200);
  });
});

/** A source that gives the file in pieces of one size and may hide its size. */
function piecewise(file: Uint8Array, pieceBytes: number, sizeBytes: number | undefined): ByteSource {
  return {
    name: "test",
    sizeBytes,
    async *stream() {
      for (let at = 0; at < file.length; at += pieceBytes) yield file.subarray(at, at + pieceBytes);
    },
  };
}

describe("readGgufHeader", () => {
  const tokens = Array.from({ length: 20_000 }, (_, i) => `token ${i} ☃`);
  const file = writeGguf({ ...contents, metadata: [["tokens", "string", tokens]] });
  file.set([1, 2, 3, 4], file.length - 288);

  it.each([
    [1, file.length],
    [1000, undefined],
    [65_536, file.length],
    [file.length, undefined],
  ])("goes on to the tensors, in pieces of %i, size %s", async (pieceBytes, sizeBytes) => {
    const reader = new SourceReader(piecewise(file, pieceBytes, sizeBytes));
    const header = await readGgufHeader(reader);
    expect(header).toEqual(parse(file));
    expect(reader.offsetBytes).toBe(header.dataOffsetBytes);
    const last = header.tensors.at(-1)!;
    const gap = last.offsetBytes - reader.offsetBytes;
    expect(await reader.skip(gap)).toBe(gap);
    const data = new Uint8Array(300);
    expect(await reader.read(data)).toBe(288);
    expect([...data.subarray(0, 5)]).toEqual([1, 2, 3, 4, 0]);
    expect(reader.offsetBytes).toBe(file.length);
    expect(await reader.next()).toBeUndefined();
    expect(await reader.skip(5)).toBe(0);
  });

  it.each([file.length, undefined])(
    "refuses a stream that ends in the header, size %s",
    async (sizeBytes) => {
      const reader = new SourceReader(piecewise(file.subarray(0, 100_000), 4096, sizeBytes));
      await expect(readGgufHeader(reader)).rejects.toMatchObject({
        code: "bad_model_file",
        param: "tokens",
        message: expect.stringMatching(/"tokens", byte \d+: \d+ .*(100000|bytes that may follow)/),
      });
    },
  );

  it("reads from a Blob", async () => {
    const header = await readGgufHeader(new SourceReader(new BlobSource(new Blob([file]))));
    expect(header.metadata.get("tokens")).toEqual(tokens);
  });
});
