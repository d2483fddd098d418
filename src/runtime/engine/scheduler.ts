/**
 * Decides what each step computes: who is admitted, whose prompt goes on, who gives up its pages. No GPU and no clock
 * in it: it makes plans and is told what came of them, in order. Steps are executed in the order of their plans, so a
 * page may be handed on while steps that use it are still on their way.
 */

import { OmniError } from "../errors.ts";
import { inSameMedia } from "./mediaRows.ts";
import { PagePool } from "./pages.ts";
import { type PromptEnd, planPrefill, type SpanLimits } from "./prefillPlan.ts";
import { PrefixCache } from "./prefixCache.ts";
import { Sequence, type SequenceOptions } from "./sequence.ts";
import { SequencePages } from "./sequencePages.ts";
import type { StepPart, StepPlan } from "./stepPlan.ts";
import type { FinishReason } from "./types.ts";

export interface SchedulerOptions {
  /** Pages of the cache, and positions of each. */
  pageCount: number;
  pageSize: number;
  /** Most positions of a sequence; at most what all pages hold. */
  contextLength: number;
  /** Sequences computed at once. */
  maxRunning: number;
  /** Sequences that may wait for that. */
  maxQueued: number;
  /** Most rows of one decode part. */
  maxDecodeRows: number;
  /** Most outputs of a part where prompts only draw their first token. */
  maxOutputs: number;
  /** Most outputs of a part where all logits of a prompt are wanted. */
  maxRowOutputs: number;
  /** Where prompts have rows that see each other. */
  spans?: SpanLimits | undefined;
  /** Steps on their way at once. @default 4 */
  maxInFlight?: number;
  /** Called when a sequence gets its slot, before the step that uses it is planned. May choose its `drawSlot`. */
  onStart?: (sequence: Sequence) => void;
  /** Called when it loses its slot. */
  onStop?: (sequence: Sequence) => void;
}

/** What a completed step means for a sequence, in order. */
export type SequenceEvent =
  | { type: "prompt"; sequence: Sequence }
  /** `finished`: with this token the sequence has ended. */
  /** `at`: the part and output of the plan that drew it. */
  | {
      type: "token";
      sequence: Sequence;
      token: number;
      at: { part: number; output: number };
      finished: FinishReason | undefined;
    }
  /** Ended without a token: only its prompt was wanted. */
  | { type: "finished"; sequence: Sequence };

/** With prompts in them steps are long: one computes, one is ready. */
const prefillInFlight = 2;

export class Scheduler {
  readonly pool: PagePool;
  readonly cache: PrefixCache;
  readonly counts = { preemptions: 0, lookups: 0, hits: 0 };
  private nextId = 0;
  /** Each in order of arrival. */
  private readonly waiting: Sequence[] = [];
  private readonly following: Sequence[] = [];
  private readonly runningSequences: Sequence[] = [];
  private readonly freeSlots: number[];
  private readonly inFlight: StepPlan[] = [];
  private readonly pages: SequencePages;

  constructor(private readonly options: SchedulerOptions) {
    this.pool = new PagePool(options.pageCount, options.pageSize);
    this.cache = new PrefixCache(this.pool);
    this.pages = new SequencePages(this.pool, this.cache);
    this.freeSlots = Array.from({ length: options.maxRunning }, (_, i) => options.maxRunning - 1 - i);
  }

  get running(): number {
    return this.runningSequences.length;
  }

  get queued(): number {
    return this.waiting.length + this.following.length;
  }

  get stepsInFlight(): number {
    return this.inFlight.length;
  }

  /**
   * Queues a sequence.
   * @throws OmniError `queue_full`
   */
  add(options: SequenceOptions): Sequence {
    const { maxRunning, maxQueued } = this.options;
    if (this.running + this.queued >= maxRunning + maxQueued)
      throw new OmniError(
        "queue_full",
        `The engine is busy: ${this.running} requests are running and ${this.queued} are waiting, ` +
          `of at most ${maxQueued}. Please try again later.`,
        { detail: "rate_limit_exceeded" },
      );
    const sequence = new Sequence(this.nextId++, options);
    this.waiting.push(sequence);
    return sequence;
  }

