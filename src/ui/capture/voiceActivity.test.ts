import { describe, expect, it } from "vitest";
import { VoiceActivity, type VoiceEvent } from "./voiceActivity.ts";

const rate = 16_000;

/** Noise of a level in dB, the same for the same seed. */
function noise(seconds: number, db: number, seed = 1): Float32Array {
  const amplitude = 10 ** (db / 20) * Math.sqrt(3); // uniform noise has a third of its square
  let state = seed;
  return Float32Array.from({ length: Math.round(rate * seconds) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return amplitude * (state / 2 ** 31 - 1);
  });
}

function joined(...parts: Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** All events for samples that come in pieces of an odd size. */
function run(samples: Float32Array, voice = new VoiceActivity(), piece = 683): VoiceEvent[] {
  const events: VoiceEvent[] = [];
  for (let at = 0; at < samples.length; at += piece)
    events.push(...voice.push(samples.subarray(at, at + piece)));
  return events;
}

interface Utterance {
  samples: Float32Array;
  kept: boolean | undefined;
}

function utterances(events: readonly VoiceEvent[]): Utterance[] {
  const found: Utterance[] = [];
  for (const event of events) {
    if (event.type === "start") found.push({ samples: new Float32Array(), kept: undefined });
    const current = found.at(-1)!;
    if (event.type === "samples") current.samples = joined(current.samples, event.samples);
    if (event.type === "end") current.kept = event.kept;
  }
  return found;
}

describe("VoiceActivity", () => {
  const room = -65;

  it("cuts out what is said, with what comes just before it and a pause after it", () => {
    const said = noise(1, -25, 7);
    const stream = joined(noise(2, room), said, noise(2, room, 3));
    const [first, ...others] = utterances(run(stream));
    expect(others).toEqual([]);
    expect(first!.kept).toBe(true);
    // 300 ms before, the second itself, 800 ms after; found within a frame or two.
    expect(first!.samples.length / rate).toBeGreaterThan(1.95);
    expect(first!.samples.length / rate).toBeLessThan(2.2);
    // The samples are those of the stream, none missing, none twice.
    const start = stream.findIndex((_, i) => first!.samples.every((s, k) => k > 50 || s === stream[i + k]));
    expect(start / rate).toBeGreaterThan(1.6);
    expect(start / rate).toBeLessThan(1.95);
    expect(first!.samples).toEqual(stream.slice(start, start + first!.samples.length));
  });

  it("bridges short pauses and parts at long ones", () => {
    const word = noise(0.5, -25, 7);
    const short = joined(noise(1, room), word, noise(0.4, room), word, noise(1.2, room));
    expect(utterances(run(short))).toHaveLength(1);
    const long = joined(noise(1, room), word, noise(1.2, room), word, noise(1.2, room));
    expect(utterances(run(long)).map(({ kept }) => kept)).toEqual([true, true]);
  });

  it("does not keep a click", () => {
    const stream = joined(noise(1, room), noise(0.12, -15, 5), noise(1.5, room));
    expect(utterances(run(stream)).map(({ kept }) => kept)).toEqual([false]);
    const tick = joined(noise(1, room), noise(0.03, -10, 5), noise(1.5, room));
    expect(utterances(run(tick))).toEqual([]);
  });

  it("follows the noise of the room", () => {
    const voice = new VoiceActivity();
    // A fan starts: at first it is heard as speech at most once, then it is the room.
    const before = utterances(run(joined(noise(2, -70), noise(20, -42, 2)), voice));
    expect(before.length).toBeLessThanOrEqual(1);
    run(noise(15, -42, 9), voice);
    expect(voice.isSpeaking).toBe(false);
    expect(voice.floorDb).toBeGreaterThan(-46);
    const spoken = utterances(run(joined(noise(0.8, -20, 4), noise(2, -42, 6)), voice));
    expect(spoken.map(({ kept }) => kept)).toEqual([true]);
  });

  it("hears nothing in silence, and nothing in steady noise from the start", () => {
    expect(run(new Float32Array(rate * 3))).toEqual([]);
    expect(run(noise(5, -58))).toEqual([]);
  });

  it("hears who speaks from the first moment", () => {
    const stream = joined(noise(1, -20), noise(1, room));
    expect(utterances(run(stream)).map(({ kept }) => kept)).toEqual([true]);
  });

  it("ends in time, and when it is told to", () => {
    const voice = new VoiceActivity({ maxMs: 2000 });
    // Loud and soft in turn: a floor that rose to it would end it, too.
    const talk = joined(...Array.from({ length: 20 }, (_, i) => noise(0.25, i % 2 ? -20 : -50, i + 1)));
    const events = run(joined(noise(1, -70), talk), voice);
    const lengths = utterances(events).map(({ samples }) => samples.length / rate);
    expect(lengths[0]).toBeCloseTo(2, 1);
    expect(voice.isSpeaking).toBe(true);
    expect(voice.flush()).toEqual([{ type: "end", kept: true }]);
    expect(voice.flush()).toEqual([]);
  });

  it("does not take NaN for speech", () => {
    const voice = new VoiceActivity();
    expect(run(new Float32Array(rate).fill(Number.NaN), voice)).toEqual([]);
    expect(utterances(run(joined(noise(1, room), noise(1, -20), noise(1, room)), voice))).toHaveLength(1);
  });
});
