/**
 * The OpenAI-compatible HTTP surface over one engine: a Request in, a Response out.
 *
 * Where it differs from OpenAI's: `max_tokens` is cut to what the context has left (only a prompt that leaves no
 * room is an error); `model` may be left out; unknown fields are ignored; up to 16 `stop` strings and 64
 * `logprobs`. Answers also carry llama.cpp's `timings` and vLLM's `stop_reason`. As in vLLM, `/v1/completions` and
 * `/tokenize` take a `prompt` raw: what spells a special token is one, and the begin-of-text token is added unless
 * `add_special_tokens` is false. In chat, special tokens come from the template alone.
 */

import type { Transcriber } from "../engine/speech/types.ts";
import type { Engine } from "../engine/types.ts";
import { invalidRequest, OmniError } from "../errors.ts";
import type { ChatTemplate } from "../text/types.ts";
import type { Capabilities } from "../types.ts";
import { type ApiContext, nowSeconds, type ServerContext, type SpeechContext } from "./context.ts";
import { errorResponse, jsonResponse } from "./http.ts";
import { chatCompletions } from "./routes/chatCompletions.ts";
import { detokenize } from "./routes/detokenize.ts";
import { health } from "./routes/health.ts";
import { listModels, retrieveModel } from "./routes/models.ts";
import { tokenize } from "./routes/tokenize.ts";

interface ServerOptions {
  /** When the model was loaded, in seconds since 1970. Default: now. */
  createdAt?: number;
  /** Resolves with the reason when the GPU device is gone. */
  lost?: Promise<string>;
  /** What `/v1/models` says of the model. Default: text only. */
  capabilities?: Capabilities;
}

/** A model that writes, or one that hears. */
export type ApiOptions = ServerOptions &
  ({ engine: Engine; chatTemplate: ChatTemplate } | { transcriber: Transcriber });

/**
 * Answers a request. Every failure is a response with an OpenAI error body, but for one: it rejects with the
 * signal's reason when `request.signal` is aborted, as `fetch` does.
 */
export type Api = (request: Request) => Promise<Response>;

type Handler<Context> = (context: Context, request: Request) => Response | Promise<Response>;

type Route = { method: "GET" | "POST" } & (
  | { kind: "any"; handler: Handler<ServerContext> }
  | { kind: "text"; handler: Handler<ApiContext> }
  | { kind: "speech"; handler: Handler<SpeechContext> }
);

// These are loaded when first asked for.
const metrics: Handler<ServerContext> = async (context) =>
  (await import("./routes/metrics.ts")).metrics(context);
const completions: Handler<ApiContext> = async (context, request) =>
  (await import("./routes/completions.ts")).completions(context, request);
const speech =
  (name: "transcriptions" | "translations"): Handler<SpeechContext> =>
  async (context, request) =>
    (await import("./routes/audioTranscriptions.ts"))[name](context, request);

const routes: Record<string, Route> = {
  "/models": { method: "GET", kind: "any", handler: listModels },
  "/chat/completions": { method: "POST", kind: "text", handler: chatCompletions },
  "/completions": { method: "POST", kind: "text", handler: completions },
  "/tokenize": { method: "POST", kind: "text", handler: tokenize },
  "/detokenize": { method: "POST", kind: "text", handler: detokenize },
  "/audio/transcriptions": { method: "POST", kind: "speech", handler: speech("transcriptions") },
  "/audio/translations": { method: "POST", kind: "speech", handler: speech("translations") },
  "/health": { method: "GET", kind: "any", handler: health },
  "/metrics": { method: "GET", kind: "any", handler: metrics },
};

const textOnly: Capabilities = { tasks: ["chat"], input: ["text"], output: ["text"] };

const modelPrefix = "/models/";

/** What a server has, of which kind the model may be. */
type Served = ServerContext & Partial<Pick<ApiContext, "engine" | "chatTemplate"> & SpeechContext>;

export function createApi(options: ApiOptions): Api {
  const { createdAt = nowSeconds(), lost, capabilities = textOnly, ...parts } = options;
  const model = "engine" in parts ? parts.engine : parts.transcriber;
  const context: Served = { ...parts, model, createdAt, capabilities, lostReason: undefined };
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

function answer(context: Served, request: Request): Response | Promise<Response> {
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
  return handle(route, context, request, path);
}

/** @throws OmniError `invalid_request` where the model is not of the kind that the route is for */
function handle(route: Route, context: Served, request: Request, path: string): Response | Promise<Response> {
  if (route.kind === "any") return route.handler(context, request);
  if (route.kind === "text" && context.engine) return route.handler(context as ApiContext, request);
  if (route.kind === "speech" && context.transcriber) return route.handler(context as SpeechContext, request);
  const { modelId } = context.model;
  throw invalidRequest(
    route.kind === "text"
      ? `The model '${modelId}' transcribes speech and is not supported by /v1${path}: use /v1/audio/transcriptions.`
      : `The model '${modelId}' writes text and is not supported by /v1${path}, which needs a Whisper model.`,
    "model",
    "model_not_supported",
  );
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
