import { describe, expect, it, vi } from "vitest";
import { ChangeTrigger, changedShare, comparedSize, greyOf } from "./frameChange.ts";
import { FrameWindow } from "./frameWindow.ts";
import { levelDb, meterShare, SilenceWatch, silenceDb } from "./level.ts";
import { captureProblem, openDevice } from "./problem.ts";
import { Recording } from "./recording.ts";
import { tapCapture, toTaps } from "./taps.ts";
import { waveFile } from "./waveFile.ts";

describe("waveFile", () => {
  it("writes a header and clipped 16-bit samples", async () => {
    const blob = waveFile(Float32Array.of(0, 0.5, -0.5, 1, -1, 2, -3), 16_000);
    expect(blob.type).toBe("audio/wav");
    const view = new DataView(await blob.arrayBuffer());
    const text = (at: number) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
    expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
    expect(view.byteLength).toBe(44 + 14);
    expect(view.getUint32(4, true)).toBe(view.byteLength - 8);
    expect(view.getUint32(40, true)).toBe(14);
    // PCM, one channel, 16 kHz, 32,000 bytes a second, 2 bytes a frame, 16 bits.
    expect([20, 22, 32, 34].map((at) => view.getUint16(at, true))).toEqual([1, 1, 2, 16]);
    expect([24, 28].map((at) => view.getUint32(at, true))).toEqual([16_000, 32_000]);
    const samples = Array.from({ length: 7 }, (_, i) => view.getInt16(44 + 2 * i, true));
    expect(samples).toEqual([0, 16_384, -16_383, 32_767, -32_767, 32_767, -32_767]);
  });
});