  /** Ends a sequence at once, in whatever state it is. Its computed pages stay cached. */
  end(sequence: Sequence): void {
    if (sequence.state === "finished") return;
    if (sequence.state === "running") this.stop(sequence);
    else remove(sequence.state === "waiting" ? this.waiting : this.following, sequence);
    sequence.state = "finished";
  }

  /**
   * The next step, or undefined while there is nothing to do before a result comes in.
   * @param chunkTokens prompt tokens that a step may have
   */
  plan(chunkTokens: number): StepPlan | undefined {
    const { maxInFlight = 4 } = this.options;
    if (this.inFlight.length >= maxInFlight) return undefined;
    this.wakeFollowers();
    for (const sequence of [...this.runningSequences]) this.shiftIfFull(sequence);
    this.admit();
    const prefilling = this.runningSequences.some(({ isPrefilling }) => isPrefilling);
    // One that needs its last token on the CPU has one step on its way; the others must not get far ahead of it.
    const shallow =
      prefilling ||
      this.inFlight.some(({ prefillTokens }) => prefillTokens > 0) ||
      this.runningSequences.some(({ options }) => options.pipelined === false);
    if (shallow && this.inFlight.length >= prefillInFlight) return undefined;

    const plan: StepPlan = { copies: [], parts: [], prefillTokens: 0, promptEnds: [] };
    // Decode first: it may need pages of sequences whose prompts would otherwise go on in this step.
    const decodes = this.planDecode();
    const copies = this.pages.copies.splice(0);
    if (prefilling) this.planPrefill(plan, chunkTokens);
    plan.parts.push(...decodes);
    plan.copies.push(...copies);
    if (plan.parts.length === 0) {
      this.pages.copies.push(...plan.copies);
      return undefined;
    }
    for (const sequence of sequencesOf(plan)) sequence.inFlight++;
    this.inFlight.push(plan);
    return plan;
  }

  /**
   * Takes the results of the oldest plan: of each part, the token of each output that draws (others are ignored).
   * @returns what happened, in order
   */
  complete(tokens: readonly (readonly number[])[]): SequenceEvent[] {
    const plan = this.inFlight.shift()!;
    const events: SequenceEvent[] = [];
    for (const sequence of sequencesOf(plan)) sequence.inFlight--;
    for (const sequence of plan.promptEnds) {
      if (sequence.state === "finished" || sequence.promptReported) continue;
      sequence.promptReported = true;
      events.push({ type: "prompt", sequence });
      if (sequence.options.maxTokens > 0) continue;
      this.finish(sequence, "length");
      events.push({ type: "finished", sequence });
    }
    plan.parts.forEach(({ outputs }, part) => {
      outputs.forEach(({ sequence, draw }, output) => {
        // What was computed beyond the end of a sequence is ignored.
        if (draw < 0 || sequence.state === "finished") return;
        const token = tokens[part]![output]!;
        sequence.tokens.push(token);
        sequence.generated++;
        if (sequence.state === "running") this.pages.register(sequence);
        const { endTokens, maxTokens } = sequence.options;
        const ended = endTokens.has(token) ? "stop" : sequence.generated === maxTokens ? "length" : undefined;
        if (ended) this.finish(sequence, ended);
        events.push({ type: "token", sequence, token, at: { part, output }, finished: ended });
      });
    });
    return events;
  }

  private finish(sequence: Sequence, reason: FinishReason): void {
    sequence.finishReason = reason;
    this.end(sequence);
  }

  /** Followers of a sequence that is done with what they share, or that is gone, look for it in the cache. */
  private wakeFollowers(): void {
    for (const follower of [...this.following]) {
      const { sequence, until } = follower.leader!;
      if (!sequence.isPrefilling || sequence.computed >= until) this.unfollow(follower);
    }
  }

  private unfollow(follower: Sequence): void {
    remove(this.following, follower);
    follower.leader = undefined;
    this.wait(follower);
  }

