import { describe, expect, it } from "vitest";
import {
  createSettings,
  defaultSampling,
  defaultSettings,
  isSamplingValue,
  type KeyValue,
  parseSamplingText,
  parseSettings,
  samplingFields,
} from "./settings.ts";

function memory(): KeyValue & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: (key) => void entries.delete(key),
  };
}

describe("sampling fields", () => {
  it("have valid defaults", () => {
    for (const field of samplingFields)
      expect(isSamplingValue(field, defaultSampling[field]), field).toBe(true);
  });

  it("take numbers within their range", () => {
    expect(parseSamplingText("temperature", " 0,75 ")).toEqual({ value: 0.75 });
    expect(parseSamplingText("topK", "0")).toEqual({ value: 0 });
    expect(parseSamplingText("seed", "4294967295")).toEqual({ value: 4_294_967_295 });
    expect(parseSamplingText("maxTokens", "")).toEqual({ value: undefined });
  });

  it.each([
    ["temperature", "2.01"],
    ["temperature", ""],
    ["temperature", "warm"],
    ["temperature", "NaN"],
    ["topP", "0"],
    ["topK", "1.5"],
    ["minP", "-0.1"],
    ["maxTokens", "0"],
    ["seed", "Infinity"],
  ] as const)("refuse %s = %j", (field, text) => {
    expect(parseSamplingText(field, text)).toEqual({ invalid: true });
  });
});

describe("stored settings", () => {
  it("survive a reload", () => {
    const storage = memory();
    const fail = () => expect.unreachable();
    createSettings(storage, fail).update({
      language: "zh",
      theme: "dark",
      systemPrompt: "Answer in rhyme.",
      sampling: { ...defaultSampling, temperature: 0, seed: 7, maxTokens: 64 },
      sidebarOpen: false,
    });
    expect(createSettings(storage, fail).state).toEqual({
      language: "zh",
      theme: "dark",
      systemPrompt: "Answer in rhyme.",
      sampling: { ...defaultSampling, temperature: 0, seed: 7, maxTokens: 64 },
      sidebarOpen: false,
    });
  });

  it.each([[null], ["{"], ["null"], ["[]"], ['"x"'], ['{"sampling":7,"theme":"pink","systemPrompt":{}}']])(
    "are the defaults for %j",
    (text) => {
      expect(parseSettings(text)).toEqual(defaultSettings);
    },
  );

  it("replace single wrong values", () => {
    const { sampling } = parseSettings('{"sampling":{"temperature":99,"topK":20,"seed":"1"}}');
    expect(sampling).toEqual({ ...defaultSampling, topK: 20 });
  });

  it("tell once when they cannot be stored, and go on", () => {
    const errors: unknown[] = [];
    const broken: KeyValue = {
      getItem: () => {
        throw new Error("denied");
      },
      setItem: () => {
        throw new Error("full");
      },
      removeItem: () => undefined,
    };
    const settings = createSettings(broken, (error) => errors.push(error));
    settings.update({ theme: "dark" });
    settings.update({ theme: "light" });
    expect(settings.state.theme).toBe("light");
    expect(errors).toHaveLength(1);
  });
});
