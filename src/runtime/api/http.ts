/** JSON in and out of the routes, and errors as OpenAI error bodies. */

import { invalidRequest, type OmniError } from "../errors.ts";
import type { Json } from "./fields.ts";

/** OpenAI's error body. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

export function jsonResponse(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function errorBody(error: OmniError): ErrorBody {
  return {
    error: {
      message: error.message,
      type: errorType(error),
      param: error.param ?? null,
      code: error.detail ?? (error.code === "invalid_request" ? null : error.code),
    },
  };
}

function errorType({ status }: OmniError): string {
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** The error with its HTTP status. Of all that goes wrong only a full queue gets better by itself: clients are told. */
export function errorResponse(error: OmniError): Response {
  const retry = error.status === 429;
  const headers = { "x-should-retry": String(retry), ...(retry ? { "retry-after": "1" } : {}) };
  return jsonResponse(errorBody(error), error.status, headers);
}

/** The JSON object in a request's body. */
export async function readJson(request: Request): Promise<Json> {
  const text = await request.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalidRequest(`The body of the request is not valid JSON: ${why}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalidRequest("The body of the request must be a JSON object.");
  return body as Json;
}
