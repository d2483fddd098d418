import { expect, test } from "vitest";
import { seededRandom } from "../weights/testing/random.ts";
import { isMediaToken } from "./mediaRows.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import type { Sequence, SequenceOptions } from "./sequence.ts";
import type { StepPlan } from "./stepPlan.ts";
import { drawnAlone, FakeGpu, type FakeModel } from "./testing/fakeGpu.ts";

const none: ReadonlySet<number> = new Set();
const range = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

interface Request extends SequenceOptions {
  seed: number;
}

/** A scheduler with a model: steps are executed when planned, results come in when `complete` is called. */
class Bench {
  readonly scheduler: Scheduler;
  readonly requests = new Map<Sequence, Request>();
  readonly plans: StepPlan[] = [];
  private readonly gpu: FakeGpu;
  private readonly results: number[][][] = [];

  constructor(
    options: Partial<SchedulerOptions> = {},
    readonly model: FakeModel = { vocab: 997, kernelsDiffer: false },
  ) {
    const all = { ...{ pageCount: 64, pageSize: 4, contextLength: 200, maxRunning: 8 }, ...options };
    this.scheduler = new Scheduler({
      maxQueued: 1000,
      maxDecodeRows: 4,
      maxOutputs: 8,
      maxRowOutputs: 5,
      ...all,
    });
    this.gpu = new FakeGpu(model, all.pageCount, all.pageSize, (one) => this.requests.get(one)!.seed);
  }

  add(prompt: readonly number[], changes: Partial<Request> = {}): Sequence {
    const request = { prompt, maxTokens: 10, endTokens: none, seed: 0, ...changes };
    const sequence = this.scheduler.add(request);
    this.requests.set(sequence, request);
    return sequence;
  }

  plan(chunkTokens = 16): StepPlan | undefined {
    const plan = this.scheduler.plan(chunkTokens);
    if (plan) {
      this.plans.push(plan);
      this.results.push(this.gpu.run(plan));
    }
    return plan;
  }

  complete() {
    return this.scheduler.complete(this.results.shift()!);
  }

  /** Runs until nothing is left to do. */
  drain(chunkTokens = 16): void {
    for (;;) {
      while (this.plan(chunkTokens));
      if (this.results.length === 0) return;
      this.complete();
    }
  }

  /** The tokens that were drawn, which must be those of the sequence alone. */
  drawn(sequence: Sequence): number[] {
    const request = this.requests.get(sequence)!;
    const alone = drawnAlone(this.model, request.prompt, request);
    const drawn = sequence.tokens.slice(sequence.tokens.length - sequence.generated);
    expect(drawn).toEqual(alone.slice(0, drawn.length));
    if (sequence.finishReason) expect(drawn).toHaveLength(alone.length);
    return drawn;
  }

  expectIdle(): void {
    const { scheduler } = this;
    expect([scheduler.running, scheduler.queued, scheduler.pool.used]).toEqual([0, 0, 0]);
  }
}

test("prompts of several lengths and their answers share steps", () => {
  const bench = new Bench();
  const all = [1, 3, 4, 17, 40].map((length, i) => bench.add(range(length, i * 100), { seed: i }));
  bench.drain();
  for (const sequence of all) expect(bench.drawn(sequence)).toHaveLength(10);
  expect(bench.plans.some(({ parts }) => parts.length > 1 && parts[0]!.kind === "prefill")).toBe(true);
  expect(Math.max(...bench.plans.flatMap(({ parts }) => parts.map((p) => p.tokens)))).toBeLessThanOrEqual(16);
  bench.expectIdle();
});

test("a second turn computes only what is new, other conversations share whole pages and a part of one", () => {
  const bench = new Bench();
  const first = bench.add(range(10));
  bench.drain();
  const history = [...range(10), ...bench.drawn(first)];
  // All but the last token, which was drawn and never computed; and the new ones.
  const second = bench.add([...history, 1, 2, 3]);
  bench.drain();
  expect(second.cachedTokens).toBe(19);
  const branch = bench.add([...history.slice(0, 14), 5, 6]);
  const same = bench.add(range(10), { seed: 3 });
  bench.drain();
  expect([branch.cachedTokens, same.cachedTokens]).toEqual([14, 9]);
  const uncached = bench.add(range(10), { cachePrompt: false });
  bench.drain();
  expect(uncached.cachedTokens).toBe(0);
  for (const sequence of [second, branch, same, uncached]) bench.drawn(sequence);
  bench.expectIdle();
});