describe("Recording", () => {
  it("joins copies of its pieces and stops at its limit", () => {
    const recording = new Recording(10, 1);
    const piece = Float32Array.of(1, 2, 3, 4);
    recording.add(piece);
    piece.fill(9);
    recording.add(Float32Array.of(5, 6, 7, 8));
    expect(recording.seconds).toBe(0.8);
    expect(recording.isFull).toBe(false);
    expect([...recording.add(Float32Array.of(9, 10, 11, 12))]).toEqual([9, 10]);
    expect(recording.isFull).toBe(true);
    expect(recording.add(Float32Array.of(13))).toHaveLength(0);
    expect([...recording.samples()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe("levels", () => {
  it("are root mean squares in dB", () => {
    expect(levelDb(Float32Array.of(1, -1))).toBeCloseTo(0);
    expect(levelDb(Float32Array.of(0.1, -0.1))).toBeCloseTo(-20, 4);
    expect(levelDb(new Float32Array(8))).toBe(silenceDb);
    expect(levelDb(new Float32Array())).toBe(silenceDb);
    expect(levelDb(Float32Array.of(1, Number.NaN))).toBe(silenceDb);
    expect([-90, -60, -33, -6, 0].map(meterShare)).toEqual([0, 0, 0.5, 1, 1]);
  });

  it("tell a silent microphone from a quiet room", () => {
    const watch = new SilenceWatch(-75, 3);
    expect(watch.push(silenceDb, 2)).toBe(false);
    expect(watch.push(-70, 1)).toBe(false);
    expect(watch.push(silenceDb, 2.5)).toBe(false);
    expect(watch.push(Number.NaN, 0.5)).toBe(true);
    expect(watch.push(-40, 0.1)).toBe(false);
  });
});

describe("FrameWindow", () => {
  it("keeps the last frames, oldest first", () => {
    const window = new FrameWindow<string>(3);
    expect([window.frames, window.spanMs]).toEqual([[], 0]);
    for (const [i, frame] of ["a", "b", "c", "d"].entries()) window.push(frame, i * 500);
    expect([window.frames, window.spanMs]).toEqual([["b", "c", "d"], 1000]);
    window.clear();
    expect(window.frames).toEqual([]);
  });

  it("forgets what is too old", () => {
    const window = new FrameWindow<string>(8, 4000);
    window.push("a", 0);
    window.push("b", 1000);
    window.push("c", 4500);
    expect(window.frames).toEqual(["b", "c"]);
  });
});

/** A grey picture with a square of another brightness. */
function picture(background: number, square?: { at: number; size: number; grey: number }): Uint8Array {
  const { width, height } = comparedSize;
  const grey = new Uint8Array(width * height).fill(background);
  if (square)
    for (let y = 4; y < 4 + square.size; y++)
      grey.fill(square.grey, y * width + square.at, y * width + square.at + square.size);
  return grey;
}

describe("changes between frames", () => {
  it("are shares of pixels, whatever the light", () => {
    const { width, height } = comparedSize;
    const before = picture(100, { at: 2, size: 8, grey: 200 });
    expect(changedShare(before, before)).toBe(0);
    expect(changedShare(before, picture(140, { at: 2, size: 8, grey: 240 }))).toBe(0);
    // The square left one place and takes another.
    expect(changedShare(before, picture(100, { at: 20, size: 8, grey: 200 }))).toBeCloseTo(
      128 / (width * height),
    );
    expect(changedShare([], [])).toBe(0);
  });

  it("weigh colours as eyes do", () => {
    const rgba = Uint8ClampedArray.of(255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 0);
    expect([...greyOf(rgba)]).toEqual([76, 150, 29, 255]);
  });

  it("trigger once they last, and not again before a pause", () => {
    const trigger = new ChangeTrigger({ threshold: 0.05, frames: 2, coolDownMs: 3000 });
    const empty = picture(90);
    const there = picture(90, { at: 5, size: 9, grey: 220 });
    let atMs = 0;
    const push = (frame: Uint8Array) => {
      atMs += 500;
      return trigger.push(frame, atMs);
    };
    expect([push(empty), push(empty)]).toEqual([false, false]);
    expect([push(there), push(empty), push(there)]).toEqual([false, false, false]); // flickers
    expect([push(there), push(there), push(there)]).toEqual([true, false, false]);
    // It leaves during the pause: told after it.
    expect([push(empty), push(empty), push(empty)]).toEqual([false, false, false]);
    expect(push(empty)).toBe(true);
    expect(push(empty)).toBe(false);
  });

  it("do not trigger where the light changes slowly", () => {
    const trigger = new ChangeTrigger({ coolDownMs: 0 });
    for (let i = 0; i < 60; i++)
      expect(trigger.push(picture(60, { at: 5, size: 9, grey: 70 + 2 * i }), i * 500), `frame ${i}`).toBe(
        false,
      );
  });
});

describe("problems of devices", () => {
  it("are told apart by the names of their errors", () => {
    const of = (name: string) => captureProblem(new DOMException("", name));
    expect(of("NotAllowedError")).toBe("denied");
    expect(of("NotFoundError")).toBe("noDevice");
    expect(of("OverconstrainedError")).toBe("noDevice");
    expect(of("NotReadableError")).toBe("inUse");
    expect(captureProblem(new TypeError("?"))).toBe("failed");
    expect(captureProblem(undefined)).toBe("failed");
  });

  it("include browsers that have none", async () => {
    vi.stubGlobal("navigator", {});
    const problem = await openDevice({ audio: true }).then(() => "opened", captureProblem);
    vi.unstubAllGlobals();
    expect(problem).toBe("unavailable");
  });
});

describe("taps", () => {
  it("hear until they are closed", () => {
    const heard: unknown[] = [];
    const end = tapCapture({ onSamples: (...told) => heard.push(told) });
    const samples = Float32Array.of(1);
    toTaps.onSamples("r", samples, 5);
    toTaps.onFrame(new Blob());
    end();
    toTaps.onSamples("r", samples, 6);
    expect(heard).toEqual([["r", samples, 5]]);
  });
});
