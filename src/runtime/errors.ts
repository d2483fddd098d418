/**
 * The errors a caller can meet. Each has a stable `code` and an HTTP status; they cross the worker
 * boundary as {@link OmniErrorData} and are rebuilt on the other side by code.
 */

export type OmniErrorCode =
  | "unsupported_adapter"
  | "bad_model_file"
  | "unsupported_model"
  | "download_failed"
  | "out_of_memory"
  | "aborted"
  | "invalid_request"
  | "not_found"
  | "queue_full"
  | "device_lost"
  | "internal_error";

const statusByCode: Record<OmniErrorCode, number> = {
  unsupported_adapter: 503,
  bad_model_file: 422,
  unsupported_model: 422,
  download_failed: 502,
  out_of_memory: 507,
  aborted: 499,
  invalid_request: 400,
  not_found: 404,
  queue_full: 429,
  device_lost: 503,
  internal_error: 500,
};

/** An {@link OmniError} as plain data. */
export interface OmniErrorData {
  code: OmniErrorCode;
  message: string;
  /** What the error is about: a request field, a tensor, a metadata key, a limit. */
  param?: string;
  /** A code from OpenAI's own list where one exists, e.g. `context_length_exceeded`. */
  detail?: string;
}

/** Base class: everything the runtime throws on purpose. */
export class OmniError extends Error {
  readonly code: OmniErrorCode;
  /** What the error is about: a request field, a tensor, a metadata key, a limit. */
  readonly param: string | undefined;
  readonly detail: string | undefined;

  constructor(
    code: OmniErrorCode,
    message: string,
    options: { param?: string | undefined; detail?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "OmniError";
    this.code = code;
    this.param = options.param;
    this.detail = options.detail;
  }

  /** HTTP status of the error on the OpenAI surface. */
  get status(): number {
    return statusByCode[this.code];
  }

  toData(): OmniErrorData {
    return {
      code: this.code,
      message: this.message,
      ...(this.param === undefined ? {} : { param: this.param }),
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }

  static fromData(data: OmniErrorData): OmniError {
    return new OmniError(data.code, data.message, data);
  }

  /** Any thrown value as an OmniError: aborts keep their meaning, the unknown becomes `internal_error`. */
  static from(thrown: unknown): OmniError {
    if (thrown instanceof OmniError) return thrown;
    if (thrown instanceof Error && thrown.name === "AbortError")
      return new OmniError("aborted", "The request was cancelled.", { cause: thrown });
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new OmniError("internal_error", message, { cause: thrown });
  }
}

/** A request that is wrong; `param` names the field, e.g. `messages[0].content`. */
export function invalidRequest(message: string, param?: string, detail?: string): OmniError {
  return new OmniError("invalid_request", message, { param, detail });
}

/** A model file that is wrong; `param` names the tensor or metadata key, the message also says the offset. */
export function badModelFile(message: string, param?: string, cause?: unknown): OmniError {
  return new OmniError("bad_model_file", message, { param, cause });
}

/** A well-formed model that this runtime cannot run: an architecture, a quantization, a tokenizer. */
export function unsupportedModel(message: string, param?: string): OmniError {
  return new OmniError("unsupported_model", message, { param });
}
