/** Keeps the GPU busy: has steps planned, submits them, and passes on what came of them, for all requests together. */

import { OmniError } from "../errors.ts";
import { ChunkSize } from "./chunkSize.ts";
import { Durations } from "./durations.ts";
import type { Generation } from "./generation.ts";
import { noSlot, type SampledRow } from "./gpuSampler.ts";
import type { MediaRows } from "./mediaRows.ts";
import type { ModelRunner } from "./modelRunner.ts";
import { noTokenError } from "./sampler.ts";
import { Scheduler } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import type { StepOutput, StepPlan } from "./stepPlan.ts";

/** What the loop asks of a {@link ModelRunner}. */
export type StepRunner = Pick<
  ModelRunner,
  "pageCount" | "chunkTokens" | "maxRows" | "maxOutputs" | "copyPages" | "submit"
> & {
  readonly media?: Pick<MediaRows, "seenBy"> | undefined;
  readonly sampler: Pick<ModelRunner["sampler"], "open" | "close" | "setMask">;
};

export interface StepLoopOptions {
  contextLength: number;
  maxRunning: number;
  maxQueued: number;
  pageSize: number;
  /** Whether the device still computes right: an error says why not. */
  onFailure: (thrown: unknown) => Promise<OmniError>;
}

export class StepLoop {
  readonly scheduler: Scheduler;
  readonly queueTimes = new Durations();
  readonly firstTokenTimes = new Durations();
  readonly tokenTimes = new Durations();
  readonly meanTokenTimes = new Durations();
  readonly requestTimes = new Durations();
  readonly chunkTimes = new Durations();
  /** Generations that were ever queued. */
  requests = 0;
  readonly counts = { prompt: 0, cached: 0, generated: 0 };
  /** Prompt tokens looked up in the cache. */
  queriedTokens = 0;
  private readonly chunkSize: ChunkSize;
  private readonly generations = new Map<Sequence, Generation>();
  /** Whose slot could not be opened in the step that is being planned. */
  private readonly refused: { generation: Generation; error: unknown }[] = [];
  /** Resolves when the results of all steps so far have been passed on. */
  private done = Promise.resolve();
  private lastDone = 0;
  private stopped = false;

  constructor(
    private readonly runner: StepRunner,
    private readonly options: StepLoopOptions,
  ) {
    const { media } = runner;
    this.chunkSize = new ChunkSize(runner.chunkTokens);
    this.scheduler = new Scheduler({
      ...options,
      pageCount: runner.pageCount,
      maxDecodeRows: runner.maxRows,
      maxOutputs: runner.maxRows,
      maxRowOutputs: runner.maxOutputs,
      spans: media && { seenBy: (token) => media.seenBy(token), maxTokens: runner.chunkTokens },
      onStart: (sequence) => this.open(sequence),
      onStop: ({ drawSlot }) => this.close(drawSlot),
    });
  }

  /**
   * Queues a generation.
   * @throws OmniError `queue_full`
   */
  add(generation: Generation): void {
    const sequence = this.scheduler.add(generation.sequenceOptions);
    generation.sequence = sequence;
    this.generations.set(sequence, generation);
    this.requests++;
    this.wake();
  }

  /** Forgets a generation, finished or not. */
  remove({ sequence }: Generation): void {
    if (!sequence || !this.generations.delete(sequence)) return;
    this.scheduler.end(sequence);
    this.wake();
  }

  /** Plans and submits what can be computed now. */
  wake(): void {
    if (this.stopped) return;
    try {
      for (;;) {
        const plan = this.scheduler.plan(this.chunkSize.next);
        if (plan) this.submit(plan);
        // Not before: the step uses their pages, and others may share them.
        for (const { generation, error } of this.refused.splice(0)) this.fail(generation, error);
        if (!plan) return;
      }
    } catch (thrown) {
      this.stop(thrown);
    }
  }

  /** Nothing is wanted, and nothing is on its way. */
  get idle(): boolean {
    const { running, queued, stepsInFlight } = this.scheduler;
    return running === 0 && queued === 0 && stepsInFlight === 0;
  }

  /** Ends all generations with an error; nothing is computed any more. */
  failAll(error: OmniError): void {
    this.stopped = true;
    for (const generation of this.generations.values()) generation.fail(error);
  }