test("equal prompts that come together are computed once, and fork", () => {
  const bench = new Bench({ maxRunning: 4 });
  const all = range(6).map((seed) => bench.add(range(42), { seed, maxTokens: 6 }));
  const longer = bench.add([...range(42), 1, 2, 3], { seed: 9 });
  bench.drain();
  for (const sequence of [...all, longer]) bench.drawn(sequence);
  expect(all.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 42, 42, 42, 41, 42]);
  expect(longer.cachedTokens).toBe(42);
  const prompts = bench.plans.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0);
  expect(prompts).toBe(42 + 1 + 3);
  bench.expectIdle();
});

test("a shared beginning is computed once even if its conversations come together", () => {
  const bench = new Bench();
  const all = range(4).map((i) => bench.add([...range(33), 100 + i, 200 + i]));
  bench.drain();
  for (const sequence of all) bench.drawn(sequence);
  expect(all.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 32, 32, 32]);
});

test("a full queue refuses", () => {
  const bench = new Bench({ maxRunning: 2, maxQueued: 3 });
  for (const i of range(5)) bench.add([i]);
  expect(() => bench.add([9])).toThrowError(
    expect.objectContaining({ code: "queue_full", status: 429, detail: "rate_limit_exceeded" }),
  );
  bench.plan();
  expect(() => bench.add([9])).toThrow(/2 requests are running and 3 are waiting/);
  bench.drain();
  bench.add([9]);
});

test("when pages run out the newest gives way, and goes on as if nothing had happened", () => {
  const bench = new Bench({ pageCount: 12, contextLength: 48 }, { vocab: 997, kernelsDiffer: true });
  const all = range(4).map((i) => bench.add(range(7, 50 * i), { seed: i, maxTokens: 20 }));
  const ends: Sequence[] = [];
  for (;;) {
    while (bench.plan());
    if (bench.scheduler.stepsInFlight === 0) break;
    for (const event of bench.complete())
      if (event.type === "token" && event.finished) ends.push(event.sequence);
  }
  expect(bench.scheduler.counts.preemptions).toBeGreaterThan(0);
  expect(ends).toEqual(all);
  for (const sequence of all) expect(bench.drawn(sequence)).toHaveLength(20);
  bench.expectIdle();
});

test("an end token, an end from outside and an abort give back what was computed beyond them", () => {
  const bench = new Bench();
  const alone = drawnAlone(bench.model, range(5), { seed: 1, maxTokens: 10, endTokens: none });
  const stopped = bench.add(range(5), { seed: 1, endTokens: new Set([alone[3]!]) });
  const aborted = bench.add(range(9, 50), { maxTokens: 100 });
  for (let i = 0; i < 20; i++) {
    while (bench.plan());
    bench.complete();
  }
  bench.scheduler.end(aborted);
  bench.scheduler.end(aborted);
  bench.drain();
  expect(bench.drawn(stopped)).toEqual(alone.slice(0, 4));
  expect(stopped.finishReason).toBe("stop");
  expect(bench.drawn(aborted).length).toBeGreaterThan(5);
  bench.expectIdle();
  // The end token itself was computed by a step under way.
  const next = bench.add([...stopped.tokens, 7, 8]);
  bench.drain();
  bench.drawn(next);
  expect(next.cachedTokens).toBe(9);
});

test("one whose tokens the CPU must see first has one step on its way, and the others go on", () => {
  const bench = new Bench();
  const slow = bench.add(range(3), { pipelined: false, maxTokens: 30 });
  const fast = bench.add(range(3, 9), { maxTokens: 30 });
  bench.drain();
  for (const plan of bench.plans)
    for (const { entries } of plan.parts)
      for (const { sequence, start } of entries)
        if (sequence === slow) expect(slow.tokens.length).toBeGreaterThan(start);
  expect([bench.drawn(slow).length, bench.drawn(fast).length]).toEqual([30, 30]);
});

