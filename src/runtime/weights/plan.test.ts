import { describe, expect, it } from "vitest";
import { planWeights } from "./plan.ts";
import type { GgufHeader, GgufTensorInfo, TensorRequest } from "./types.ts";

const limits = { maxBindingBytes: 2 ** 27, maxBufferBytes: 2 ** 28 };

const tensor = (
  name: string,
  ggmlType: number,
  type: GgufTensorInfo["type"],
  shape: number[],
): GgufTensorInfo => ({
  name,
  ggmlType,
  type,
  shape,
  offsetBytes: 0,
  sizeBytes: 0,
});

const header: GgufHeader = {
  version: 3,
  metadata: new Map(),
  dataOffsetBytes: 0,
  tensors: [
    tensor("first", 8, "q8_0", [10, 64]),
    tensor("norm", 0, "f32", [65]),
    tensor("unused", 16, undefined, [256, 256]),
    tensor("half", 1, "f16", [3]),
    tensor("unknown", 16, undefined, [2, 256]),
    tensor("strange", 99, undefined, [2, 256]),
    tensor("row", 0, "f32", [16]),
    tensor("column", 0, "f32", [1, 7]),
    tensor("bias of a convolution", 0, "f32", [7, 1]),
    tensor("odd", 1, "f16", [4, 12]),
    tensor("q", 8, "q8_0", [16, 64]),
    tensor("v", 2, "q4_0", [8, 64]),
    tensor("k", 8, "q8_0", [8, 64]),
    tensor("bias", 0, "f32", [5]),
  ].map((info, i) => ({ ...info, offsetBytes: 1000 * i })),
};

const plan = (requests: TensorRequest[], changed = {}) =>
  planWeights(header, requests, { ...limits, ...changed });

it("a table may be quantized, a vector may not", () => {
  const { vectors } = plan([{ name: "first", kind: "vector", shape: [10, 64] }]);
  expect(vectors).toEqual([{ name: "first", length: 640, offsetBytes: 0, sizeBytes: 2560 }]);
  expect(() => plan([{ name: "q", kind: "vector", shape: [1024] }])).toThrow(/shape|quantized/);
});

it("keeps file order, places vectors in one buffer, and sums the bytes", () => {
  const { tensors, vectors, vectorBytes, sizeBytes } = plan([
    { name: "half", kind: "vector", shape: [3] },
    { name: "norm", kind: "vector", shape: [65] },
    { name: "absent", kind: "vector", shape: [1], optional: true },
    { name: "first", kind: "matrix", shape: [10, 64] },
  ]);
  expect(tensors.map(({ tensor, kind }) => [tensor.name, kind])).toEqual([
    ["first", "matrix"],
    ["norm", "vector"],
    ["half", "vector"],
  ]);
  expect(vectors).toEqual([
    { name: "half", length: 3, offsetBytes: 0, sizeBytes: 16 },
    { name: "norm", length: 65, offsetBytes: 256, sizeBytes: 272 },
  ]);
  expect(tensors[1]).toMatchObject({ length: 65, offsetBytes: 256 });
  expect(vectorBytes).toBe(768);
  expect(sizeBytes).toBe(768 + 768 + 256);
});

describe("joins", () => {
  const matrix = (name: string, rows: number): TensorRequest => ({
    ...{ name, kind: "matrix", shape: [rows, 64], joined: "qkv" },
  });

  it("matrices in the order of the requests, as far as types are alike", () => {
    const { tensors, matrices, joined } = plan([matrix("q", 16), matrix("k", 8), matrix("v", 8)]);
    expect(matrices).toMatchObject([
      { name: "qkv", type: "q8_0", rows: 24 },
      { name: "v", type: "q4_0", rows: 8 },
    ]);
    expect(joined.get("qkv")).toEqual(matrices);
    expect(tensors.map((item) => item.kind === "matrix" && [item.tensor.name, item.firstRow])).toEqual([
      ["q", 0],
      ["v", 0],
      ["k", 16],
    ]);
  });

  it("only what fits one binding", () => {
    const { joined } = plan([matrix("q", 16), matrix("k", 8)], { maxBindingBytes: 20 * 64 });
    expect(joined.get("qkv")!.map(({ name }) => name)).toEqual(["q", "k"]);
  });

  it("vectors where all are there", () => {
    const vector = (name: string, length: number): TensorRequest => ({
      ...{ name, kind: "vector", shape: [length], optional: true, joined: "both" },
    });
    const both = plan([vector("half", 3), vector("bias", 5)]);
    expect(both.vectors).toEqual([{ name: "both", length: 8, offsetBytes: 0, sizeBytes: 32 }]);
    expect(both.tensors).toMatchObject([{ offsetBytes: 0 }, { offsetBytes: 12 }]);
    expect(plan([vector("half", 3), vector("absent", 5)]).vectors.map(({ name }) => name)).toEqual(["half"]);
  });
});