  private open(sequence: Sequence): void {
    const generation = this.generations.get(sequence)!;
    const { request, sampling, drawn } = generation;
    if (generation.started === undefined) {
      generation.started = performance.now();
      this.queueTimes.add(generation.started - generation.arrived);
      this.counts.cached += sequence.cachedTokens;
      const { cachePrompt, promptLogits } = sequence.options;
      if (cachePrompt && !promptLogits) this.queriedTokens += request.promptTokens.length;
    }
    try {
      const { topLogprobs = request.promptLogprobs ? 0 : undefined } = request;
      sequence.drawSlot = this.runner.sampler.open(sampling, request.promptTokens, { topLogprobs, drawn });
    } catch (error) {
      sequence.drawSlot = noSlot;
      this.refused.push({ generation, error });
    }
  }

  private close(drawSlot: number): void {
    if (drawSlot !== noSlot) this.runner.sampler.close(drawSlot);
  }

  private submit(plan: StepPlan): void {
    const start = performance.now();
    this.runner.copyPages(plan.copies);
    const results = Promise.all(
      plan.parts.map((part) => {
        const constrained = part.outputs.filter(
          ({ sequence, draw }) => draw >= 0 && this.generations.get(sequence)?.constraint,
        );
        // While the GPU computes, it becomes known which tokens may be drawn.
        return this.runner.submit(
          part,
          constrained.length > 0 ? () => this.setMasks(constrained) : undefined,
        );
      }),
    );
    // A failure shows when its turn comes.
    results.catch(() => undefined);
    this.done = this.done
      .then(() => results)
      .then((rows) => this.complete(plan, rows, start))
      .catch((thrown) => this.stop(thrown));
  }

  private setMasks(outputs: readonly StepOutput[]): void {
    for (const { sequence } of outputs) {
      const generation = this.generations.get(sequence)!;
      if (generation.hasEnded) continue;
      try {
        this.runner.sampler.setMask(sequence.drawSlot, generation.constraint!.mask());
      } catch (error) {
        this.fail(generation, error);
      }
    }
  }

  private complete(plan: StepPlan, rows: SampledRow[][], start: number): void {
    if (this.stopped) return;
    const now = performance.now();
    if (plan.prefillTokens > 0) {
      const elapsedMs = now - Math.max(start, this.lastDone);
      this.chunkSize.observe(plan.prefillTokens, elapsedMs);
      this.chunkTimes.add(elapsedMs);
    }
    this.lastDone = now;
    this.counts.prompt += plan.prefillTokens;
    plan.parts.forEach(({ outputs }, part) => {
      outputs.forEach(({ sequence, draw }, i) => {
        const generation = this.generations.get(sequence);
        const row = rows[part]![i]!;
        if (draw < 0) generation?.onPromptRow(row);
        else if (row.token === undefined && generation && !generation.hasEnded)
          this.fail(generation, noTokenError());
      });
    });
    const events = this.scheduler.complete(rows.map((part) => part.map(({ token }) => token ?? 0)));
    for (const event of events) {
      const { sequence } = event;
      const generation = this.generations.get(sequence);
      if (!generation || generation.hasEnded) continue;
      try {
        if (event.type === "prompt") generation.onPromptEnd();
        else if (event.type === "finished") generation.finish("length");
        else {
          const times = generation.drawn.length === 0 ? this.firstTokenTimes : this.tokenTimes;
          times.add(generation.sinceToken);
          this.counts.generated++;
          const row = rows[event.at.part]![event.at.output]!;
          const logprob = generation.request.topLogprobs === undefined ? undefined : row.logprob;
          if (generation.onToken(event.token, logprob, event.finished)) this.scheduler.end(sequence);
        }
      } catch (error) {
        this.fail(generation, error);
      }
      if (generation.finishReason) this.observeEnd(generation);
    }
    this.wake();
  }

  private observeEnd({ age, meanTimePerToken }: Generation): void {
    this.requestTimes.add(age);
    if (meanTimePerToken !== undefined) this.meanTokenTimes.add(meanTimePerToken);
  }

  private fail(generation: Generation, error: unknown): void {
    generation.fail(OmniError.from(error));
    this.scheduler.end(generation.sequence!);
  }

  private async stop(thrown: unknown): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    this.failAll(await this.options.onFailure(thrown));
  }
}
