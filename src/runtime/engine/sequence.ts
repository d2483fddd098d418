/** One stream of tokens as the scheduler sees it: what is known, what is computed, what is on its way. */

import type { CacheEntry } from "./prefixCache.ts";
import type { FinishReason } from "./types.ts";

export interface SequenceOptions {
  /** At least one token. */
  prompt: readonly number[];
  /** Tokens to draw; 0 only computes the prompt. */
  maxTokens: number;
  /** Drawing one of these ends the sequence. */
  endTokens: ReadonlySet<number>;
  /** The next step may take the last token from the GPU before the CPU knows it. @default true */
  pipelined?: boolean;
  /** Logits of all prompt tokens are wanted, so that nothing of the prompt may come from the cache. @default false */
  promptLogits?: boolean;
  /** Use what is cached of the prompt. @default true */
  cachePrompt?: boolean;
  /**
   * When the context is full, go on with its first `keep` tokens (attention sinks) and the later half of the rest,
   * computed anew. Without it, prompt and `maxTokens` must fit the context.
   */
  contextShift?: { keep: number } | undefined;
}

/**
 * `waiting`: holds nothing; `following`: has a place, and waits for another sequence that computes the same prompt;
 * `running`: has a slot and pages for all its known tokens.
 */
export type SequenceState = "waiting" | "following" | "running" | "finished";

export class Sequence {
  state: SequenceState = "waiting";
  /** Known tokens by position: the prompt, then what was drawn. */
  readonly tokens: number[];
  /** Pages by position. */
  readonly pages: number[] = [];
  /** Row of the page table, while running. */
  slot = -1;
  /** Where the GPU keeps the token last drawn, while running. */
  drawSlot = -1;
  /** Positions whose keys and values are computed or on their way. */
  computed = 0;
  /** Positions below this one are computed as a prompt, later ones one a step. */
  prefillEnd: number;
  /** Changes where known tokens do, other than by what is drawn. */
  revision = 0;
  /** Tokens drawn, known or on their way. */
  drawn = 0;
  /** Tokens drawn and known. */
  generated = 0;
  /** Steps on their way. */
  inFlight = 0;
  /** Prompt tokens that came from the cache or a fork when it first started; -1 before that. */
  cachedTokens = -1;
  /** Its reader is behind: no more tokens until it catches up. */
  paused = false;
  finishReason: FinishReason | undefined;
  /** Whether the end of the prompt has been reported. */
  promptReported = false;
  /** Whom it follows, up to which position, and whether their prompts are equal. */
  leader: { sequence: Sequence; until: number; equal: boolean } | undefined;
  /** The chain of cache entries for its first pages: how many, and the last one. */
  readonly chain: { length: number; last: CacheEntry | undefined; broken: boolean };

  constructor(
    /** In order of arrival. */
    readonly id: number,
    readonly options: Readonly<SequenceOptions>,
  ) {
    this.tokens = [...options.prompt];
    this.prefillEnd = this.tokens.length;
    this.chain = { length: 0, last: undefined, broken: false };
  }

  /** Goes on without `count` tokens from `start` on; the others are computed anew. */
  dropTokens(start: number, count: number): void {
    this.tokens.splice(start, count);
    this.prefillEnd = this.tokens.length;
    this.revision++;
  }

  /** Positions that have a token, known or on its way. */
  get length(): number {
    return this.tokens.length + this.drawn - this.generated;
  }

  get isPrefilling(): boolean {
    return this.state === "running" && this.computed < this.prefillEnd;
  }

  /** Whether computing `position` draws a token: it is the last one and more are wanted. */
  drawsAt(position: number): boolean {
    return position === this.length - 1 && this.drawn < this.options.maxTokens;
  }

  /** Whether the next position can be computed in a decode step now. */
  get canDecode(): boolean {
    const { maxTokens, pipelined } = this.options;
    return (
      this.state === "running" &&
      !this.paused &&
      this.computed >= this.prefillEnd &&
      this.computed < this.length &&
      this.drawn < maxTokens &&
      (pipelined !== false || this.drawn === this.generated)
    );
  }
}
