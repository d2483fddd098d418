/**
 * The OpenAI-compatible HTTP surface over one engine: a Request in, a Response out.
 *
 * Where it differs from OpenAI's: `max_tokens` is cut to what the context has left (only a prompt that leaves no
 * room is an error); `model` may be left out; unknown fields are ignored; up to 16 `stop` strings and 64
 * `logprobs`. Answers also carry llama.cpp's `timings` and vLLM's `stop_reason`. As in vLLM, `/v1/completions` and
 * `/tokenize` take a `prompt` raw: what spells a special token is one, and the begin-of-text token is added unless
 * `add_special_tokens` is false. In chat, special tokens come from the template alone.
 */

import type { Engine } from "../engine/types.ts";
import { OmniError } from "../errors.ts";
import type { ChatTemplate } from "../text/types.ts";
import { type ApiContext, nowSeconds } from "./context.ts";
import { errorResponse, jsonResponse } from "./http.ts";
import { chatCompletions } from "./routes/chatCompletions.ts";
import { completions } from "./routes/completions.ts";
import { detokenize } from "./routes/detokenize.ts";
import { health } from "./routes/health.ts";
import { metrics } from "./routes/metrics.ts";
import { listModels, retrieveModel } from "./routes/models.ts";
import { tokenize } from "./routes/tokenize.ts";

export interface ApiOptions {
  engine: Engine;
  chatTemplate: ChatTemplate;
  /** When the model was loaded, in seconds since 1970. Default: now. */
  createdAt?: number;
  /** Resolves with the reason when the GPU device is gone. */
  lost?: Promise<string>;
}

/**
 * Answers a request. Every failure is a response with an OpenAI error body, but for one: it rejects with the
 * signal's reason when `request.signal` is aborted, as `fetch` does.
 */
export type Api = (request: Request) => Promise<Response>;

type Handler = (context: ApiContext, request: Request) => Response | Promise<Response>;

const routes: Record<string, { method: "GET" | "POST"; handler: Handler }> = {
  "/models": { method: "GET", handler: listModels },
  "/chat/completions": { method: "POST", handler: chatCompletions },
  "/completions": { method: "POST", handler: completions },
  "/tokenize": { method: "POST", handler: tokenize },
  "/detokenize": { method: "POST", handler: detokenize },
  "/health": { method: "GET", handler: health },
  "/metrics": { method: "GET", handler: metrics },
};

const modelPrefix = "/models/";

export function createApi(options: ApiOptions): Api {
  const { engine, chatTemplate, createdAt = nowSeconds(), lost } = options;
  const context: ApiContext = { engine, chatTemplate, createdAt, lostReason: undefined };
  lost?.then((reason) => {
    context.lostReason = reason;
  });
  return async (request) => {
    request.signal.throwIfAborted();
    try {
      return await answer(context, request);
    } catch (thrown) {
      request.signal.throwIfAborted();
      return errorResponse(OmniError.from(thrown));
    }
  };
}

function answer(context: ApiContext, request: Request): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  // Any base path may come before /v1, and /v1 may be left out.
  const path = pathname.replace(/^.*?\/v1(?=\/|$)/, "").replace(/(?<=.)\/$/, "");
  if (path.startsWith(modelPrefix)) {
    if (request.method !== "GET") return wrongMethod(request.method, path, "GET");
    return retrieveModel(context, decodePath(path.slice(modelPrefix.length)));
  }
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined)
    throw new OmniError("not_found", `Invalid URL (${request.method} ${pathname})`, {
      detail: "unknown_url",
    });
  if (request.method !== route.method) return wrongMethod(request.method, path, route.method);
  return route.handler(context, request);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function wrongMethod(method: string, path: string, allowed: string): Response {
  const message = `Not allowed to ${method} on ${path}: this route takes ${allowed}.`;
  return jsonResponse(
    { error: { message, type: "invalid_request_error", param: null, code: "method_not_allowed" } },
    405,
    { allow: allowed },
  );
}
