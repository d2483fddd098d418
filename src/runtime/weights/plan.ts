/** Decides where each requested tensor goes, before any byte of it is read: all refusals of a model come from here. */

import { badModelFile, OmniError, unsupportedModel } from "../errors.ts";
import {
  fitsOneSlice,
  roundUp,
  type WeightLayout,
  type WeightType,
  weightFormats,
  weightLayout,
} from "../gpu/tensor.ts";
import { ggmlTypeName } from "./ggmlTypes.ts";
import type { GgufTensorInfo, TensorRequest, TensorTable } from "./types.ts";

/** What a buffer may be on the device, in bytes: `maxStorageBufferBindingSize` and `maxBufferSize`. */
export interface BufferLimits {
  maxBindingBytes: number;
  maxBufferBytes: number;
}

export interface RunnableTensorInfo extends GgufTensorInfo {
  type: WeightType;
}

/** A matrix on the GPU: a tensor of the file, or several whose rows follow each other. */
export interface MatrixTarget {
  name: string;
  type: WeightType;
  rows: number;
  columns: number;
  layout: WeightLayout;
}

export interface MatrixPlan {
  kind: "matrix";
  tensor: RunnableTensorInfo;
  rows: number;
  columns: number;
  target: MatrixTarget;
  /** Where its rows start in the target. Not 0 only in targets of one slice. */
  firstRow: number;
  /** Of a convolution: see {@link TensorRequest}. @default 1 */
  taps: number;
  /** Zeros behind each row, see {@link TensorRequest}. @default 0 */
  padding: number;
}

export interface VectorPlan {
  kind: "vector";
  tensor: RunnableTensorInfo;
  length: number;
  /** Where it lies in the one buffer that all vectors share. */
  offsetBytes: number;
}

/** A vector on the GPU: a tensor of the file, or several behind each other. */
export interface VectorTarget {
  name: string;
  length: number;
  offsetBytes: number;
  sizeBytes: number;
}

export interface WeightPlan {
  /** In file order. */
  tensors: readonly (MatrixPlan | VectorPlan)[];
  matrices: readonly MatrixTarget[];
  /** By `joined` name, in the order of rows. */
  joined: ReadonlyMap<string, readonly MatrixTarget[]>;
  vectors: readonly VectorTarget[];
  vectorBytes: number;
  /** All buffers together. */
  sizeBytes: number;
}

/** Leading dimensions of 1 say nothing: a writer may drop or add them. */
function squeeze(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((size) => size !== 1);
  return first < 0 ? [1] : shape.slice(first);
}