  private wait(sequence: Sequence): void {
    sequence.state = "waiting";
    insert(this.waiting, sequence);
  }

  /** Gives slots and pages to waiting sequences, the oldest first; nobody passes one that lacks pages. */
  private admit(): void {
    for (const sequence of [...this.waiting]) {
      // Preempted: its last tokens are still to come in.
      if (sequence.inFlight > 0 || sequence.paused) continue;
      if (this.running + this.following.length >= this.options.maxRunning && !this.preemptPaused()) return;
      if (!this.start(sequence)) return;
    }
  }

  /** Lets a waiting sequence run, or follow another one. @returns false where pages are lacking */
  private start(sequence: Sequence): boolean {
    const { promptLogits = false, cachePrompt = true } = sequence.options;
    const useCache = cachePrompt && !promptLogits;
    // The last token is computed in any case: its logits are wanted.
    const match = useCache ? this.cache.match(sequence.tokens, sequence.length - 1) : undefined;
    const leader = useCache && sequence.drawn === 0 && this.findLeader(sequence, match!.length);
    if (leader) {
      remove(this.waiting, sequence);
      sequence.state = "following";
      sequence.leader = leader;
      insert(this.following, sequence);
      return true;
    }

    // Those who run may need a page each before long.
    if (!this.pages.acquire(sequence, match, this.running))
      return this.preemptPaused() ? this.start(sequence) : false;
    remove(this.waiting, sequence);
    if (useCache && sequence.cachedTokens < 0) this.counts.lookups++;
    if (useCache && sequence.cachedTokens < 0 && match!.length > 0) this.counts.hits++;
    this.run(sequence);
    return true;
  }

  private run(sequence: Sequence): void {
    sequence.state = "running";
    sequence.slot = this.freeSlots.pop()!;
    sequence.drawSlot = sequence.slot;
    if (sequence.cachedTokens < 0) sequence.cachedTokens = sequence.computed;
    this.options.onStart?.(sequence);
    insert(this.runningSequences, sequence);
  }

  /** A running sequence that is computing more of this prompt than the first `cached` tokens. */
  private findLeader(sequence: Sequence, cached: number): Sequence["leader"] {
    const { pageSize } = this.options;
    let best: Sequence["leader"];
    for (const other of this.runningSequences) {
      if (!other.isPrefilling || other.options.promptLogits) continue;
      const most = Math.min(other.prefillEnd, sequence.prefillEnd);
      let common = 0;
      while (common < most && other.tokens[common] === sequence.tokens[common]) common++;
      // Equal prompts fork when the last token is computed; others share whole pages.
      const equal =
        common === other.prefillEnd && common === sequence.prefillEnd && sequence.drawsAt(common - 1);
      const until = equal ? common : Math.floor(common / pageSize) * pageSize;
      if (until > Math.max(cached, other.computed, best?.until ?? 0))
        best = { sequence: other, until, equal };
    }
    return best;
  }

  /** One token for each sequence that can; the oldest ones get pages first. */
  private planDecode(): StepPart[] {
    const rows: Sequence[] = [];
    for (const sequence of [...this.runningSequences])
      if (sequence.canDecode && sequence.computed < this.options.contextLength && this.makeRoom(sequence))
        rows.push(sequence);
    const parts: StepPart[] = [];
    const most = Math.min(this.options.maxDecodeRows, this.options.maxOutputs);
    for (let first = 0; first < rows.length; first += most) {
      const part: StepPart = { kind: "decode", tokens: 0, entries: [], outputs: [] };
      for (const sequence of rows.slice(first, first + most)) {
        const position = sequence.computed++;
        part.entries.push({ sequence, start: position, count: 1 });
        if (sequence.drawsAt(position))
          part.outputs.push({ row: part.tokens, sequence, draw: sequence.drawn++, position });
        part.tokens++;
        this.pages.register(sequence);
      }
      parts.push(part);
    }
    return parts;
  }

