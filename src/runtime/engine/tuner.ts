/**
 * Finds the fastest variant of each kernel while nobody asks for anything. No GPU in it: it decides what is measured
 * when, and what the numbers mean.
 */

import type { Variant, VariantEntries } from "../gpu/tuning.ts";
import { agree, isEvidence } from "./tuningResults.ts";
import type { TuningStats } from "./types.ts";

/** One variant, compiled. */
export interface Trial {
  /** Milliseconds of so many calls. */
  time(calls: number): Promise<number>;
  /** What it computes from the inputs that happen to be there, the same for all variants. */
  results(): Promise<Float32Array[]>;
}

/** A kernel and shape with its variants, for all places where a model has it. */
export interface TuningTask {
  key: string;
  /** The one in use, and all to be measured, that one included. */
  chosen: Variant;
  candidates: readonly Variant[];
  /** @throws where a variant does not work here */
  prepare(variant: Variant): Promise<Trial>;
  /** Frees what the trials needed. */
  end(): void;
}

/** What a tuner asks of its engine. */
export interface TunerHost {
  /** Nobody asks for anything, and nothing is on its way. */
  readonly idle: boolean;
  /** Requests so far. */
  readonly requests: number;
  /** Kernels whose choice is not known yet. */
  tasks(): TuningTask[];
  choose(key: string, variant: Variant): Promise<void>;
  /** Makes choices take effect in a quiet moment; `quiet` waits for one. */
  apply(quiet: () => Promise<void>): Promise<void>;
}

export interface TunerOptions {
  /** Nobody has asked for anything for so long. @default 300 */
  idleMs?: number;
  /** A measurement takes about as long: requests wait for it. @default 15 */
  measureMs?: number;
  /** Variants of a kernel that are measured. @default all */
  maxCandidates?: number;
}

/** A variant has to save at least this share of the time: less may be noise. */
const leastGain = 0.05;
/** Best of so many measurements, each next to one of the variant in use. */
const rounds = 3;
/** One that is so much slower at first is not measured again. */
const hopeless = 1.5;
const maxCalls = 4096;

class Stopped extends Error {}

export class Tuner {
  private state: TuningStats["state"] = "waiting";
  private readonly rejected: TuningStats["rejected"] = [];
  private stopped = false;
  private wake = () => {};
  /** Requests when it was last seen that there is quiet; none yet. */
  private quietSince = -1;
  private readonly options: Required<TunerOptions>;

  /** Resolves when all is measured and in effect, or the tuner was stopped. */
  readonly done: Promise<void>;

  constructor(
    private readonly host: TunerHost,
    options: TunerOptions = {},
  ) {
    this.options = { idleMs: 300, measureMs: 15, maxCandidates: Infinity, ...options };
    this.done = this.run();
  }

  get stats(): Pick<TuningStats, "state" | "rejected"> {
    return { state: this.state, rejected: [...this.rejected] };
  }

  /** Ends at the next moment where that is possible. */
  stop(): void {
    this.stopped = true;
    this.wake();
  }

  private async run(): Promise<void> {
    try {
      const tasks = this.host.tasks();
      let changed = false;
      for (const task of tasks) {
        try {
          const fastest = await this.tune(task);
          if (fastest) await this.host.choose(task.key, fastest);
          changed ||= fastest !== undefined && fastest !== task.chosen;
        } finally {
          task.end();
        }
      }
      if (changed) await this.host.apply(() => this.quiet());
      this.state = "done";
    } catch (error) {
      // Without tuning all goes on as before; a lost device is noticed by the engine itself.
      if (!(error instanceof Stopped)) this.reject("", {}, error);
      this.state = "stopped";
    }
  }

  /** The fastest variant, or undefined where it can't be told which ones are right. */
  private async tune(task: TuningTask): Promise<Variant | undefined> {
    await this.quiet();
    const current = await task.prepare(task.chosen);
    await this.quiet();
    const expected = await current.results();
    if (!isEvidence(expected)) return undefined;
    const calls = await this.callsFor(current);
    let fastest = task.chosen;
    let leastShare = 1 - leastGain;
    const others = task.candidates.filter((variant) => variant !== task.chosen);
    for (const variant of others.slice(0, this.options.maxCandidates - 1)) {
      const share = await this.compare(task, variant, { current, expected, calls });
      if (share === undefined || share > leastShare) continue;
      fastest = variant;
      leastShare = share;
    }
    return fastest;
  }

  /** The time of a variant as a share of the current one's, or undefined if it is not right. */
  private async compare(
    task: TuningTask,
    variant: Variant,
    { current, expected, calls }: { current: Trial; expected: Float32Array[]; calls: number },
  ): Promise<number | undefined> {
    await this.quiet();
    let trial: Trial;
    try {
      trial = await task.prepare(variant);
    } catch (error) {
      this.reject(task.key, variant, error);
      return undefined;
    }
    await this.quiet();
    if (!agree(expected, await trial.results())) {
      this.reject(task.key, variant, new Error("Its results are wrong."));
      return undefined;
    }
    await this.time(trial, 1); // drivers finish compiling at first use
    const least = { current: Infinity, variant: Infinity };
    for (let round = 0; round < rounds; round++) {
      least.current = Math.min(least.current, await this.time(current, calls));
      least.variant = Math.min(least.variant, await this.time(trial, calls));
      if (least.variant > least.current * hopeless) break;
    }
    return least.variant / least.current;
  }

  /** Calls that take about `measureMs`. */
  private async callsFor(trial: Trial): Promise<number> {
    await this.time(trial, 1);
    let calls = 1;
    for (;;) {
      const elapsedMs = await this.time(trial, calls);
      const missing = this.options.measureMs / Math.max(elapsedMs, 0.01);
      // A first measurement is mostly the way there and back: go on in steps.
      if (missing < 1.5 || calls === maxCalls) return calls;
      calls = Math.min(maxCalls, Math.ceil(calls * Math.min(missing, 8)));
    }
  }

  /** A measurement that no request disturbed. */
  private async time(trial: Trial, calls: number): Promise<number> {
    for (;;) {
      await this.quiet();
      const elapsedMs = await trial.time(calls);
      if (this.isQuiet) return elapsedMs;
    }
  }

  private get isQuiet(): boolean {
    return this.host.idle && this.host.requests === this.quietSince;
  }

  /** Resolves when nobody has asked for anything for a while; at once if nobody has since the last time. */
  private async quiet(): Promise<void> {
    for (;;) {
      if (this.stopped) throw new Stopped();
      if (this.isQuiet) {
        this.state = "running";
        return;
      }
      this.state = "waiting";
      const { requests } = this.host;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, this.options.idleMs);
      });
      if (this.host.idle && this.host.requests === requests) this.quietSince = requests;
    }
  }

  private reject(key: string, variant: Variant, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.rejected.push({ key, variant, reason });
  }
}

/** Variants by key, as statistics name them. */
export function variantsOf(calls: Iterable<{ key: string; chosen: Variant }>): VariantEntries {
  return Object.fromEntries(Array.from(calls, ({ key, chosen }) => [key, chosen]));
}
