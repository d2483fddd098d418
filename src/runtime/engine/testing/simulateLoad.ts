/** Traffic on the scheduler with a model and a clock of its own: bursts, shared beginnings, long prompts, aborts. */

import { seededRandom } from "../../weights/testing/random.ts";
import { Scheduler } from "../scheduler.ts";
import type { Sequence } from "../sequence.ts";
import type { StepPlan } from "../stepPlan.ts";
import { drawnAlone, FakeGpu } from "./fakeGpu.ts";

/** A step's time by what is in it, in ms. */
const baseMs = 2;
const promptMs = 0.4;
const rowMs = 0.2;
const chunkTokens = 64;
const maxRunning = 16;

const durationOf = ({ parts }: StepPlan) =>
  parts.reduce((ms, { kind, tokens }) => ms + tokens * (kind === "prefill" ? promptMs : rowMs), baseMs);

export interface LoadFigures {
  /** How many requests came to which end. */
  finished: { length: number; stop: number; aborted: number };
  refused: number;
  /** Simulated ms: the longest gap between a request's tokens that no preemption explains, and the longest step. */
  worstGapMs: number;
  longestStepMs: number;
  /** Requests that began before an earlier one, without sharing its prompt. */
  outOfOrder: number;
  /** Requests whose tokens were compared with what they draw alone, and those that differed. */
  checked: number;
  wrong: number;
  preemptions: number;
  /** What is left when all have ended; should be 0. */
  left: { running: number; queued: number; pages: number };
}

/** @param total requests that arrive */
export function simulateLoad(total: number): LoadFigures {
  const random = seededRandom(7);
  const below = (n: number) => Math.floor(random.uniform() * n);
  const model = { vocab: 5000, kernelsDiffer: false };
  const scheduler = new Scheduler({
    ...{ pageCount: 96, pageSize: 32, contextLength: 2048, maxRunning, maxQueued: 200 },
    ...{ maxDecodeRows: 16, maxOutputs: 16, maxRowOutputs: 64 },
  });
  const gpu = new FakeGpu(model, 96, 32, ({ id }) => id);
  const pending: { results: number[][]; at: number }[] = [];
  const systemPrompts = [64, 100, 500].map((length, n) => Array.from({ length }, (_, i) => 1000 * n + i));
  const endTokens = new Set(Array.from({ length: 200 }, (_, i) => i));

  let now = 0;
  let gpuFree = 0;
  let arrivals = 0;
  let nextArrival = 0;
  let refused = 0;
  let worstGap = 0;
  let checked = 0;
  let wrong = 0;
  const unstarted = new Set<Sequence>();
  const outOfOrder = new Set<Sequence>();
  const finished = { length: 0, stop: 0, aborted: 0 };
  const live = new Set<Sequence>();
  const lastToken = new Map<Sequence, { at: number; preemptions: number }>();
  const longestStep = baseMs + chunkTokens * promptMs + maxRunning * rowMs;

  const arrive = () => {
    arrivals++;
    // Bursts above what can be done, and quiet times.
    const busy = Math.floor(now / 20_000) % 2 === 0;
    nextArrival = now - Math.log(1 - random.uniform()) * (busy ? 14 : 40);
    const kind = random.uniform();
    const own = Array.from({ length: 1 + below(40) }, () => below(5000));
    const long = () => Array.from({ length: 1500 }, () => below(5000));
    const prompt = kind < 0.6 ? [...systemPrompts[below(3)]!, ...own] : kind < 0.995 ? own : long();
    try {
      const sequence = scheduler.add({ prompt, maxTokens: 1 + below(40), endTokens });
      live.add(sequence);
      unstarted.add(sequence);
    } catch {
      refused++;
    }
  };

  while (arrivals < total || live.size > 0) {
    for (let plan = scheduler.plan(chunkTokens); plan; plan = scheduler.plan(chunkTokens)) {
      // In order of arrival, but for those who wait for another one's computing their prompt.
      for (const sequence of unstarted) {
        if (sequence.state === "waiting") break;
        unstarted.delete(sequence);
      }
      for (const { sequence } of plan.parts[0]!.entries)
        if (unstarted.has(sequence)) outOfOrder.add(sequence);
      gpuFree = Math.max(now, gpuFree) + durationOf(plan);
      pending.push({ results: gpu.run(plan), at: gpuFree });
    }
    const next = pending[0]?.at ?? Number.POSITIVE_INFINITY;
    if (arrivals < total && nextArrival <= next) {
      now = Math.max(now, nextArrival);
      arrive();
      continue;
    }
    now = next;
    for (const event of scheduler.complete(pending.shift()!.results)) {
      const { sequence } = event;
      if (event.type !== "token") continue;
      const before = lastToken.get(sequence);
      const { preemptions } = scheduler.counts;
      if (before?.preemptions === preemptions) worstGap = Math.max(worstGap, now - before.at);
      lastToken.set(sequence, { at: now, preemptions });
      if (!event.finished) continue;
      finished[event.finished]++;
      live.delete(sequence);
      lastToken.delete(sequence);
      if (sequence.id % 50 === 0) {
        checked++;
        const alone = drawnAlone(model, sequence.options.prompt, { ...sequence.options, seed: sequence.id });
        if (sequence.tokens.slice(-sequence.generated).join() !== alone.join()) wrong++;
      }
    }
    if (random.uniform() < 0.002) {
      for (const sequence of live) {
        scheduler.end(sequence);
        live.delete(sequence);
        lastToken.delete(sequence);
        unstarted.delete(sequence);
        finished.aborted++;
        break;
      }
    }
  }
  return {
    ...{ finished, refused, checked, wrong },
    ...{ worstGapMs: worstGap, longestStepMs: longestStep, outOfOrder: outOfOrder.size },
    preemptions: scheduler.counts.preemptions,
    left: { running: scheduler.running, queued: scheduler.queued, pages: scheduler.pool.used },
  };
}
