/** Decides where each requested tensor goes, before any byte of it is read: all refusals of a model come from here. */

import { badModelFile, OmniError, unsupportedModel } from "../errors.ts";
import { roundUp, type WeightLayout, type WeightType, weightFormats, weightLayout } from "../gpu/tensor.ts";
import { ggmlTypeName } from "./ggmlTypes.ts";
import type { GgufHeader, GgufTensorInfo, TensorRequest } from "./types.ts";

/** What a buffer may be on the device, in bytes: `maxStorageBufferBindingSize` and `maxBufferSize`. */
export interface BufferLimits {
  maxBindingBytes: number;
  maxBufferBytes: number;
}

export interface RunnableTensorInfo extends GgufTensorInfo {
  type: WeightType;
}

export interface MatrixPlan {
  kind: "matrix";
  tensor: RunnableTensorInfo;
  rows: number;
  columns: number;
  layout: WeightLayout;
}

export interface VectorPlan {
  kind: "vector";
  tensor: RunnableTensorInfo;
  length: number;
  /** Where it lies in the one buffer that all vectors share. */
  offsetBytes: number;
  sizeBytes: number;
}

export interface WeightPlan {
  /** In file order. */
  tensors: readonly (MatrixPlan | VectorPlan)[];
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

function check(request: TensorRequest, tensor: GgufTensorInfo): RunnableTensorInfo {
  const { name, kind } = request;
  if (String(squeeze(request.shape)) !== String(squeeze(tensor.shape)))
    throw badModelFile(
      `Tensor ${name} has the shape (${tensor.shape.join(", ")}); the model needs (${request.shape.join(", ")}).`,
      name,
    );
  const { type } = tensor;
  if (type === undefined)
    throw unsupportedModel(
      `Tensor ${name} is quantized as ${ggmlTypeName(tensor.ggmlType)}, which is not supported; supported are ${supportedTypes()}.`,
      name,
    );
  if (kind === "vector" && weightFormats[type].blockWeights > 1)
    throw unsupportedModel(
      `Tensor ${name} is quantized as ${ggmlTypeName(tensor.ggmlType)}; a vector must be F32, F16 or BF16.`,
      name,
    );
  return { ...tensor, type };
}

/**
 * @throws OmniError `bad_model_file` (a tensor is missing or has another shape), `unsupported_model` (a type),
 *   `unsupported_adapter` (a vector above the binding limit)
 */
export function planWeights(
  header: GgufHeader,
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

  let vectorBytes = 0;
  let matrixBytes = 0;
  const tensors: (MatrixPlan | VectorPlan)[] = [];
  for (const info of header.tensors) {
    const request = requestOf.get(info.name);
    if (!request) continue;
    const tensor = check(request, info);
    if (request.kind === "matrix") {
      const [rows = 0, columns = 0] = request.shape;
      const layout = weightLayout(
        info.name,
        tensor.type,
        rows,
        columns,
        limits.maxBindingBytes,
        limits.maxBufferBytes,
      );
      for (const slice of layout.slices) matrixBytes += slice.sizeBytes;
      tensors.push({ kind: "matrix", tensor, rows, columns, layout });
    } else {
      const length = request.shape[0]!;
      const sizeBytes = roundUp(length * 4, 16);
      if (sizeBytes > limits.maxBindingBytes || vectorBytes + sizeBytes > limits.maxBufferBytes)
        throw new OmniError(
          "unsupported_adapter",
          `Tensor ${info.name}: a vector of ${length} numbers exceeds the adapter's binding limit.`,
          { param: info.name },
        );
      tensors.push({ kind: "vector", tensor, length, offsetBytes: vectorBytes, sizeBytes });
      vectorBytes = roundUp(vectorBytes + sizeBytes, 256);
    }
  }
  return { tensors, vectorBytes, sizeBytes: matrixBytes + vectorBytes };
}
