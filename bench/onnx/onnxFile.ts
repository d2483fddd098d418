/**
 * ONNX files, as far as peers need them: a graph of nodes over inputs and initializers.
 * Fields and numbers are those of onnx.proto3 (github.com/onnx/onnx); the encoding is protobuf's.
 */

export interface OnnxNode {
  op: string;
  /** "" where an optional input is left out. */
  inputs: string[];
  outputs: string[];
  /** @default "" (ONNX's own operators) */
  domain?: string;
  /** Numbers that are floats are given as `{ float }`. */
  attributes?: Record<string, number | { float: number } | number[]>;
}

export const elementTypes = { f32: 1, u8: 2, i32: 6, i64: 7, f16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

export interface OnnxTensor {
  name: string;
  type: ElementType;
  shape: number[];
  bytes: Uint8Array;
}

export interface OnnxValue {
  name: string;
  type: ElementType;
  /** A name where a size is not fixed. */
  shape: (number | string)[];
}

export interface OnnxGraph {
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/** Writes a model file; `domains` are other operator sets that nodes name. */
export function writeOnnx(graph: OnnxGraph, domains: readonly string[]): Uint8Array[] {
  const operatorSets = [{ domain: "", version: 21 }, ...domains.map((domain) => ({ domain, version: 1 }))];
  const model = new Message()
    .integer(1, 10)
    .message(7, graphMessage(graph))
    .messages(8, operatorSets, ({ domain, version }) => new Message().text(1, domain).integer(2, version));
  return model.parts;
}

function graphMessage({ nodes, initializers, inputs, outputs }: OnnxGraph): Message {
  return new Message()
    .messages(1, nodes, nodeMessage)
    .text(2, "model")
    .messages(5, initializers, tensorMessage)
    .messages(11, inputs, valueMessage)
    .messages(12, outputs, valueMessage);
}

function nodeMessage({ op, inputs, outputs, domain = "", attributes = {} }: OnnxNode): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  return message
    .text(3, outputs[0]!)
    .text(4, op)
    .messages(5, Object.entries(attributes), attributeMessage)
    .text(7, domain);
}

function attributeMessage([name, value]: [string, number | { float: number } | number[]]): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, 2);
  if (!Array.isArray(value)) return message.float(2, value.float).integer(20, 1);
  for (const each of value) message.integer(8, each);
  return message.integer(20, 7);
}

function tensorMessage({ name, type, shape, bytes }: OnnxTensor): Message {
  const message = new Message();
  for (const size of shape) message.integer(1, size);
  return message.integer(2, elementTypes[type]).text(8, name).bytes(9, bytes);
}

function valueMessage({ name, type, shape }: OnnxValue): Message {
  const dimensions = new Message().messages(1, shape, (size) =>
    typeof size === "number" ? new Message().integer(1, size) : new Message().text(2, size),
  );
  const tensor = new Message().integer(1, elementTypes[type]).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** A protobuf message in pieces, so that weights are not copied. */
class Message {
  readonly parts: Uint8Array[] = [];

  integer(field: number, value: number): this {
    return this.add([...varint(field * 8), ...varint(value)]);
  }

  float(field: number, value: number): this {
    return this.add([...varint(field * 8 + 5), ...new Uint8Array(Float32Array.of(value).buffer)]);
  }

  bytes(field: number, value: Uint8Array): this {
    this.add([...varint(field * 8 + 2), ...varint(value.length)]);
    this.parts.push(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, { parts }: Message): this {
    const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
    this.add([...varint(field * 8 + 2), ...varint(sizeBytes)]);
    for (const part of parts) this.parts.push(part);
    return this;
  }

  messages<T>(field: number, values: readonly T[], write: (value: T) => Message): this {
    for (const value of values) this.message(field, write(value));
    return this;
  }

  private add(bytes: readonly number[]): this {
    this.parts.push(Uint8Array.from(bytes));
    return this;
  }
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}
