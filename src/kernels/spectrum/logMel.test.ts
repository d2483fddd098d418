import { describe, expect, it } from "vitest";
import { compare } from "../testing/compare.ts";
import { expectUntouched, openTestGpu, testVariants } from "../testing/harness.ts";
import { seededRandom } from "../testing/random.ts";
import { logMelRef } from "./logMel.ref.ts";
import { type LogMelArgs, logMel, logMelLargestShape, logMelTables, whisperSpec } from "./logMel.ts";
import { melFilters } from "./melFilters.ts";

const tokens = { of: "tokens" } as const;

/** A glide of a voice-like sound with breaths of noise, then silence: loud and quiet bins, and what the floor cuts off. */
function sound(count: number): Float32Array {
  const random = seededRandom(count);
  let phase = 0;
  return Float32Array.from({ length: count }, (_, i) => {
    const t = i / 16000;
    if (i > 0.8 * count) return 0;
    phase += (2 * Math.PI * (120 + 80 * Math.sin(9 * t))) / 16000;
    const voice = [1, 0.5, 0.3, 0.1, 0.05].reduce((sum, a, h) => sum + a * Math.sin((h + 1) * phase), 0);
    return 0.3 * voice * Math.sin(4 * t) ** 2 + 0.01 * random.normal();
  });
}

describe.each(testVariants)("logMel, $name", (variant) => {
  it.each([
    [80, 2],
    [80, 99],
    [128, 64],
  ])("%i mels of %i frames", async (mels, frames) => {
    const t = await openTestGpu(variant);
    const spec = whisperSpec(mels);
    const samples = sound(frames * spec.hopSize);
    const tables = logMelTables(spec);
    const out = t.output([frames + 3, mels]);
    const args: LogMelArgs = {
      samples: t.f32([(frames + 3) * 160], [...samples, ...Array(480).fill(Number.NaN)]),
      tables: t.f32([tables.length], tables),
      largest: t.output(logMelLargestShape(frames + 3)),
      ...{ spec, out, rows: tokens },
    };
    const maxStep = { tokens: frames + 3, outputs: 0 };
    await t.run((rec) => logMel(rec, args, "test"), { tokens: frames, outputs: 0 }, { maxStep, times: 2 });
    // Rounding shows where a bin is 80 dB below the rest of its frame.
    const expected = logMelRef(samples, melFilters(spec), spec);
    const actual = await t.read(out);
    compare(actual.subarray(0, expected.length), expected, { max: 5e-5, nmse: 1e-11 });
    expectUntouched(actual.subarray(expected.length));
  });
});

it("silence is -1.5 everywhere", async () => {
  const t = await openTestGpu();
  const spec = whisperSpec(80);
  const tables = logMelTables(spec);
  const out = t.output([5, 80]);
  const args: LogMelArgs = {
    samples: t.f32([800], new Float32Array(800)),
    tables: t.f32([tables.length], tables),
    largest: t.output(logMelLargestShape(5)),
    ...{ spec, out, rows: tokens },
  };
  await t.run((rec) => logMel(rec, args, "test"), { tokens: 5, outputs: 0 });
  for (const value of await t.read(out)) expect(value).toBeCloseTo(-1.5, 6);
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const spec = whisperSpec(80);
  const length = logMelTables(spec).length;
  const run = (args: Partial<LogMelArgs>) =>
    t.run(
      (rec) => {
        const shapes = { samples: t.output([640]), tables: t.output([length]), largest: t.output([2]) };
        logMel(rec, { ...shapes, spec, out: t.output([4, 80]), rows: tokens, ...args }, "audio");
      },
      { tokens: 4, outputs: 0 },
    );
  await run({});
  await expect(run({ samples: t.output([639]) })).rejects.toThrow(/audio.*\(639\).*640 or more/);
  await expect(run({ tables: t.output([80]) })).rejects.toThrow(/tables.*\(80\)/);
  await expect(run({ largest: t.output([1]) })).rejects.toThrow(/largest.*\(1\).*\(2\)/);
  await expect(run({ out: t.output([4, 79]) })).rejects.toThrow(/out.*\(4, 79\).*80/);
  await expect(run({ spec: { ...spec, mels: 82 } })).rejects.toThrow(/mels is 82/);
  await expect(run({ spec: { ...spec, frameSize: 1024 } })).rejects.toThrow(/frameSize is 1024/);
});
