/** `POST /v1/chat/completions`, whole and streamed. */

import type {
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  TokenConstraint,
} from "../../engine/types.ts";
import { invalidRequest } from "../../errors.ts";
import type { GrammarSource } from "../../grammar/compile.ts";
import { choiceRequests, follow, runChoices } from "../choices.ts";
import { type ApiContext, checkModel, newId, nowSeconds } from "../context.ts";
import { boolean, integer, type Json, oneOf, optional, unsupported, wrongType } from "../fields.ts";
import { jsonResponse, readJson } from "../http.ts";
import { type ChatLogprobs, chatLogprobs, maxLogprobs } from "../logprobs.ts";
import { type ReasoningPlan, readReasoning } from "../reasoning.ts";
import { ReasoningSplitter } from "../reasoningSplitter.ts";
import { type GenerationFields, readGenerationFields } from "../sampling.ts";
import { eventStream } from "../sse.ts";
import { compileStructuredOutput, loadGrammar, readStructuredOutput } from "../structured.ts";
import { fitMaxTokens, promptRoom, truncateTokens } from "../truncation.ts";
import { Tally } from "../usage.ts";

/** A validated request. */
interface Plan {
  fields: GenerationFields;
  requests: GenerationRequest[];
  signal: AbortSignal;
  thinking: ReasoningPlan["thinking"];
  /** Lets go of the prompt's pictures and sounds. */
  release(): void;
}

export async function chatCompletions(context: ApiContext, request: Request): Promise<Response> {
  const body = await readJson(request);
  const abort = follow(request.signal);
  const plan = await readPlan(context, body, abort.signal);
  // A stream that nobody reads ends by its signal alone.
  abort.signal.addEventListener("abort", plan.release, { once: true });
  if (plan.fields.stream) return eventStream(releasing(chunks(context, plan), plan.release), abort);
  try {
    return jsonResponse(await completion(context, plan));
  } finally {
    plan.release();
  }
}

async function* releasing<T>(events: AsyncGenerator<T, void, void>, release: () => void) {
  try {
    yield* events;
  } finally {
    release();
  }
}