function supportedTypes(): string {
  const names = Object.values(weightFormats).map(({ ggmlType }) => ggmlTypeName(ggmlType));
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

const typeName = (tensor: GgufTensorInfo) => tensor.typeName ?? ggmlTypeName(tensor.ggmlType);

/** A file's shape as it is asked for. */
function foundShape({ kind, flat, shape }: TensorRequest, inFile: readonly number[]): readonly number[] {
  const [first = 0, ...rest] = inFile;
  if (flat) return [first, rest.reduce((a, b) => a * b, 1)];
  // llama.cpp's converter writes biases of convolutions as columns.
  return kind === "vector" && shape.length === 1 ? inFile.filter((size) => size !== 1) : inFile;
}

function check(request: TensorRequest, tensor: GgufTensorInfo): RunnableTensorInfo {
  const { name, kind, taps = 1, padding = 0 } = request;
  const [rows = 0, columns = 0] = request.shape;
  const plain = padding > 0 ? [rows, columns - padding] : request.shape;
  const shape = taps === 1 ? plain : [rows, columns / taps, taps];
  const found = foundShape(request, tensor.shape);
  if (String(squeeze(shape)) !== String(squeeze(found)))
    throw badModelFile(
      `Tensor ${name} has the shape (${tensor.shape.join(", ")}); the model needs (${shape.join(", ")}).`,
      name,
    );
  const { type } = tensor;
  if (type === undefined)
    throw unsupportedModel(
      `Tensor ${name} is quantized as ${typeName(tensor)}, which is not supported; supported are ${supportedTypes()}.`,
      name,
    );
  // Of tables there are few, which are read as f32 whatever they are.
  const isTable = kind === "vector" && request.shape.length > 1;
  if ((kind === "vector" || taps > 1 || padding > 0) && !isTable && weightFormats[type].blockWeights > 1)
    throw unsupportedModel(
      `Tensor ${name} is quantized as ${typeName(tensor)}; a ${kind === "vector" ? "vector" : "convolution"} must be F32, F16 or BF16.`,
      name,
    );
  return { ...tensor, type };
}

/**
 * @throws OmniError `bad_model_file` (a tensor is missing or has another shape), `unsupported_model` (a type),
 *   `unsupported_adapter` (a vector above the binding limit)
 */
export function planWeights(
  header: TensorTable,
  requests: readonly TensorRequest[],
  limits: BufferLimits,
): WeightPlan {
  const inFile = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const requestOf = new Map(requests.map((request) => [request.name, request]));
  if (requestOf.size < requests.length) throw new OmniError("internal_error", "A tensor is requested twice.");
  const missing = requests.filter(({ name, optional }) => !optional && !inFile.has(name));
  if (missing.length > 0) {
    const names = missing.slice(0, 3).map(({ name }) => name);
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
    const parts = header.metadata.get("split.count");
    const hint =
      typeof parts === "number" && parts > 1
        ? ` It is one of ${parts} parts of a split model: join them with llama-gguf-split --merge.`
        : "";
    throw badModelFile(`The file lacks tensors of this model: ${names.join(", ")}${more}.${hint}`, names[0]);
  }

  const wanted = requests.flatMap((request) => {
    const info = inFile.get(request.name);
    return info ? [{ request, tensor: check(request, info) }] : [];
  });
  const ofKind = (kind: TensorRequest["kind"]) => wanted.filter(({ request }) => request.kind === kind);
  const { plans: matrixPlans, targets: matrices, joined } = planMatrices(ofKind("matrix"), limits);
  const {
    plans: vectorPlans,
    targets: vectors,
    vectorBytes,
  } = planVectors(ofKind("vector"), requests, limits);
  const matrixBytes = matrices
    .flatMap(({ layout }) => layout.slices)
    .reduce((sum, s) => sum + s.sizeBytes, 0);
  return {
    tensors: [...matrixPlans, ...vectorPlans].sort((a, b) => a.tensor.offsetBytes - b.tensor.offsetBytes),
    ...{ matrices, joined, vectors, vectorBytes },
    sizeBytes: matrixBytes + vectorBytes,
  };
}

interface Wanted {
  request: TensorRequest;
  tensor: RunnableTensorInfo;
}

/** Rows before a joined matrix are a multiple of this, so that the bytes of all its planes start at whole words. */
const joinedRowMultiple = 8;

function planMatrices(wanted: readonly Wanted[], limits: BufferLimits) {
  const plans: MatrixPlan[] = [];
  const targets: MatrixTarget[] = [];
  const joined = new Map<string, MatrixTarget[]>();
  const layoutOf = (name: string, type: WeightType, rows: number, columns: number) =>
    weightLayout(name, type, rows, columns, limits.maxBindingBytes, limits.maxBufferBytes);
  for (const { request, tensor } of wanted) {
    const [rows = 0, columns = 0] = request.shape;
    const group = request.joined === undefined ? undefined : (joined.get(request.joined) ?? []);
    const last = group?.at(-1);
    let target: MatrixTarget | undefined;
    let firstRow = 0;
    if (
      last?.type === tensor.type &&
      last.columns === columns &&
      last.rows % joinedRowMultiple === 0 &&
      fitsOneSlice(tensor.type, last.rows + rows, columns, limits)
    ) {
      firstRow = last.rows;
      target = Object.assign(last, {
        name: request.joined,
        rows: last.rows + rows,
        layout: layoutOf(request.joined!, tensor.type, last.rows + rows, columns),
      });
    }
    if (!target) {
      const { name, type } = tensor;
      target = { name, type, rows, columns, layout: layoutOf(name, type, rows, columns) };
      targets.push(target);
      group?.push(target);
    }
    if (group) joined.set(request.joined!, group);
    const { taps = 1, padding = 0 } = request;
    plans.push({ kind: "matrix", tensor, rows, columns, target, firstRow, taps, padding });
  }
  return { plans, targets, joined };
}

function planVectors(wanted: readonly Wanted[], requests: readonly TensorRequest[], limits: BufferLimits) {
  const plans: VectorPlan[] = [];
  const targets: VectorTarget[] = [];
  let vectorBytes = 0;
  /** A group is joined where all of it is there. */
  const countOf = (list: readonly TensorRequest[], name: string) =>
    list.filter(({ joined }) => joined === name).length;
  const found = new Map(wanted.map(({ request, tensor }) => [request, tensor]));
  const present = requests.filter((request) => found.has(request) || request.optional === "zeros");
  const whole = (name: string) => countOf(present, name) === countOf(requests, name);
  for (const request of present) {
    if (request.kind !== "vector") continue;
    const tensor = found.get(request);
    const length = request.shape.reduce((a, b) => a * b, 1);
    const name = request.joined !== undefined && whole(request.joined) ? request.joined : request.name;
    if (!tensor && name !== request.joined) continue;
    let target = targets.at(-1);
    if (target?.name !== name) {
      target = { name, length: 0, offsetBytes: roundUp(vectorBytes, 256), sizeBytes: 0 };
      targets.push(target);
    }
    if (tensor)
      plans.push({ kind: "vector", tensor, length, offsetBytes: target.offsetBytes + target.length * 4 });
    target.length += length;
    target.sizeBytes = roundUp(target.length * 4, 16);
    vectorBytes = target.offsetBytes + target.sizeBytes;
    if (target.sizeBytes > limits.maxBindingBytes || vectorBytes > limits.maxBufferBytes)
      throw new OmniError(
        "unsupported_adapter",
        `Tensor ${request.name}: a vector of ${length} numbers exceeds the adapter's binding limit.`,
        { param: request.name },
      );
  }
  return { plans, targets, vectorBytes: roundUp(vectorBytes, 256) };
}
