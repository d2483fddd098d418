import { expect, test, vi } from "vitest";
import { invalidRequest, OmniError } from "../errors.ts";
import { fakeTokenizer } from "../text/testing/fakeTokenizer.ts";
import { Generation } from "./generation.ts";
import type { Sequence } from "./sequence.ts";
import { StepLoop, type StepRunner } from "./stepLoop.ts";
import type { StepPart } from "./stepPlan.ts";
import { drawnAlone, FakeGpu, type FakeModel } from "./testing/fakeGpu.ts";
import {
  defaultSampling,
  type GenerationEvent,
  type GenerationRequest,
  type TokenConstraint,
} from "./types.ts";

// Letters and digits only, so that text and tokens are easy to compare.
const model: FakeModel = { vocab: 100, kernelsDiffer: false };
const range = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

class FakeRunner implements StepRunner {
  readonly pageCount = 40;
  readonly chunkTokens = 32;
  readonly maxRows = 4;
  readonly maxOutputs = 8;
  readonly open = new Set<number>();
  readonly masks = new Map<number, Uint32Array | undefined>();
  /** Most steps that were on their way at once. */
  deepest = 0;
  failure: Error | undefined;
  private waiting = 0;
  private readonly seeds = new Map<number, number>();
  private readonly gpu = new FakeGpu(model, 40, 8, (one: Sequence) => this.seeds.get(one.drawSlot)!);

  readonly sampler: StepRunner["sampler"] = {
    open: (params) => {
      if (params.logitBias.size > 2) throw invalidRequest("Too many biases.", "logit_bias");
      const slot = range(100).find((i) => !this.open.has(i))!;
      this.open.add(slot);
      this.masks.delete(slot);
      this.seeds.set(slot, params.seed!);
      return slot;
    },
    close: (slot) => expect(this.open.delete(slot)).toBe(true),
    setMask: (slot, mask) => this.masks.set(slot, mask),
  };

  copyPages(copies: { from: number; to: number }[]): void {
    this.gpu.copyPages(copies);
  }

  async submit(part: StepPart, beforeDraw?: () => void) {
    this.deepest = Math.max(this.deepest, ++this.waiting);
    beforeDraw?.();
    const tokens = this.gpu.runPart(part);
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.waiting--;
    if (this.failure) throw this.failure;
    return tokens.map((token) => ({ token, logprob: undefined }));
  }
}

const requestOf = (changes: Partial<GenerationRequest>): GenerationRequest => ({
  promptTokens: range(10),
  maxTokens: 12,
  sampling: { ...defaultSampling, seed: 0 },
  stopStrings: [],
  stopTokens: [],
  ignoreEos: true,
  topLogprobs: undefined,
  promptLogprobs: false,
  signal: undefined,
  ...changes,
});

function setUp(limits = {}) {
  const runner = new FakeRunner();
  const loop = new StepLoop(runner, {
    ...{ contextLength: 200, maxRunning: 4, maxQueued: 20, pageSize: 8 },
    onFailure: async (thrown) => OmniError.from(thrown),
    ...limits,
  });
  const start = (changes: Partial<GenerationRequest> = {}, constraint?: TokenConstraint) => {
    const wake = () => loop.wake();
    const generation = new Generation(requestOf(changes), constraint, fakeTokenizer, 200, wake);
    loop.add(generation);
    return generation;
  };
  const idle = () => [
    loop.scheduler.running,
    loop.scheduler.queued,
    loop.scheduler.pool.used,
    runner.open.size,
  ];
  return { runner, loop, start, idle };
}

async function collect(generation: Generation) {
  const tokens: number[] = [];
  let text = "";
  let done: GenerationEvent | undefined;
  for await (const event of generation.events()) {
    if (event.type === "token") tokens.push(event.token);
    if (event.type !== "prompt") text += event.text;
    if (event.type === "done") done = event;
  }
  return { tokens, text, done };
}

const alone = (seed: number, maxTokens: number, prompt = range(10)) =>
  drawnAlone(model, prompt, { seed, maxTokens, endTokens: new Set() });

test("more requests than there is room for all get their own tokens", async () => {
  const { loop, start, idle } = setUp();
  const all = range(9).map((i) => ({
    promptTokens: range(5 + 7 * i, i),
    maxTokens: 3 + i,
    sampling: { ...defaultSampling, seed: i },
  }));
  const answers = await Promise.all(all.map((one) => collect(start(one))));
  answers.forEach(({ tokens, done }, i) => {
    expect(tokens).toEqual(alone(i, 3 + i, all[i]!.promptTokens));
    expect(done).toMatchObject({ finishReason: "length", completionTokens: 3 + i });
  });
  expect(idle()).toEqual([0, 0, 0, 0]);
  expect(loop.counts).toMatchObject({ generated: range(9).reduce((sum, i) => sum + 3 + i, 0) });
  expect([loop.queueTimes.stats.count, loop.firstTokenTimes.stats.count]).toEqual([9, 9]);
});

