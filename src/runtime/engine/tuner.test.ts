import { expect, test } from "vitest";
import type { Variant } from "../gpu/tuning.ts";
import { Tuner, type TunerHost, type TuningTask } from "./tuner.ts";
import { agree, isEvidence } from "./tuningResults.ts";

interface FakeVariant {
  name: string;
  /** Milliseconds of a call. */
  cost: number;
  results?: number[];
  failure?: string;
}

const right = [1, -2, 3];

/** A task whose first candidate is in use. */
class FakeTask implements TuningTask {
  readonly chosen: Variant;
  readonly timed: string[] = [];
  ended = false;
  /** Called with every measurement. */
  onTime = () => {};

  constructor(
    readonly key: string,
    readonly candidates: readonly FakeVariant[],
  ) {
    this.chosen = candidates[0]!;
  }

  async prepare(variant: Variant) {
    const { name, cost, results = right, failure } = variant as FakeVariant;
    if (failure) throw new Error(failure);
    return {
      time: async (calls: number) => {
        this.timed.push(name);
        this.onTime();
        return cost * calls;
      },
      results: async () => [Float32Array.from(results)],
    };
  }

  end() {
    this.ended = true;
  }
}

class FakeHost implements TunerHost {
  idle = true;
  requests = 0;
  applied = 0;
  readonly choices: Record<string, Variant> = {};

  constructor(private readonly all: TuningTask[]) {}

  tasks() {
    return this.all;
  }
  async choose(key: string, variant: Variant) {
    this.choices[key] = variant;
  }
  async apply(quiet: () => Promise<void>) {
    await quiet();
    this.applied++;
  }
}

const nameOf = (variant: Variant | undefined) => (variant as FakeVariant | undefined)?.name;

async function tune(task: FakeTask, options = {}) {
  const host = new FakeHost([task]);
  const tuner = new Tuner(host, { idleMs: 1, ...options });
  await tuner.done;
  return { host, tuner, chosen: nameOf(host.choices[task.key]) };
}

test("the fastest variant is chosen and put to use once", async () => {
  const task = new FakeTask("k", [
    { name: "default", cost: 1 },
    { name: "slow", cost: 5 },
    { name: "fastest", cost: 0.5 },
    { name: "fast", cost: 0.7 },
  ]);
  const { host, tuner, chosen } = await tune(task);
  expect(chosen).toBe("fastest");
  expect(host.applied).toBe(1);
  expect(task.ended).toBe(true);
  expect(tuner.stats).toEqual({ state: "done", rejected: [] });
  // Once to warm up and once to see that it is hopeless.
  expect(task.timed.filter((name) => name === "slow")).toHaveLength(2);
});

test("a gain that may be noise changes nothing, and is not measured again", async () => {
  const task = new FakeTask("k", [
    { name: "default", cost: 1 },
    { name: "hardly", cost: 0.96 },
  ]);
  const { host, chosen } = await tune(task);
  expect(chosen).toBe("default");
  expect(host.applied).toBe(0);
});

test("variants that compute something else, or nothing, are refused however fast they are", async () => {
  const task = new FakeTask("k", [
    { name: "default", cost: 1 },
    { name: "wrong", cost: 0.1, results: [1, -2, 3.1] },
    { name: "nan", cost: 0.1, results: [1, Number.NaN, 3] },
    { name: "broken", cost: 0.1, failure: "does not compile" },
    { name: "rounded", cost: 0.8, results: [1, -2.00001, 3] },
  ]);
  const { tuner, chosen } = await tune(task);
  expect(chosen).toBe("rounded");
  expect(task.timed).not.toContain("wrong");
  expect(tuner.stats.rejected.map(({ variant, reason }) => [nameOf(variant), reason])).toEqual([
    ["wrong", "Its results are wrong."],
    ["nan", "Its results are wrong."],
    ["broken", "does not compile"],
  ]);
});

test("where results are no evidence, nothing is chosen", async () => {
  for (const results of [
    [0, 0, 0],
    [1, Number.POSITIVE_INFINITY, 2],
  ]) {
    const task = new FakeTask("k", [
      { name: "default", cost: 1, results },
      { name: "fast", cost: 0.1, results },
    ]);
    expect((await tune(task)).chosen).toBeUndefined();
    expect(task.timed).toEqual([]);
  }
});

test("nothing is measured while a request runs, and what it disturbed is measured again", async () => {
  const task = new FakeTask("k", [
    { name: "default", cost: 1 },
    { name: "fast", cost: 0.5 },
  ]);
  const host = new FakeHost([task]);
  host.idle = false;
  const tuner = new Tuner(host, { idleMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(task.timed).toEqual([]);
  expect(tuner.stats.state).toBe("waiting");

  let whileBusy = -1;
  task.onTime = () => {
    if (task.timed.length !== 5) return;
    host.requests++;
    host.idle = false;
    setTimeout(() => {
      whileBusy = task.timed.length;
      host.idle = true;
    }, 20);
  };
  host.idle = true;
  await tuner.done;
  expect(whileBusy).toBe(5);
  expect(task.timed[5]).toBe(task.timed[4]);
  expect(nameOf(host.choices.k)).toBe("fast");
});

test("it stops when told, between two measurements", async () => {
  const task = new FakeTask("k", [
    { name: "default", cost: 1 },
    { name: "fast", cost: 0.5 },
  ]);
  const host = new FakeHost([task]);
  const tuner = new Tuner(host, { idleMs: 10_000 });
  tuner.stop();
  await tuner.done;
  expect(tuner.stats.state).toBe("stopped");
  expect(task.timed).toEqual([]);
  expect(task.ended).toBe(true);
  expect(host.choices).toEqual({});
});

test("no more candidates are measured than allowed", async () => {
  const task = new FakeTask("k", [
    { name: "default", cost: 1 },
    { name: "fast", cost: 0.5 },
    { name: "fastest", cost: 0.1 },
  ]);
  expect((await tune(task, { maxCandidates: 2 })).chosen).toBe("fast");
});

test("results agree up to rounding, with outliers and all", () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) * (i === 7 ? 100 : 1));
  expect(agree([values], [values.map((value) => value * (1 + 1e-6) + 1e-6)])).toBe(true);
  expect(agree([values], [values.map((value, i) => (i === 500 ? value + 0.1 : value))])).toBe(false);
  expect(agree([values], [values.subarray(1)])).toBe(false);
  expect(agree([values], [])).toBe(false);
  expect(isEvidence([values])).toBe(true);
  expect(isEvidence([values, new Float32Array(3)])).toBe(true);
  expect(isEvidence([new Float32Array(3), values])).toBe(false);
  expect(isEvidence([values, Float32Array.of(1, Number.NaN)])).toBe(false);
  expect(isEvidence([])).toBe(false);
});