  private planPrefill(plan: StepPlan, chunkTokens: number): void {
    const { parts, ends } = planPrefill(this.runningSequences, { ...this.options, chunkTokens });
    plan.parts.push(...parts);
    for (const part of parts) {
      plan.prefillTokens += part.tokens;
      for (const { sequence } of part.entries) this.pages.register(sequence);
    }
    for (const end of ends) {
      plan.promptEnds.push(end.sequence);
      for (const follower of [...this.following]) {
        const { sequence, equal } = follower.leader!;
        if (sequence !== end.sequence || !equal) continue;
        if (this.fork(follower, end)) plan.promptEnds.push(follower);
        else this.unfollow(follower);
      }
    }
  }

  /**
   * Starts a follower with an equal prompt: it shares the whole pages, gets a copy of the last one, and its first token
   * is drawn from the same row.
   * @returns false where there is no room for that
   */
  private fork(follower: Sequence, { sequence: leader, part, row }: PromptEnd): boolean {
    if (part.outputs.length === this.options.maxOutputs) return false;
    if (!this.pages.fork(follower, leader, this.running)) return false;
    remove(this.following, follower);
    follower.leader = undefined;
    this.run(follower);
    part.outputs.push({ row, sequence: follower, draw: follower.drawn++, position: follower.prefillEnd - 1 });
    return true;
  }

  /** A page for the next position; newer sequences give up theirs, or else this one its own. */
  private makeRoom(sequence: Sequence): boolean {
    while (sequence.computed >= sequence.pages.length * this.options.pageSize) {
      const page = this.pool.take();
      if (page !== undefined) {
        sequence.pages.push(page);
        continue;
      }
      if (this.preemptPaused(sequence)) continue;
      const newest = this.runningSequences.at(-1)!;
      this.preempt(newest);
      if (newest === sequence) return false;
    }
    return true;
  }

  /** Takes the place of the newest sequence whose reader is behind. @returns whether there was one */
  private preemptPaused(but?: Sequence): boolean {
    const paused = this.runningSequences.findLast((one) => one.paused && one !== but && !one.isPrefilling);
    if (paused) this.preempt(paused);
    return paused !== undefined;
  }

  /** Drops what is computed; it waits in its old place and is computed again, by the same kernels. */
  private preempt(sequence: Sequence): void {
    this.counts.preemptions++;
    this.stop(sequence);
    this.wait(sequence);
  }

  /** With a full context, and all tokens known: goes on from its first tokens and the later half of the others. */
  private shiftIfFull(sequence: Sequence): void {
    const full = sequence.canDecode && sequence.computed === this.options.contextLength;
    if (!full || sequence.drawn > sequence.generated) return;
    const { tokens } = sequence;
    // No picture is cut in two.
    const isCut = (place: number) =>
      place > 0 && place < tokens.length && inSameMedia(tokens[place - 1]!, tokens[place]!);
    let keep = sequence.options.contextShift?.keep ?? 0;
    while (isCut(keep)) keep--;
    let dropped = Math.ceil((tokens.length - keep) / 2);
    while (isCut(keep + dropped)) dropped++;
    this.stop(sequence);
    sequence.dropTokens(keep, dropped);
    this.wait(sequence);
  }

  /** Takes slot and pages from a running sequence. */
  private stop(sequence: Sequence): void {
    this.pages.release(sequence);
    this.freeSlots.push(sequence.slot);
    sequence.slot = -1;
    this.options.onStop?.(sequence);
    remove(this.runningSequences, sequence);
  }
}

function* sequencesOf(plan: StepPlan): Generator<Sequence> {
  const seen = new Set<Sequence>();
  for (const { entries, outputs } of plan.parts) {
    for (const { sequence } of entries) seen.add(sequence);
    for (const { sequence } of outputs) seen.add(sequence);
  }
  yield* seen;
}

function remove(list: Sequence[], sequence: Sequence): void {
  list.splice(list.indexOf(sequence), 1);
}

/** Keeps the order of arrival. */
function insert(list: Sequence[], sequence: Sequence): void {
  const at = list.findLastIndex(({ id }) => id < sequence.id) + 1;
  list.splice(at, 0, sequence);
}
