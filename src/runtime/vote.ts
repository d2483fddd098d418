/**
 * Self-consistency: ask a model several times and keep the answer that most samples agree on.
 * After X. Wang et al., "Self-consistency improves chain of thought reasoning in language models", 2022.
 */

import { OmniError, type OmniErrorCode } from "./errors.ts";

export interface VoteOptions<T> {
  /** What counts as the same answer. Default: text without the white space around it, other values by their JSON. */
  normalize?: (answer: T) => string;
}

export interface Vote<T> {
  /** The first of the answers that most agree with. */
  winner: T;
  /** How many of all answers agree with the winner: from above 0 to 1. */
  agreement: number;
  /** Distinct answers, most votes first; with as many, the one that came first. */
  counts: { answer: T; votes: number }[];
}

const defaultNormalize = (answer: unknown) =>
  typeof answer === "string" ? answer.trim() : JSON.stringify(answer);

/**
 * The answer that most of `answers` agree on.
 * @throws RangeError where there are none
 */
export function vote<T>(
  answers: readonly T[],
  { normalize = defaultNormalize }: VoteOptions<T> = {},
): Vote<T> {
  const counts = new Map<string, { answer: T; votes: number }>();
  for (const answer of answers) {
    const key = normalize(answer);
    const known = counts.get(key);
    if (known) known.votes++;
    else counts.set(key, { answer, votes: 1 });
  }
  const sorted = [...counts.values()].sort((a, b) => b.votes - a.votes);
  const first = sorted[0];
  if (!first) throw new RangeError("There are no answers to vote on.");
  return { winner: first.answer, agreement: first.votes / answers.length, counts: sorted };
}

export interface SelfConsistencyOptions<T> extends VoteOptions<T> {
  /** How many samples to draw. @default 5 */
  n?: number;
  /** The answer in a sample's text, e.g. the number after "Answer:"; undefined where there is none. */
  extract?: (content: string) => T | undefined;
  signal?: AbortSignal;
}

export interface SelfConsistency<T> extends Vote<T> {
  /** Texts of all samples. */
  samples: string[];
}

/**
 * Draws `n` samples of one chat completion and votes on what `extract` finds in them.
 * @param omni what answers: an `Omni`, or anything with its `fetch`
 * @param request the body of `POST /v1/chat/completions`; its temperature should be above 0, which is the default
 * @throws OmniError what the request ends in; `invalid_request` where no sample has an answer
 */
export async function selfConsistency<T = string>(
  omni: { fetch(input: string, init?: RequestInit): Promise<Response> },
  request: Record<string, unknown>,
  options: SelfConsistencyOptions<T> = {},
): Promise<SelfConsistency<T>> {
  const { n = 5, extract = (content: string) => content as T, signal, ...voting } = options;
  const response = await omni.fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...request, n, stream: false }),
    ...(signal ? { signal } : {}),
  });
  const body = (await response.json()) as {
    choices?: { message: { content: string | null } }[];
    error?: { message: string; param?: string | null; code?: string | null };
  };
  if (!response.ok || !body.choices) {
    const code: OmniErrorCode = response.status >= 500 ? "internal_error" : "invalid_request";
    const {
      message = `The request failed with status ${response.status}.`,
      param,
      code: detail,
    } = body.error ?? {};
    throw new OmniError(code, message, { param: param ?? undefined, detail: detail ?? undefined });
  }
  const samples = body.choices.map(({ message }) => message.content ?? "");
  const answers = samples.map(extract).filter((answer) => answer !== undefined);
  if (answers.length === 0) throw new OmniError("invalid_request", `None of ${n} samples has an answer.`);
  return { ...vote(answers, voting), samples };
}
