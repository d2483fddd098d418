/** One chat completion over `omni.fetch`: what the page asks, and what comes back piece by piece. */

import { OmniError, type OmniErrorCode } from "../runtime/errors.ts";
import type { Omni } from "../runtime/types.ts";
import { readEvents } from "./sse.ts";
import type { Attachment } from "./state/attachments.ts";
import type { Sampling } from "./state/settings.ts";

export interface ChatTurn {
  role: "system" | "user" | "assistant";
  content: string;
  attachments?: readonly Attachment[];
}

/** OpenAI's parts of a message, and vLLM's for video. */
export type ContentPart =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: { url: string } }
  | { type: "input_audio"; input_audio: { data: string; format: string } }
  | { type: "video_url"; video_url: { url: string } };

export interface ApiMessage {
  role: ChatTurn["role"];
  content: string | readonly ContentPart[];
}

/** Models may think before they answer. */
export type PieceKind = "thinking" | "answer";

export interface CompletionEnd {
  /** `undefined` when the stream ended without saying why. */
  finishReason: string | undefined;
  promptTokens: number | undefined;
  completionTokens: number | undefined;
  /** Tokens per second of decoding, as the engine measured them. */
  tokensPerSecond: number | undefined;
}

interface Chunk {
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  timings?: { predicted_per_second?: number } | null;
  error?: ErrorBody;
}

interface ErrorBody {
  message?: string;
  code?: string | null;
  type?: string | null;
  param?: string | null;
}

/** The request body for a conversation. */
export function completionBody(
  model: string,
  messages: readonly ApiMessage[],
  sampling: Sampling,
): Record<string, unknown> {
  return {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repetition_penalty: sampling.repetitionPenalty,
    ...(sampling.maxTokens === undefined ? {} : { max_tokens: sampling.maxTokens }),
    ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
  };
}

/** An OpenAI error body as an OmniError; `detail` keeps OpenAI's own code. */
function toError(body: ErrorBody | undefined, status: number): OmniError {
  const code: OmniErrorCode =
    status === 404 ? "not_found" : status >= 400 && status < 500 ? "invalid_request" : "internal_error";
  return new OmniError(code, body?.message ?? `The request failed with status ${status}.`, {
    param: body?.param ?? undefined,
    detail: body?.code ?? body?.type ?? undefined,
  });
}

/** What an answer that is no success says. */
export async function failedResponse(response: Response): Promise<OmniError> {
  const failed = (await response.json().catch(() => ({}))) as { error?: ErrorBody };
  return toError(failed.error, response.status);
}

/**
 * Streams an answer: calls `onText` with each piece, of thoughts or of the answer, and returns how it ended.
 * @throws OmniError with the API's message; an abort throws what `fetch` throws
 */
export async function streamCompletion(
  omni: Pick<Omni, "fetch">,
  body: Record<string, unknown>,
  onText: (piece: string, kind: PieceKind) => void,
  signal: AbortSignal,
): Promise<CompletionEnd> {
  const response = await omni.fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok || !response.body) throw await failedResponse(response);
  const end: CompletionEnd = {
    finishReason: undefined,
    promptTokens: undefined,
    completionTokens: undefined,
    tokensPerSecond: undefined,
  };
  for await (const data of readEvents(response.body)) {
    if (data === "[DONE]") break;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) throw toError(chunk.error, 500);
    const choice = chunk.choices?.[0];
    if (choice?.delta?.reasoning_content) onText(choice.delta.reasoning_content, "thinking");
    if (choice?.delta?.content) onText(choice.delta.content, "answer");
    if (choice?.finish_reason) end.finishReason = choice.finish_reason;
    if (chunk.usage) {
      end.promptTokens = chunk.usage.prompt_tokens;
      end.completionTokens = chunk.usage.completion_tokens;
    }
    const rate = chunk.timings?.predicted_per_second;
    if (typeof rate === "number" && Number.isFinite(rate)) end.tokensPerSecond = rate;
  }
  signal.throwIfAborted();
  return end;
}
