import { describe, expect, it } from "vitest";
import { en as page } from "../i18n/en.ts";
import { formatClock } from "../i18n/media/index.ts";
import { zh as zhPage } from "../i18n/zh.ts";
import type { InputKind } from "../state/inputs.ts";
import { fileProblemText } from "./attachFiles.ts";
import { audioFormat, fileKind } from "./fileKind.ts";
import { attachmentLimits, checkFile, checkLength, FileError, type FileProblem, isTaken } from "./limits.ts";

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const everything: InputKind[] = ["text", "image", "audio", "video"];

describe("fileKind", () => {
  const kind = (text: string, declared = "") => fileKind(bytes(text), declared);

  it("goes by the bytes, not by the name", () => {
    expect(kind("\x89PNG\r\n\x1a\n", "audio/mpeg")).toEqual({ kind: "image", type: "image/png" });
    expect(kind("\xff\xd8\xff\xe0")).toEqual({ kind: "image", type: "image/jpeg" });
    expect(kind("GIF89a")).toEqual({ kind: "image", type: "image/gif" });
    expect(kind("RIFF\0\0\0\0WEBPVP8 ")).toEqual({ kind: "image", type: "image/webp" });
    expect(kind("RIFF\0\0\0\0WAVEfmt ", "image/png")).toEqual({ kind: "audio", type: "audio/wav" });
    expect(kind("fLaC")).toEqual({ kind: "audio", type: "audio/flac" });
    expect(kind("ID3\x04")).toEqual({ kind: "audio", type: "audio/mpeg" });
    expect(kind("\xff\xfb\x90\x00")).toEqual({ kind: "audio", type: "audio/mpeg" });
    expect(kind("OggS")).toEqual({ kind: "audio", type: "audio/ogg" });
    expect(kind("\0\0\0\x1cftypM4A ")).toEqual({ kind: "audio", type: "audio/mp4" });
    expect(kind("\0\0\0\x1cftypisom")).toEqual({ kind: "video", type: "video/mp4" });
    expect(kind("\x1a\x45\xdf\xa3")).toEqual({ kind: "video", type: "video/webm" });
    expect(kind("\x1a\x45\xdf\xa3", "audio/webm")).toEqual({ kind: "audio", type: "audio/webm" });
  });

  it("leaves what only has the name of a picture or sound to those who read them", () => {
    expect(kind("<!doctype html>", "image/png")).toEqual({ kind: "image", type: "image/png" });
    expect(kind("<svg", "image/svg+xml")?.kind).toBe("image");
    expect(kind("\0\0\0\x1cftypheic", "image/heic")?.kind).toBe("image");
    expect(kind("hello", "audio/wav")?.kind).toBe("audio");
    expect(kind("hello", "text/plain")).toBeUndefined();
    expect(kind("", "")).toBeUndefined();
  });

  it("has the API's names for sounds", () => {
    expect(["audio/wav", "audio/mpeg", "audio/mp4", "audio/flac"].map(audioFormat)).toEqual([
      ...["wav", "mp3", "m4a", "flac"],
    ]);
    expect(audioFormat("audio/midi")).toBeUndefined();
  });
});

describe("limits", () => {
  const problem = (check: () => void): FileProblem | undefined => {
    try {
      check();
      return undefined;
    } catch (thrown) {
      if (thrown instanceof FileError) return thrown.problem;
      throw thrown;
    }
  };
  const { maxBytes, maxSeconds } = attachmentLimits;

  it("of size, up to the last byte", () => {
    expect(problem(() => checkFile("image", 0, everything))).toEqual({ type: "empty" });
    expect(problem(() => checkFile("image", maxBytes.image, everything))).toBeUndefined();
    expect(problem(() => checkFile("video", maxBytes.video + 1, everything))).toEqual({
      ...{ type: "tooLarge", maxBytes: maxBytes.video },
    });
  });

  it("of what the model takes", () => {
    expect(problem(() => checkFile("audio", 5, ["text", "image"]))).toEqual({
      type: "notTaken",
      kind: "audio",
    });
    expect(isTaken("frames", ["text", "image"])).toBe(true);
    expect(isTaken("frames", ["text", "video"])).toBe(true);
    expect(isTaken("frames", ["text", "audio"])).toBe(false);
    expect(isTaken("video", ["text", "image"])).toBe(false);
  });

  it("of length; a two-hour video is too long", () => {
    expect(problem(() => checkLength("video", 7200, everything))).toEqual({
      ...{ type: "tooLong", seconds: 7200, maxSeconds: maxSeconds.video },
    });
    expect(problem(() => checkLength("audio", maxSeconds.audio, everything))).toBeUndefined();
    expect(problem(() => checkLength("video", undefined, everything))).toBeUndefined();
  });

  it("are wider for models that only write down", () => {
    expect(problem(() => checkFile("audio", 1.3e9, ["audio"]))).toBeUndefined();
    expect(problem(() => checkLength("audio", 7200, ["audio"]))).toBeUndefined();
    expect(problem(() => checkFile("audio", 3e9, ["audio"]))?.type).toBe("tooLarge");
  });

  it("are told with the name of the file", () => {
    const text = (problem: FileProblem) => fileProblemText(page, "cat.png", problem, "tiny");
    expect(text({ type: "empty" })).toBe("“cat.png” is empty (0 bytes).");
    expect(text({ type: "tooLong", seconds: 7200, maxSeconds: 600 })).toBe(
      "“cat.png” lasts 120:00; at most 10:00 can be attached.",
    );
    expect(text({ type: "notTaken", kind: "audio" })).toBe(
      "“cat.png” was left out: tiny does not take sound.",
    );
    expect(text({ type: "tooLarge", maxBytes: 67_108_864 })).toBe("“cat.png” is larger than 67 MB.");
    expect(text({ type: "detail", message: "Damaged." })).toBe("“cat.png”: Damaged.");
    expect(fileProblemText(zhPage, "cat.png", { type: "tooMany", max: 16 }, "tiny")).toContain("16");
  });

  it("has clocks", () => {
    expect([0, 7.4, 59.6, 61, 3600].map(formatClock)).toEqual(["0:00", "0:07", "1:00", "1:01", "60:00"]);
  });
});