async function readPlan(context: ApiContext, body: Json, signal: AbortSignal): Promise<Plan> {
  checkModel(context, body);
  const fields = readGenerationFields(body, context.engine);
  const logprobs = readLogprobs(body);
  const wanted =
    optional(body, "max_completion_tokens", integer(1)) ?? optional(body, "max_tokens", integer(1));
  const structured = readStructuredOutput(body);
  const { truncation } = fields;
  const { contextLength } = context.engine;
  const {
    promptTokens: whole,
    thinking,
    release,
  } = await readReasoning(context, body, {
    withTools: readToolChoice(body) === "auto",
    most: truncation.auto ? promptRoom(contextLength, wanted) : undefined,
    signal,
  });
  try {
    // Of messages, whole turns are left out first.
    const byTokens = { ...truncation, auto: false };
    const promptTokens = truncateTokens(whole, byTokens, contextLength, wanted);
    const options = {
      promptTokens,
      maxTokens: fitMaxTokens(context, promptTokens.length, wanted, "messages", truncation),
      topLogprobs: logprobs,
      promptLogprobs: false,
      signal,
      constraint: await readConstraint(context, structured, thinking),
    };
    return { fields, requests: choiceRequests(fields, options, fields.n), thinking, signal, release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

/** What limits the tokens of each choice: the answer's grammar, the budget of the reasoning before it. */
async function readConstraint(
  { engine: { tokenizer } }: ApiContext,
  structured: GrammarSource | undefined,
  thinking: Plan["thinking"],
): Promise<(() => TokenConstraint) | undefined> {
  const grammar = structured && (await compileStructuredOutput(structured, tokenizer));
  // A budget of nothing is a matter of the prompt.
  const budget = thinking?.budget || undefined;
  if (!thinking || thinking.budget === 0 || (budget === undefined && grammar === undefined))
    return grammar && (() => grammar.start(true));
  const { ReasoningConstraint } = await loadGrammar();
  return () => new ReasoningConstraint({ tokenizer, opened: thinking.opened, budget, grammar });
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
  reasoning: string;
  logprobs: ChatLogprobs | null;
  finishReason: FinishReason;
  stopReason: string | null;
}

/** A part of one choice: what one event of the engine adds to it. */
interface Piece {
  index: number;
  reasoning: string;
  content: string;
  logprobs: ChatLogprobs | null;
  event: GenerationEvent;
}

/** The events of all choices, with their text told apart. Log-probabilities are those of the answer's tokens. */
async function* pieces(
  context: ApiContext,
  { fields, requests, thinking, signal }: Plan,
  tally: Tally,
): AsyncGenerator<Piece, void, void> {
  tally.reasoningTokens = 0;
  const splitters = requests.map(() => thinking && new ReasoningSplitter(thinking.opened));
  for await (const { index, event } of runChoices(context.engine, requests, signal)) {
    tally.add(event, index === 0);
    const piece: Piece = { index, reasoning: "", content: "", logprobs: null, event };
    const splitter = splitters[index];
    if (event.type !== "prompt") {
      const wasThinking = splitter?.isThinking ?? false;
      piece.content = event.text;
      if (splitter && thinking) {
        const split = event.type === "token" ? splitter.push(event.text) : splitter.finish(event.text);
        if (thinking.separate) piece.content = split.content;
        if (thinking.separate && thinking.include) piece.reasoning = split.reasoning;
      }
      const isAnswer = !thinking?.separate || !(wasThinking || splitter?.isThinking);
      if (event.type === "token" && event.logprob && isAnswer)
        piece.logprobs = chatLogprobs(context.engine.tokenizer, [event.logprob], fields.tokensAsIds);
      if (event.type === "done") tally.reasoningTokens += splitter?.reasoningTokens ?? 0;
    }
    yield piece;
  }
}

/** Reasoning under vLLM's older and newer name. */
const reasoningFields = (reasoning: string) => ({ reasoning_content: reasoning, reasoning });

async function completion(context: ApiContext, plan: Plan) {
  const tally = new Tally();
  const answers = plan.requests.map(
    ({ topLogprobs }): Answer => ({
      text: "",
      reasoning: "",
      logprobs: topLogprobs === undefined ? null : { content: [], refusal: null },
      finishReason: "length",
      stopReason: null,
    }),
  );
  for await (const { index, reasoning, content, logprobs, event } of pieces(context, plan, tally)) {
    const answer = answers[index]!;
    answer.text += content;
    answer.reasoning += reasoning;
    if (logprobs) answer.logprobs?.content.push(...logprobs.content);
    if (event.type !== "done") continue;
    answer.finishReason = event.finishReason;
    answer.stopReason = event.stopString ?? null;
  }
  return {
    ...head(context, "chat.completion"),
    choices: answers.map(({ text, reasoning, logprobs, finishReason, stopReason }, index) => ({
      index,
      message: {
        role: "assistant",
        content: text,
        refusal: null,
        ...(reasoning === "" ? {} : reasoningFields(reasoning)),
      },
      logprobs,
      finish_reason: finishReason,
      stop_reason: stopReason,
    })),
    usage: tally.usage,
    timings: tally.timings,
  };
}

/** `usage` and `timings` go with the last chunk; with `include_usage` that is one more, without choices. */
async function* chunks(context: ApiContext, plan: Plan) {
  const { fields, requests } = plan;
  const tally = new Tally();
  const base = head(context, "chat.completion.chunk");
  const noUsage = fields.includeUsage ? { usage: null } : {};
  let finished = 0;
  const chunk = (index: number, delta: object, logprobs: ChatLogprobs | null = null) => ({
    ...base,
    choices: [{ index, delta, logprobs, finish_reason: null as FinishReason | null }],
    ...noUsage,
  });
  for await (const { index, reasoning, content, logprobs, event } of pieces(context, plan, tally)) {
    if (event.type === "prompt") {
      yield chunk(index, { role: "assistant", content: "", refusal: null });
      continue;
    }
    if (reasoning !== "") yield chunk(index, reasoningFields(reasoning));
    if (content !== "" || logprobs) yield chunk(index, { content }, logprobs);
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
