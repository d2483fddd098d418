/** Requests in slots, as the engine runs them: steps recorded once, replayed in flight, equal to the CPU's sampler. */

import { describe, expect, onTestFinished, test } from "vitest";
import { casesHere, openTestGpu } from "../../kernels/testing/harness.ts";
import { randomValues } from "../../kernels/testing/random.ts";
import { BufferArena } from "../gpu/buffers.ts";
import { Recording } from "../gpu/recording.ts";
import { GpuSampler, type GpuSamplerOptions, givenToken, noSlot, type SampledRow } from "./gpuSampler.ts";
import { Readback } from "./readback.ts";
import { Sampler, tokenLogprob } from "./sampler.ts";
import { defaultSampling, type SamplingParams } from "./types.ts";

const params = (changes: Partial<SamplingParams>): SamplingParams => ({
  ...defaultSampling,
  seed: 11,
  ...changes,
});

interface StepRow {
  slot: number;
  draw: number;
}

/** A sampler with a recorded step of up to `maxOutputs` rows over logits that stay as they are. */
async function setUp(logits: Float32Array, changes: Partial<GpuSamplerOptions> & { vocab: number }) {
  const { gpu } = await openTestGpu();
  const options = { slots: 4, maxOutputs: 4, maxTopLogprobs: 20, contextLength: 200, ...changes };
  const sampler = new GpuSampler(gpu, options);
  const arena = new BufferArena(gpu, "test");
  const readback = new Readback(gpu);
  onTestFinished(() => {
    for (const { destroy } of [sampler, arena, readback].map((o) => ({ destroy: () => o.destroy() })))
      destroy();
  });
  const { maxOutputs, vocab } = options;
  const size = arena.tensor("size", "u32", [4], GPUBufferUsage.UNIFORM);
  const rowSlots = arena.tensor("slots", "u32", [maxOutputs]);
  const rowDraws = arena.tensor("draws", "u32", [maxOutputs]);
  const input = arena.tensor("logits", "f32", [maxOutputs, vocab]);
  gpu.device.queue.writeBuffer(input.buffer, 0, logits as Float32Array<ArrayBuffer>);
  const rec = new Recording(gpu, size, { tokens: 1, outputs: maxOutputs });
  sampler.record(rec, { logits: input, rowSlots, rowDraws }, "test");
  await rec.compile();
  /** Submits a step at once; what waits for its rows. */
  const step = (rows: StepRow[]): Promise<(SampledRow | undefined)[]> => {
    const write = (buffer: GPUBuffer, words: number[]) =>
      gpu.device.queue.writeBuffer(buffer, 0, Uint32Array.from(words));
    write(size.buffer, [1, rows.length]);
    write(
      rowSlots.buffer,
      rows.map(({ slot }) => slot),
    );
    write(
      rowDraws.buffer,
      rows.map(({ draw }) => draw),
    );
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    rec.encode(pass, { tokens: 1, outputs: rows.length });
    pass.end();
    const wait = readback.copy(encoder, sampler.results, sampler.resultBytes(rows.length));
    gpu.device.queue.submit([encoder.finish()]);
    return wait().then((bytes) => sampler.parse(bytes, rows.length));
  };
  const sampled = async () => {
    const encoder = gpu.device.createCommandEncoder();
    const wait = readback.copy(encoder, sampler.sampled, options.slots * 4);
    gpu.device.queue.submit([encoder.finish()]);
    return [...new Uint32Array(await wait())];
  };
  return { sampler, step, sampled, rec };
}

const rowOf = (logits: Float32Array, vocab: number, row: number) =>
  logits.subarray(row * vocab, (row + 1) * vocab);

