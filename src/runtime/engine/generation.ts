/** One request from prompt to last token: its text, its end, and the events that its reader takes. */

import type { OmniError } from "../errors.ts";
import type { Tokenizer } from "../text/types.ts";
import type { SampledRow } from "./gpuSampler.ts";
import { randomSeed } from "./random.ts";
import type { Sequence, SequenceOptions } from "./sequence.ts";
import { StopText } from "./stopText.ts";
import type {
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  SamplingParams,
  TokenConstraint,
  TokenLogprob,
} from "./types.ts";

/** Events that a reader may be behind before its sequence pauses, and where it goes on. */
const mostUnread = 64;
const fewUnread = 16;

export class Generation {
  readonly sampling: SamplingParams;
  readonly sequenceOptions: SequenceOptions;
  /** All tokens drawn, end tokens included. */
  readonly drawn: number[] = [];
  sequence: Sequence | undefined;
  /** By `performance.now()`. */
  readonly arrived = performance.now();
  started: number | undefined;
  private promptEnd: number | undefined;
  private firstToken: number | undefined;
  private lastToken: number | undefined;
  private readonly unread: GenerationEvent[] = [];
  private ended = false;
  private reason: FinishReason | undefined;
  private error: OmniError | undefined;
  private notify: (() => void) | undefined;
  private readonly promptLogprobs: (TokenLogprob | null)[] | undefined;
  private readonly detokenizer: ReturnType<Tokenizer["stream"]>;
  private readonly stopText: StopText;

  /**
   * @param contextLength most positions of a sequence
   * @param onResume called when the reader has caught up and a paused sequence can go on
   */
  constructor(
    readonly request: GenerationRequest,
    readonly constraint: TokenConstraint | undefined,
    tokenizer: Tokenizer,
    contextLength: number,
    private readonly onResume: () => void,
  ) {
    const { promptTokens: prompt, contextShift, sampling } = request;
    // A request that is computed in two goes draws the same numbers in both.
    this.sampling = { ...sampling, seed: sampling.seed ?? randomSeed() };
    this.detokenizer = tokenizer.stream({
      skipSpecial: request.skipSpecialTokens ?? true,
      continuation: request.continuation ?? false,
    });
    this.stopText = new StopText(request.stopStrings);
    this.promptLogprobs = request.promptLogprobs ? [null] : undefined;
    const endTokens = new Set(request.stopTokens);
    if (!request.ignoreEos) for (const end of tokenizer.endTokens) endTokens.add(end);
    const fitting = contextShift ? Number.POSITIVE_INFINITY : contextLength - prompt.length;
    this.sequenceOptions = {
      prompt,
      maxTokens: Math.min(request.maxTokens ?? fitting, fitting),
      endTokens,
      pipelined: !constraint,
      promptLogits: request.promptLogprobs,
      cachePrompt: request.cachePrompt ?? true,
      contextShift,
    };
  }

  /** The log-probability of a prompt token; they come in order. */
  onPromptRow({ logprob }: SampledRow): void {
    if (logprob) this.promptLogprobs?.push(logprob);
  }

  onPromptEnd(): void {
    this.promptEnd = performance.now();
    this.push({
      type: "prompt",
      cachedTokens: Math.max(this.sequence!.cachedTokens, 0),
      logprobs: this.promptLogprobs,
    });
  }

  /**
   * @param finished whether the sequence has ended with this token; `stop`: it is an end token
   * @returns whether the generation has ended
   */
  onToken(token: number, logprob: TokenLogprob | undefined, finished: FinishReason | undefined): boolean {
    this.drawn.push(token);
    this.lastToken = performance.now();
    this.firstToken ??= this.lastToken;
    this.constraint?.accept(token);
    if (finished === "stop") return this.finish("stop");
    const { text, stop } = this.stopText.push(this.detokenizer.push(token));
    this.push({ type: "token", token, text, logprob });
    if (stop !== undefined) return this.finish("stop", stop);
    if (this.constraint?.done) return this.finish("stop");
    return finished !== undefined && this.finish(finished);
  }

  finish(reason: FinishReason, stopString?: string): true {
    let text = "";
    if (stopString === undefined) {
      const rest = this.stopText.push(this.detokenizer.flush());
      text = rest.text;
      if (rest.stop === undefined) text += this.stopText.flush();
      else {
        reason = "stop";
        stopString = rest.stop;
      }
    }
    const { promptTokens } = this.request;
    const started = this.started ?? this.arrived;
    const promptEnd = this.promptEnd ?? started;
    this.ended = true;
    this.reason = reason;
    this.push({
      type: "done",
      text,
      finishReason: reason,
      stopString,
      promptTokens: promptTokens.length,
      completionTokens: this.drawn.length,
      timings: {
        promptTokens: promptTokens.length - Math.max(this.sequence!.cachedTokens, 0),
        promptMs: promptEnd - started,
        predictedTokens: this.drawn.length,
        predictedMs: performance.now() - promptEnd,
      },
    });
    return true;
  }

  /** The reader gets the error instead of what it has not read yet. */
  fail(error: OmniError): void {
    if (this.error) return;
    this.ended = true;
    this.error = error;
    this.unread.length = 0;
    this.wakeReader();
  }

  /** Whether it has finished or failed. */
  get hasEnded(): boolean {
    return this.ended;
  }

  /** Why it ended; undefined while it runs and where it failed. */
  get finishReason(): FinishReason | undefined {
    return this.reason;
  }

  /** Time since the last token, or since arrival. */
  get sinceToken(): number {
    return performance.now() - (this.lastToken ?? this.arrived);
  }

  /** Time since arrival. */
  get age(): number {
    return performance.now() - this.arrived;
  }

  /** Mean time per token after the first; undefined with fewer than two. */
  get meanTimePerToken(): number | undefined {
    const gaps = this.drawn.length - 1;
    return gaps > 0 ? (this.lastToken! - this.firstToken!) / gaps : undefined;
  }

  async *events(): AsyncGenerator<GenerationEvent, void, void> {
    for (;;) {
      if (this.error) throw this.error;
      const event = this.unread.shift();
      if (!event) {
        await new Promise<void>((resolve) => {
          this.notify = resolve;
        });
        continue;
      }
      if (this.sequence?.paused && this.unread.length <= fewUnread) {
        this.sequence.paused = false;
        this.onResume();
      }
      yield event;
      if (event.type === "done") return;
    }
  }

  private push(event: GenerationEvent): void {
    this.unread.push(event);
    if (this.unread.length >= mostUnread && !this.ended) this.sequence!.paused = true;
    this.wakeReader();
  }

  /** Frees what it holds; after the last event. */
  dispose(): void {
    this.constraint?.dispose();
  }

  private wakeReader(): void {
    this.notify?.();
    this.notify = undefined;
  }
}