it("does not mind dimensions of 1 that come first, or any in a vector", () => {
  expect(plan([{ name: "row", kind: "matrix", shape: [1, 16] }]).tensors[0]).toMatchObject({
    rows: 1,
    columns: 16,
  });
  for (const name of ["column", "bias of a convolution"])
    expect(plan([{ name, kind: "vector", shape: [7] }]).tensors[0]).toMatchObject({ length: 7 });
});

it("keeps the place of a joined vector that the file lacks, and takes vectors of several dimensions", () => {
  const joined = { kind: "vector", joined: "qkv.bias" } as const;
  const { vectors, tensors } = plan([
    { ...joined, name: "bias", shape: [5] },
    { ...joined, name: "k.bias", shape: [8], optional: "zeros" },
    { ...joined, name: "half", shape: [3] },
    { name: "first", kind: "matrix", shape: [10, 64] },
    { name: "alone", kind: "vector", shape: [4], optional: "zeros" },
    { name: "column", kind: "vector", shape: [1, 7] },
  ]);
  expect(vectors.map(({ name, length }) => [name, length])).toEqual([
    ["qkv.bias", 16],
    ["column", 7],
  ]);
  const at = Object.fromEntries(tensors.map((p) => [p.tensor.name, "offsetBytes" in p ? p.offsetBytes : -1]));
  expect([at.bias, at.half, at.column]).toEqual([0, 13 * 4, 256]);
});

describe("refuses", () => {
  it("a padded matrix of other columns, or quantized", () => {
    const padded = { name: "first", kind: "matrix", shape: [10, 72], padding: 8 } as const;
    expect(() => plan([{ ...padded, padding: 4 }])).toThrow(/shape \(10, 64\); the model needs \(10, 68\)/);
    expect(() => plan([padded])).toThrow(/convolution must be F32/);
  });

  it("a quantized convolution, and one of other taps", () => {
    const taps = { name: "first", kind: "matrix", shape: [10, 192], taps: 3 } as const;
    expect(() => plan([taps])).toThrow(/shape \(10, 64\); the model needs \(10, 64, 3\)/);
  });

  it.each<[string, TensorRequest[], string, string, RegExp]>([
    [
      "missing tensors",
      ["a", "b", "c", "d"].map((name) => ({ name, kind: "vector", shape: [1] })),
      "bad_model_file",
      "a",
      /lacks.*: a, b, c and 1 more\./,
    ],
    [
      "another shape",
      [{ name: "first", kind: "matrix", shape: [64, 10] }],
      "bad_model_file",
      "first",
      /first has the shape \(10, 64\); the model needs \(64, 10\)/,
    ],
    [
      "another length",
      [{ name: "norm", kind: "vector", shape: [64] }],
      "bad_model_file",
      "norm",
      /\(65\).*\(64\)/,
    ],
    [
      "a type that no kernel reads",
      [{ name: "unknown", kind: "matrix", shape: [2, 256] }],
      "unsupported_model",
      "unknown",
      /quantized as IQ2_XXS.* F32, F16, .*Q4_K.* and MXFP4\./,
    ],
    [
      "a new type",
      [{ name: "strange", kind: "matrix", shape: [2, 256] }],
      "unsupported_model",
      "strange",
      /as type 99/,
    ],
    ["odd rows", [{ name: "odd", kind: "matrix", shape: [4, 12] }], "bad_model_file", "odd", /rows of 12/],
  ])("%s", (_, requests, code, param, message) => {
    expect(() => plan(requests)).toThrow(
      expect.objectContaining({ code, param, message: expect.stringMatching(message) }),
    );
  });

  it("a part of a split model, and says so", () => {
    const part = { ...header, metadata: new Map([["split.count", 3]]) };
    expect(() => planWeights(part, [{ name: "a", kind: "vector", shape: [1] }], limits)).toThrow(
      /lacks tensors of this model: a\. It is one of 3 parts/,
    );
  });

  it("a K-quant whose rows are no multiple of 256", () => {
    const narrow = { ...header, tensors: [tensor("w", 12, "q4_k", [4, 288])] };
    expect(() => planWeights(narrow, [{ name: "w", kind: "matrix", shape: [4, 288] }], limits)).toThrow(
      expect.objectContaining({
        code: "bad_model_file",
        message: expect.stringMatching(/288 .* 256 \(q4_k\)/),
      }),
    );
  });

  it("a quantized vector, but not for its shape", () => {
    const quantized = { ...header, tensors: [tensor("v", 8, "q8_0", [64])] };
    expect(() => planWeights(quantized, [{ name: "v", kind: "vector", shape: [64] }], limits)).toThrow(
      expect.objectContaining({
        code: "unsupported_model",
        message: expect.stringMatching(/v is quantized as Q8_0; a vector/),
      }),
    );
  });

  it("a vector above the binding limit", () => {
    expect(() => plan([{ name: "norm", kind: "vector", shape: [65] }], { maxBindingBytes: 256 })).toThrow(
      expect.objectContaining({ code: "unsupported_adapter", param: "norm" }),
    );
  });

  it("a tensor requested twice", () => {
    const request: TensorRequest = { name: "norm", kind: "vector", shape: [65] };
    expect(() => plan([request, request])).toThrow(expect.objectContaining({ code: "internal_error" }));
  });
});