test("a reader that is behind stops its stream, and gives way to others", () => {
  const bench = new Bench({ maxRunning: 1 });
  const paused = bench.add(range(6), { maxTokens: 30 });
  for (let i = 0; i < 8; i++) {
    bench.plan();
    bench.complete();
  }
  paused.paused = true;
  bench.drain();
  const before = paused.generated;
  expect(before).toBeLessThan(12);
  const other = bench.add(range(6, 40));
  bench.drain();
  expect(bench.drawn(other)).toHaveLength(10);
  expect(paused.state).toBe("waiting");
  paused.paused = false;
  bench.drain();
  expect(bench.drawn(paused)).toHaveLength(30);
  bench.expectIdle();
});

test("an endless chat goes on from its first tokens and the later half of the others", () => {
  const bench = new Bench({ contextLength: 32, pageCount: 9 });
  const endless = bench.add(range(10), { maxTokens: 100, contextShift: { keep: 4 } });
  const other = bench.add(range(10, 50), { maxTokens: 12 });
  bench.drain();
  expect(endless.generated).toBe(100);
  const shifts = bench.plans.filter(({ promptEnds }) => promptEnds.includes(endless)).length - 1;
  expect(shifts).toBeGreaterThan(3);
  expect(endless.tokens.slice(0, 4)).toEqual(range(4));
  expect(endless.tokens.length).toBeLessThanOrEqual(33);
  bench.drawn(other);
  // Since the last shift it has drawn what follows from the tokens it was left with.
  const since = endless.tokens.length - endless.prefillEnd;
  expect(since).toBeGreaterThan(0);
  const prompt = endless.tokens.slice(0, endless.prefillEnd);
  const alone = drawnAlone(bench.model, prompt, { seed: 0, maxTokens: 100, endTokens: none }, 100 - since);
  expect(endless.tokens.slice(endless.prefillEnd)).toEqual(alone);
  bench.expectIdle();
});

/** Tokens of a picture whose ten rows see each other. */
const picture = (number: number) => range(10, 2 ** 40 + number * 2 ** 16);
const seenBy = (token: number) => {
  const before = isMediaToken(token) ? token % 2 ** 16 : 0;
  return { before, behind: isMediaToken(token) ? 9 - before : 0 };
};

test.each([1, 7, 16, 20])("rows that see each other share a step, of %i tokens or more", (chunkTokens) => {
  const bench = new Bench({ spans: { seenBy, maxTokens: 20 } });
  const prompts = [
    [...range(5), ...picture(0), ...range(3)],
    [...picture(1), ...picture(2), 7, ...picture(1)],
    [...range(5), ...picture(0), 9, ...picture(3)],
    range(40, 50),
    [...range(11, 90), ...picture(4)],
  ];
  const all = [...prompts, prompts[1]!].map((prompt) => bench.add(prompt));
  bench.drain(chunkTokens);
  for (const sequence of all) bench.drawn(sequence);
  let longest = 0;
  for (const { parts } of bench.plans)
    for (const { kind, tokens, entries } of parts) {
      if (kind === "decode") continue;
      longest = Math.max(longest, tokens);
      for (const { sequence, start, count } of entries)
        expect(seenBy(sequence.tokens[start + count - 1]!).behind).toBe(0);
    }
  expect(longest).toBeGreaterThanOrEqual(10);
  expect(longest).toBeLessThanOrEqual(20);
  // What is cached may end within a span: the rows before that have seen the others.
  const again = bench.add(prompts[4]!);
  const before = bench.plans.length;
  bench.drain(chunkTokens);
  expect(again.cachedTokens).toBe(20);
  expect(bench.plans[before]!.prefillTokens).toBe(1);
  bench.drawn(again);
  bench.expectIdle();
});

test("an endless chat drops pictures as a whole, and keeps none in part", () => {
  const bench = new Bench({ contextLength: 48, pageCount: 12, spans: { seenBy, maxTokens: 20 } });
  const prompt = [...range(2), ...picture(0), ...range(5, 20), ...picture(1), ...range(4, 30)];
  for (const keep of [1, 2, 7, 12, 13]) {
    const endless = bench.add(prompt, { maxTokens: 30, contextShift: { keep }, seed: keep });
    bench.drain();
    expect(endless.generated).toBe(30);
    const kept = Math.min(keep, 2);
    expect(endless.tokens.slice(0, kept)).toEqual(range(kept));
    const media = endless.tokens.filter(isMediaToken);
    expect([[], picture(0), picture(1), [...picture(0), ...picture(1)]]).toContainEqual(media);
  }
  bench.expectIdle();
});