describe("requests in slots", () => {
  const vocab = 1003;
  const logits = randomValues(1, 4 * vocab, 0.03); // flat enough for draws to differ
  const requests: [SamplingParams, number[]][] = [
    [params({ repetitionPenalty: 1.3, frequencyPenalty: 0.2, temperature: 1.2 }), [5, 6, 5, 2000]],
    [params({ temperature: 0, presencePenalty: 1.5, repetitionPenalty: 1.1 }), [9]],
    [
      params({
        topP: 0.9,
        topK: 50,
        logitBias: new Map([
          [3, 4],
          [700, -100],
          [5000, 1],
        ]),
        seed: -5,
      }),
      [1],
    ],
    [params({ minP: 0.02, frequencyPenalty: -0.5, seed: 2 ** 40 + 1 }), [1]],
  ];

  test("steps in flight draw what each request draws alone on the CPU", async () => {
    const { sampler, step, sampled, rec } = await setUp(logits, { vocab });
    expect(rec.dispatchCount).toBe(2);
    const slots = requests.map(([p, prompt]) => sampler.open(p, prompt));
    expect(new Set(slots).size).toBe(4);
    const steps = Array.from({ length: 40 }, (_, draw) => step(slots.map((slot) => ({ slot, draw }))));
    const tokens = (await Promise.all(steps)).map((rows) => rows.map((row) => row!.token));
    requests.forEach(([p, prompt], r) => {
      const cpu = new Sampler(p, prompt);
      const expected = Array.from({ length: 40 }, () => cpu.sample(rowOf(logits, vocab, r)));
      expect(tokens.map((row) => row[r])).toEqual(expected);
      expect(new Set(expected).size).toBeGreaterThan(5);
    });
    const last = tokens.at(-1)!;
    expect(slots.map((slot, r) => [slot, last[r]]).sort()).toEqual((await sampled()).map((t, i) => [i, t]));
  });

  test("overshoot is drawn again by its number; a closed request goes on; rows may be left out", async () => {
    const { sampler, step } = await setUp(logits, { vocab });
    const [p, prompt] = requests[0]!;
    const cpu = new Sampler(p, prompt);
    const expected = Array.from({ length: 12 }, () => cpu.sample(rowOf(logits, vocab, 0)));
    const draw = async (slot: number, from: number, to: number) => {
      const tokens: (number | undefined)[] = [];
      for (let n = from; n < to; n++) {
        const [row, none] = await step([
          { slot, draw: n },
          { slot: noSlot, draw: 0 },
        ]);
        tokens.push(row!.token);
        expect(row!.logprob).toBeUndefined();
        expect(none).toBeUndefined();
      }
      return tokens;
    };
    const slot = sampler.open(p, prompt);
    expect(await draw(slot, 0, 8)).toEqual(expected.slice(0, 8));
    expect(await draw(slot, 4, 8)).toEqual(expected.slice(4, 8));
    sampler.close(slot);
    const other = sampler.open(params({ seed: 1 }), []);
    await draw(other, 0, 5);
    const again = sampler.open(p, prompt, { drawn: expected.slice(0, 6) });
    expect(await draw(again, 6, 12)).toEqual(expected.slice(6));
  });

  test("masks hold until they change; one that leaves nothing is reported", async () => {
    const { sampler, step } = await setUp(logits, { vocab });
    const slot = sampler.open(params({}), [], { topLogprobs: 2 });
    const token = async (draw: number) => (await step([{ slot, draw }]))[0]!.token;
    const mask = new Uint32Array(Math.ceil(vocab / 32));
    mask[31] = 1 << 10;
    sampler.setMask(slot, mask);
    expect([await token(0), await token(1)]).toEqual([1002, 1002]);
    mask[31] = 0;
    sampler.setMask(slot, mask);
    expect(await token(2)).toBeUndefined();
    sampler.setMask(slot, Uint32Array.of(0, 4));
    expect(await token(3)).toBe(34);
    sampler.setMask(slot, undefined);
    const free = await Promise.all([4, 5, 6, 7].map(token));
    expect(new Set(free).size).toBeGreaterThan(1);
    // The next request in this slot has no mask.
    sampler.setMask(slot, Uint32Array.of(1));
    sampler.close(slot);
    expect(sampler.open(params({ seed: 12 }), [])).toBe(slot);
    const cpu = new Sampler(params({ seed: 12 }), []);
    expect(await token(0)).toBe(cpu.sample(rowOf(logits, vocab, 0)));
  });

  test("what cannot be opened is said", async () => {
    const { sampler } = await setUp(logits, { vocab });
    const many = new Map(Array.from({ length: vocab }, (_, i) => [i, 1] as const));
    expect(sampler.open(params({ logitBias: new Map([...many].slice(0, 1000)) }), [])).toBe(0);
    for (let i = 1; i < 4; i++) sampler.open(params({}), []);
    expect(() => sampler.open(params({}), [])).toThrow("All 4 sampling slots are taken");
    sampler.close(2);
    expect(() => sampler.close(2)).toThrow("slot 2 is not open");
    expect(sampler.sizeBytes).toBeGreaterThan(0);
  });
});