test("a stop string and a stop token end one and leave the others", async () => {
  const { start, idle } = setUp();
  const whole = alone(0, 12);
  const text = fakeTokenizer.decode(whole);
  const [plain, cut, stopped] = await Promise.all([
    collect(start()),
    collect(start({ stopStrings: [text.slice(4, 6)] })),
    collect(start({ stopTokens: [whole[5]!] })),
  ]);
  expect(plain).toMatchObject({ tokens: whole, text });
  expect(cut.text).toBe(text.slice(0, text.indexOf(text.slice(4, 6))));
  expect(cut.done).toMatchObject({ finishReason: "stop", stopString: text.slice(4, 6) });
  expect(stopped.tokens).toEqual(whole.slice(0, whole.indexOf(whole[5]!)));
  await vi.waitFor(() => expect(idle()).toEqual([0, 0, 0, 0]));
});

/** Allows everything but counts; ends after some tokens. */
class Counting implements TokenConstraint {
  readonly accepted: number[] = [];
  asked: number[] = [];
  disposed = 0;
  constructor(
    private readonly most: number,
    private readonly failAt = Number.POSITIVE_INFINITY,
  ) {}
  mask() {
    this.asked.push(this.accepted.length);
    if (this.accepted.length === this.failAt) throw invalidRequest("Too costly.", "grammar");
    return Uint32Array.of(this.accepted.length);
  }
  accept(token: number) {
    this.accepted.push(token);
  }
  get done() {
    return this.accepted.length === this.most;
  }
  fork() {
    return this;
  }
  dispose() {
    this.disposed++;
  }
}

test("a constraint is asked before each draw, after it knows the token before", async () => {
  const { runner, start, idle } = setUp();
  const constraint = new Counting(5);
  const slot = { mask: undefined as Uint32Array | undefined };
  const setMask = runner.sampler.setMask;
  (runner.sampler as { setMask: typeof setMask }).setMask = (at, mask) => {
    slot.mask = mask;
    setMask(at, mask);
  };
  const [limited, plain] = await Promise.all([
    collect(start({}, constraint)),
    collect(start({ maxTokens: 30 })),
  ]);
  expect(limited.tokens).toEqual(alone(0, 5));
  expect(limited.done).toMatchObject({ finishReason: "stop" });
  expect(constraint.asked).toEqual(range(5));
  expect(slot.mask).toEqual(Uint32Array.of(4));
  expect(plain.tokens).toHaveLength(30);
  await vi.waitFor(() => expect(idle()).toEqual([0, 0, 0, 0]));
});

test("a constraint or a sampler that refuses fails its request alone", async () => {
  const { start, idle } = setUp();
  const biases = new Map(range(3).map((i) => [i, 1]));
  const [broken, refused, plain] = await Promise.all([
    collect(start({}, new Counting(9, 3))).catch((error: OmniError) => error),
    collect(start({ sampling: { ...defaultSampling, logitBias: biases } })).catch(
      (error: OmniError) => error,
    ),
    collect(start()),
  ]);
  expect(broken).toMatchObject({ param: "grammar", status: 400 });
  expect(refused).toMatchObject({ param: "logit_bias", status: 400 });
  expect((plain as { tokens: number[] }).tokens).toEqual(alone(0, 12));
  await vi.waitFor(() => expect(idle()).toEqual([0, 0, 0, 0]));
});

test("four steps are on their way, and a reader that does not read stops its stream alone", async () => {
  const { runner, loop, start } = setUp();
  const slow = start({ maxTokens: 150 });
  const fast = await collect(start({ maxTokens: 150, promptTokens: range(20, 50) }));
  expect(fast.tokens).toHaveLength(150);
  expect(runner.deepest).toBe(4);
  // What it had not read, and the steps that were on their way then.
  expect(slow.drawn.length).toBeGreaterThanOrEqual(63);
  expect(slow.drawn.length).toBeLessThan(72);
  expect((await collect(slow)).tokens).toEqual(alone(0, 150));
  loop.remove(slow);
});

test("a failure of the GPU ends all with a reason", async () => {
  const { runner, loop, start } = setUp();
  const all = range(6).map(() => collect(start({ maxTokens: 100 })).catch((error: OmniError) => error));
  await new Promise((resolve) => setTimeout(resolve, 20));
  runner.failure = new OmniError("device_lost", "unplugged");
  for (const answer of await Promise.all(all)) expect(answer).toMatchObject({ code: "device_lost" });
  expect(() => loop.wake()).not.toThrow();
});

test("a request that goes frees its place at once", async () => {
  const { loop, start, idle } = setUp();
  const left = range(6).map(() => start({ maxTokens: 100 }));
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(loop.scheduler.running).toBe(4);
  for (const generation of left) loop.remove(generation);
  expect(idle()).toEqual([0, 0, 0, 0]);
  expect((await collect(start())).tokens).toEqual(alone(0, 12));
});
