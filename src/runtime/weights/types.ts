/** Where a model's bytes come from and what they mean. */

import type { Tensor, WeightMatrix, WeightType } from "../gpu/tensor.ts";

/** A file of bytes that is read mostly front to back: a URL or a Blob. */
export interface ByteSource {
  /** For messages and the default model id: the last part of the URL or the file's name. */
  readonly name: string;
  /** Total size; undefined until known, or where the server does not say. */
  readonly sizeBytes: number | undefined;
  /**
   * The bytes from `offset` on, in pieces of any size. Resumes after a dropped connection; where the server cannot
   * send ranges, the bytes before are downloaded again and dropped.
   * @throws OmniError `download_failed` (names the URL and HTTP status), `aborted`
   */
  stream(offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void>;
  /** Whether a stream from an offset costs nothing for what lies before; known once something was read. */
  readonly seekable?: boolean;
}

/** Metadata values as GGUF has them; 64-bit integers become numbers where they are exact. */
export type MetadataValue = number | bigint | boolean | string | readonly MetadataValue[];

export interface GgufTensorInfo {
  name: string;
  /** GGML's number of the type, and our name for it where we can run it. */
  ggmlType: number;
  type: WeightType | undefined;
  /** Name of the type in files that have names for types. */
  typeName?: string;
  /** Row-major as we write shapes: (rows, columns); GGUF stores the dimensions in the opposite order. */
  shape: readonly number[];
  /** From the start of the file. */
  offsetBytes: number;
  sizeBytes: number;
}

/** What is known of a file's tensors before they are read, whatever its format. */
export interface TensorTable {
  metadata: ReadonlyMap<string, MetadataValue>;
  /** In file order. */
  tensors: readonly GgufTensorInfo[];
}

export interface GgufHeader extends TensorTable {
  version: number;
  /** Where tensor data starts. */
  dataOffsetBytes: number;
}

/** What a model wants from its file: a matrix to multiply with, or a vector read as f32. */
export interface TensorRequest {
  name: string;
  kind: "matrix" | "vector";
  /** (rows, columns) or (length); a vector may have several dimensions (a table of any type), and is read as one. */
  shape: readonly number[];
  /**
   * A tensor that may be absent, e.g. `rope_freqs.weight`; "zeros": its place among joined vectors is kept, filled with
   * zeros. @default false
   */
  optional?: boolean | "zeros";
  /** A convolution's kernel over patches or taps, of several dimensions, each output's weights read as one row. @default false */
  flat?: boolean;
  /** Zeros behind each row that the file does not have; `shape` counts them. Unquantized types only. @default 0 */
  padding?: number;
  /**
   * A convolution's kernel, which the file holds as (rows, columns / taps, taps): wanted tap by tap, as
   * (rows, taps, columns / taps). Unquantized types only.
   */
  taps?: number;
  /**
   * Tensors of one name here are wanted one behind the other, in the order of the requests: rows of matrices of equal width,
   * or numbers of vectors. Matrices are joined as far as neighbours have the same type and fit one binding, vectors
   * where all are there.
   */
  joined?: string;
}

export interface LoadedWeights {
  matrices: ReadonlyMap<string, WeightMatrix>;
  /** By `joined` name: the matrices that hold its rows, in order. */
  joined: ReadonlyMap<string, readonly WeightMatrix[]>;
  /** By tensor name, or by `joined` name. */
  vectors: ReadonlyMap<string, Tensor>;
  sizeBytes: number;
  destroy(): void;
}