test("a prompt alone, and logits of a whole prompt", () => {
  const bench = new Bench();
  bench.add(range(20));
  bench.drain();
  const alone = bench.add(range(20), { maxTokens: 0 });
  const logits = bench.add(range(20), { maxTokens: 2, promptLogits: true });
  const events: string[] = [];
  const rows: number[] = [];
  for (;;) {
    for (let plan = bench.plan(); plan; plan = bench.plan())
      for (const { outputs } of plan.parts)
        for (const { sequence, position } of outputs) if (sequence === logits) rows.push(position);
    if (bench.scheduler.stepsInFlight === 0) break;
    for (const event of bench.complete()) if (event.sequence === alone) events.push(event.type);
  }
  expect(events).toEqual(["prompt", "finished"]);
  expect([alone.cachedTokens, logits.cachedTokens]).toEqual([19, 0]);
  expect(rows).toEqual(range(21));
  bench.drawn(logits);
  bench.expectIdle();
});

test("500 random schedules leak no page and finish every request with its own tokens", () => {
  let preemptions = 0;
  let forks = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const random = seededRandom(seed);
    const below = (n: number) => Math.floor(random.uniform() * n);
    const pageSize = [2, 4, 8][below(3)]!;
    const contextLength = pageSize * (6 + below(8));
    const pageCount = contextLength / pageSize + below(12);
    const bench = new Bench({
      ...{ pageSize, pageCount, contextLength },
      ...{
        maxRunning: 1 + below(8),
        maxDecodeRows: 1 + below(4),
        maxOutputs: 1 + below(8),
        maxRowOutputs: 1 + below(8),
      },
    });
    const prompts: number[][] = [];
    const ended = new Set<Sequence>();
    const aborted = new Set<Sequence>();
    const live: Sequence[] = [];
    let left = 30;
    while (left > 0 || bench.scheduler.stepsInFlight > 0 || live.length > 0) {
      if (left > 0 && random.uniform() < 0.4) {
        for (let n = 1 + below(3); n > 0 && left > 0; n--) {
          left--;
          // New, equal to an earlier one, or the beginning of one and something else.
          const old = prompts[below(prompts.length || 1)];
          const kind = old ? below(3) : 0;
          const most = contextLength - 2;
          const fresh = range(1 + below(most), below(50));
          const prompt =
            kind === 0 ? fresh : kind === 1 ? old! : [...old!.slice(0, 1 + below(old!.length)), below(9)];
          const fitting = prompt.slice(0, most);
          prompts.push(fitting);
          const sequence = bench.add(fitting, {
            seed: below(3),
            maxTokens: below(contextLength - fitting.length + 1),
            endTokens: new Set(range(40, below(900))),
            pipelined: random.uniform() < 0.8,
            promptLogits: random.uniform() < 0.05,
            cachePrompt: random.uniform() < 0.9,
          });
          live.push(sequence);
        }
      }
      if (live.length > 0 && random.uniform() < 0.03) {
        const victim = live.splice(below(live.length), 1)[0]!;
        bench.scheduler.end(victim);
        aborted.add(victim);
      }
      for (const one of live) one.paused = one.generated > 0 && random.uniform() < 0.05;
      if (random.uniform() < 0.7) bench.plan(1 + below(20));
      else if (bench.scheduler.stepsInFlight > 0)
        for (const event of bench.complete()) {
          expect(aborted.has(event.sequence) || ended.has(event.sequence)).toBe(false);
          if (event.type === "finished" || (event.type === "token" && event.finished)) {
            ended.add(event.sequence);
            live.splice(live.indexOf(event.sequence), 1);
          }
        }
    }
    expect(ended.size + aborted.size).toBe(30);
    for (const sequence of bench.requests.keys()) {
      bench.drawn(sequence);
      if (sequence.cachedTokens === sequence.options.prompt.length) forks++;
    }
    bench.expectIdle();
    preemptions += bench.scheduler.counts.preemptions;
  }
  expect(preemptions).toBeGreaterThan(500);
  expect(forks).toBeGreaterThan(50);
}, 60_000);
