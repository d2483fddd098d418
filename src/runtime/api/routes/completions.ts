/** `POST /v1/completions`, whole and streamed: raw prompts, without a chat template. */

import type { FinishReason, GenerationRequest, TokenConstraint } from "../../engine/types.ts";
import { choiceRequests, follow, runChoices } from "../choices.ts";
import { type CompletionPlan, readCompletionPlan } from "../completionPlan.ts";
import { type ApiContext, newId, nowSeconds } from "../context.ts";
import { unsupported } from "../fields.ts";
import { jsonResponse, readJson } from "../http.ts";
import { appendLogprobs, type CompletionLogprobs, CompletionLogprobsWriter } from "../logprobs.ts";
import { eventStream } from "../sse.ts";
import { compileStructuredOutput } from "../structured.ts";
import { Tally } from "../usage.ts";

/** A part of one choice: what one event of the engine adds to it. */
interface Piece {
  index: number;
  text: string;
  logprobs: CompletionLogprobs | null;
  /** Set on the last piece of a choice. */
  finish: { reason: FinishReason; stopReason: string | null } | undefined;
}

/** A plan with what it takes to run it. */
interface Run extends Omit<CompletionPlan, "structured"> {
  constraint: (() => TokenConstraint) | undefined;
  signal: AbortSignal;
}

export async function completions(context: ApiContext, request: Request): Promise<Response> {
  const body = await readJson(request);
  const abort = follow(request.signal);
  const plan = readCompletionPlan(context, body);
  if (plan.fields.stream && plan.bestOf > plan.fields.n)
    throw unsupported(
      "best_of",
      "'best_of' above 'n' cannot be streamed: the best is known only at the end.",
    );
  const { structured, ...rest } = plan;
  const grammar = structured && (await compileStructuredOutput(structured, context.engine.tokenizer));
  // A completion goes on a text: the detokenizer drops no space of it.
  const run: Run = { ...rest, constraint: grammar && (() => grammar.start(false)), signal: abort.signal };
  return run.fields.stream
    ? eventStream(chunks(context, run), abort)
    : jsonResponse(await completion(context, run));
}

/** Runs `bestOf` choices of every prompt; choice `index` continues prompt `floor(index / bestOf)`. */
async function* pieces(
  context: ApiContext,
  run: Run,
  tally: Tally,
  onLogprob: (index: number, logprob: number) => void = () => {},
): AsyncGenerator<Piece, void, void> {
  const { fields, prompts, echo, logprobs, bestOf, constraint, signal } = run;
  const requests = prompts.flatMap(({ tokens, maxTokens }): GenerationRequest[] => {
    const topLogprobs = logprobs ?? (bestOf > fields.n ? 0 : undefined);
    const promptLogprobs = echo && logprobs !== undefined;
    const options = {
      promptTokens: tokens,
      maxTokens,
      topLogprobs,
      promptLogprobs,
      signal,
      constraint,
      continuation: true,
    };
    return choiceRequests(fields, options, bestOf);
  });
  const newWriter = () =>
    logprobs === undefined
      ? undefined
      : new CompletionLogprobsWriter(context.engine.tokenizer, {
          asIds: fields.tokensAsIds,
          skipSpecial: fields.skipSpecialTokens,
          continuation: !echo,
        });
  const writers = new Map<number, CompletionLogprobsWriter | undefined>();
  for await (const { index, event } of runChoices(context.engine, requests, signal)) {
    tally.add(event, index % bestOf === 0);
    if (event.type === "prompt") {
      const writer = newWriter();
      writers.set(index, writer);
      const { tokens, text } = prompts[Math.floor(index / bestOf)]!;
      if (echo)
        yield {
          index,
          text,
          logprobs: writer?.write(tokens, event.logprobs ?? []) ?? null,
          finish: undefined,
        };
    } else if (event.type === "token") {
      if (event.logprob) onLogprob(index, event.logprob.logprob);
      const written = event.logprob ? writers.get(index)?.write([event.token], [event.logprob]) : undefined;
      if (event.text !== "" || written)
        yield { index, text: event.text, logprobs: written ?? null, finish: undefined };
    } else {
      const finish = { reason: event.finishReason, stopReason: event.stopString ?? null };
      yield { index, text: event.text, logprobs: null, finish };
    }
  }
}

function head({ engine }: ApiContext) {
  return {
    id: newId("cmpl"),
    object: "text_completion",
    created: nowSeconds(),
    model: engine.modelId,
    system_fingerprint: engine.fingerprint,
  };
}

function choice(index: number, { text, logprobs, finish }: Omit<Piece, "index">) {
  return {
    index,
    text,
    logprobs,
    finish_reason: finish?.reason ?? null,
    ...(finish ? { stop_reason: finish.stopReason } : {}),
  };
}

async function completion(context: ApiContext, run: Run) {
  const { fields, prompts, logprobs, bestOf } = run;
  const tally = new Tally();
  const answers = Array.from({ length: prompts.length * bestOf }, () => ({
    text: "",
    logprobs:
      logprobs === undefined ? null : { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] },
    finish: undefined as Piece["finish"],
    score: { sum: 0, count: 0 },
  }));
  const score = (index: number, logprob: number) => {
    const { score } = answers[index]!;
    score.sum += logprob;
    score.count += 1;
  };
  for await (const piece of pieces(context, run, tally, score)) {
    const answer = answers[piece.index]!;
    answer.text += piece.text;
    answer.finish = piece.finish;
    if (answer.logprobs && piece.logprobs) appendLogprobs(answer.logprobs, piece.logprobs);
  }
  const chosen = prompts.flatMap((_, prompt) => {
    const own = answers.slice(prompt * bestOf, (prompt + 1) * bestOf);
    // The best by mean log-probability per token, as OpenAI defines it.
    if (bestOf > fields.n) own.sort((a, b) => mean(b.score) - mean(a.score));
    return own.slice(0, fields.n);
  });
  return {
    ...head(context),
    choices: chosen.map((answer, index) => choice(index, answer)),
    usage: tally.usage,
    timings: tally.timings,
  };
}

const mean = ({ sum, count }: { sum: number; count: number }) => (count === 0 ? 0 : sum / count);

async function* chunks(context: ApiContext, run: Run) {
  const { fields, prompts } = run;
  const tally = new Tally();
  const base = head(context);
  let left = prompts.length * fields.n;
  for await (const { index, ...piece } of pieces(context, run, tally)) {
    if (piece.finish) left--;
    const isLast = left === 0 && !fields.includeUsage;
    yield {
      ...base,
      choices: [choice(index, piece)],
      ...(fields.includeUsage ? { usage: null } : {}),
      ...(isLast ? { timings: tally.timings } : {}),
    };
  }
  if (fields.includeUsage) yield { ...base, choices: [], usage: tally.usage, timings: tally.timings };
}