describe("log-probabilities", () => {
  test.each(casesHere([7, 4096, 20_001], [4096]))(
    "within 1e-5 of double precision, vocabulary of %i",
    async (vocab) => {
      const logits = randomValues(vocab, 4 * vocab);
      for (let i = vocab; i < 2 * vocab; i++) logits[i] = logits[i]! * 500; // all but one are improbable
      for (let i = 2 * vocab; i < 3 * vocab; i++) logits[i] = Math.round(logits[i]!); // ties
      logits[3 * vocab] = Number.NaN;
      logits[3 * vocab + 1] = Number.NEGATIVE_INFINITY;
      const { sampler, step } = await setUp(logits, { vocab });
      const changes = { temperature: 0.5, topK: 3, logitBias: new Map([[2, 30]]), repetitionPenalty: 1.5 };
      const slots = [0, 5, 20, 20].map((topLogprobs) => sampler.open(params(changes), [4], { topLogprobs }));
      const draws = [0, 0, 0, givenToken + 6];
      const rows = await step(slots.map((slot, r) => ({ slot, draw: draws[r]! })));
      rows.forEach((row, r) => {
        const token = r === 3 ? 6 : row!.token!;
        const expected = tokenLogprob(rowOf(logits, vocab, r), token, [0, 5, 20, 20][r]!);
        const { logprob, top } = row!.logprob!;
        expect(row!.logprob!.token).toBe(token);
        expect(Math.abs(logprob - expected.logprob)).toBeLessThan(1e-5);
        expect(top.map((t) => t.token)).toEqual(expected.top.map((t) => t.token));
        top.forEach((t, i) => {
          expect(Math.abs(t.logprob - expected.top[i]!.logprob)).toBeLessThan(1e-5);
        });
      });
      expect(rows[3]!.logprob!.top.length).toBe(Math.min(20, vocab - 2));
    },
  );
});

test("frequencies follow softmax", async () => {
  const vocab = 40;
  const row = Float32Array.from({ length: vocab }, (_, i) => Math.sin(i * 7.1) * 2);
  const logits = Float32Array.from({ length: 64 * vocab }, (_, i) => row[i % vocab]!);
  const { sampler, step } = await setUp(logits, { vocab, slots: 64, maxOutputs: 64, contextLength: 8 });
  const temperature = 1.3;
  const slots = Array.from({ length: 64 }, (_, seed) => sampler.open(params({ seed, temperature }), []));
  const counts = new Array<number>(vocab).fill(0);
  const steps = Array.from({ length: 150 }, (_, draw) => step(slots.map((slot) => ({ slot, draw }))));
  const drawn = (await Promise.all(steps)).flat();
  for (const row of drawn) counts[row!.token!]! += 1;
  const weights = [...row].map((l) => Math.exp(l / temperature));
  const total = weights.reduce((a, b) => a + b);
  let chiSquare = 0;
  counts.forEach((count, i) => {
    const expected = (drawn.length * weights[i]!) / total;
    chiSquare += (count - expected) ** 2 / expected;
  });
  // 39 degrees of freedom: above 72 once in a thousand.
  expect(chiSquare).toBeLessThan(72);
  expect(chiSquare).toBeGreaterThan(10);
});
