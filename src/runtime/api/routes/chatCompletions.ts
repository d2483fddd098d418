/** `POST /v1/chat/completions`, whole and streamed. */

import type { FinishReason, GenerationRequest, TokenLogprob } from "../../engine/types.ts";
import { invalidRequest } from "../../errors.ts";
import { choiceRequests, follow, runChoices } from "../choices.ts";
import { type ApiContext, checkModel, newId, nowSeconds } from "../context.ts";
import {
  boolean,
  integer,
  type Json,
  object,
  oneOf,
  optional,
  required,
  string,
  unsupported,
  wrongType,
} from "../fields.ts";
import { jsonResponse, readJson } from "../http.ts";
import { type ChatLogprobs, chatLogprobs, maxLogprobs } from "../logprobs.ts";
import { chatPrompt } from "../prompt.ts";
import { type GenerationFields, readGenerationFields } from "../sampling.ts";
import { eventStream } from "../sse.ts";
import { fitMaxTokens, promptRoom, truncateTokens } from "../truncation.ts";
import { Tally } from "../usage.ts";

/** A validated request. */
interface Plan {
  fields: GenerationFields;
  requests: GenerationRequest[];
  signal: AbortSignal;
}

export async function chatCompletions(context: ApiContext, request: Request): Promise<Response> {
  const body = await readJson(request);
  const abort = follow(request.signal);
  const plan = readPlan(context, body, abort.signal);
  return plan.fields.stream
    ? eventStream(chunks(context, plan), abort)
    : jsonResponse(await completion(context, plan));
}

function readPlan(context: ApiContext, body: Json, signal: AbortSignal): Plan {
  checkModel(context, body);
  const fields = readGenerationFields(body, context.engine);
  const logprobs = readLogprobs(body);
  const wanted =
    optional(body, "max_completion_tokens", integer(1)) ?? optional(body, "max_tokens", integer(1));
  const format = optional(body, "response_format", object);
  if (format && required(format, "type", string, "response_format") !== "text")
    throw unsupported("response_format", "Only 'response_format' of type 'text' is supported.");
  const { truncation } = fields;
  const { contextLength } = context.engine;
  const whole = chatPrompt(context, body, {
    withTools: readToolChoice(body) === "auto",
    most: truncation.auto ? promptRoom(contextLength, wanted) : undefined,
  });
  // Of messages, whole turns are left out first.
  const byTokens = { ...truncation, auto: false };
  const promptTokens = truncateTokens(whole, byTokens, contextLength, wanted);
  const options = {
    promptTokens,
    maxTokens: fitMaxTokens(context, promptTokens.length, wanted, "messages", truncation),
    topLogprobs: logprobs,
    promptLogprobs: false,
    signal,
  };
  return { fields, requests: choiceRequests(fields, options, fields.n), signal };
}

function readLogprobs(body: Json): number | undefined {
  const wanted = optional(body, "logprobs", boolean) ?? false;
  const top = optional(body, "top_logprobs", integer(0, maxLogprobs));
  if (top !== undefined && !wanted)
    throw invalidRequest("'top_logprobs' is only allowed when 'logprobs' is true.", "top_logprobs");
  return wanted ? (top ?? 0) : undefined;
}

function readToolChoice(body: Json): "none" | "auto" {
  const choice = body.tool_choice ?? "auto";
  if (choice === "none" || choice === "auto") return choice;
  if (typeof choice === "object" || choice === "required")
    throw unsupported("tool_choice", "'tool_choice' other than 'none' or 'auto' is not supported yet.");
  if (typeof choice !== "string") throw wrongType("tool_choice", "a string or an object", choice);
  return oneOf("none", "auto", "required")(choice, "tool_choice") as never;
}

function head({ engine }: ApiContext, kind: "chat.completion" | "chat.completion.chunk") {
  return {
    id: newId("chatcmpl"),
    object: kind,
    created: nowSeconds(),
    model: engine.modelId,
    system_fingerprint: engine.fingerprint,
  };
}

interface Answer {
  text: string;
  logprobs: ChatLogprobs | null;
  finishReason: FinishReason;
  stopReason: string | null;
}

async function completion(context: ApiContext, { fields, requests, signal }: Plan) {
  const tally = new Tally();
  const answers = requests.map(
    ({ topLogprobs }): Answer => ({
      text: "",
      logprobs: topLogprobs === undefined ? null : { content: [], refusal: null },
      finishReason: "length",
      stopReason: null,
    }),
  );
  for await (const { index, event } of runChoices(context.engine, requests, signal)) {
    tally.add(event, index === 0);
    if (event.type === "prompt") continue;
    const answer = answers[index]!;
    answer.text += event.text;
    if (event.type === "token") {
      const more = tokenLogprobs(context, fields, event.logprob);
      if (more) answer.logprobs?.content.push(...more.content);
    } else {
      answer.finishReason = event.finishReason;
      answer.stopReason = event.stopString ?? null;
    }
  }
  return {
    ...head(context, "chat.completion"),
    choices: answers.map(({ text, logprobs, finishReason, stopReason }, index) => ({
      index,
      message: { role: "assistant", content: text, refusal: null },
      logprobs,
      finish_reason: finishReason,
      stop_reason: stopReason,
    })),
    usage: tally.usage,
    timings: tally.timings,
  };
}

function tokenLogprobs({ engine }: ApiContext, fields: GenerationFields, logprob: TokenLogprob | undefined) {
  return logprob ? chatLogprobs(engine.tokenizer, [logprob], fields.tokensAsIds) : null;
}

/** `usage` and `timings` go with the last chunk; with `include_usage` that is one more, without choices. */
async function* chunks(context: ApiContext, { fields, requests, signal }: Plan) {
  const tally = new Tally();
  const base = head(context, "chat.completion.chunk");
  const noUsage = fields.includeUsage ? { usage: null } : {};
  let finished = 0;
  const chunk = (index: number, delta: object, logprobs: ChatLogprobs | null = null) => ({
    ...base,
    choices: [{ index, delta, logprobs, finish_reason: null as FinishReason | null }],
    ...noUsage,
  });
  for await (const { index, event } of runChoices(context.engine, requests, signal)) {
    tally.add(event, index === 0);
    if (event.type === "prompt") {
      yield chunk(index, { role: "assistant", content: "", refusal: null });
      continue;
    }
    const logprobs = event.type === "token" ? tokenLogprobs(context, fields, event.logprob) : null;
    if (event.text !== "" || logprobs) yield chunk(index, { content: event.text }, logprobs);
    if (event.type !== "done") continue;
    finished++;
    const isLast = finished === requests.length && !fields.includeUsage;
    yield {
      ...base,
      choices: [
        {
          index,
          delta: {},
          logprobs: null,
          finish_reason: event.finishReason,
          stop_reason: event.stopString ?? null,
        },
      ],
      ...noUsage,
      ...(isLast ? { timings: tally.timings } : {}),
    };
  }
  if (fields.includeUsage) yield { ...base, choices: [], usage: tally.usage, timings: tally.timings };
}
