/** What the user chose: language, theme, system prompt, sampling. Kept in localStorage. */

import { Store } from "./store.ts";

export interface Sampling {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  repetitionPenalty: number;
  /** Undefined: until the answer ends or the context is full. */
  maxTokens: number | undefined;
  /** Undefined: another one for every answer. */
  seed: number | undefined;
}

export interface Settings {
  language: "auto" | "en" | "zh";
  theme: "auto" | "light" | "dark";
  systemPrompt: string;
  sampling: Sampling;
  sidebarOpen: boolean;
}

export interface SamplingRange {
  min: number;
  max: number;
  step: number;
  /** An empty field is a value, too. */
  optional?: true;
}

export const samplingRanges: Record<keyof Sampling, SamplingRange> = {
  temperature: { min: 0, max: 2, step: 0.05 },
  topP: { min: 0.01, max: 1, step: 0.01 },
  topK: { min: 0, max: 1000, step: 1 },
  minP: { min: 0, max: 1, step: 0.01 },
  repetitionPenalty: { min: 0.5, max: 2, step: 0.01 },
  maxTokens: { min: 1, max: 131_072, step: 1, optional: true },
  seed: { min: 0, max: 4_294_967_295, step: 1, optional: true },
};

export const samplingFields = Object.keys(samplingRanges) as (keyof Sampling)[];

export const defaultSampling: Sampling = {
  temperature: 0.6,
  topP: 0.95,
  topK: 40,
  minP: 0.1,
  repetitionPenalty: 1,
  maxTokens: undefined,
  seed: undefined,
};

export const defaultSettings: Settings = {
  language: "auto",
  theme: "auto",
  systemPrompt: "",
  sampling: defaultSampling,
  sidebarOpen: true,
};

export const maxSystemPromptChars = 20_000;

/** Whether a value may stand in a sampling field. */
export function isSamplingValue(field: keyof Sampling, value: unknown): boolean {
  const { min, max, step, optional } = samplingRanges[field];
  if (value === undefined) return optional === true;
  if (typeof value !== "number" || !(value >= min && value <= max)) return false;
  return step < 1 || Number.isInteger(value);
}

/** What was typed into a sampling field, or why it cannot be used. */
export function parseSamplingText(
  field: keyof Sampling,
  text: string,
): { value: number | undefined } | { invalid: true } {
  const trimmed = text.trim().replace(",", ".");
  const value = trimmed === "" ? undefined : Number(trimmed);
  return isSamplingValue(field, value) ? { value } : { invalid: true };
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T {
  return allowed.includes(value as T) ? (value as T) : otherwise;
}

/** Settings from what was stored: what is missing or wrong becomes the default. */
export function parseSettings(text: string | null): Settings {
  let stored: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed === "object" && parsed !== null) stored = parsed as Record<string, unknown>;
  } catch {
    // Someone else's text under our key.
  }
  const storedSampling = (typeof stored.sampling === "object" && stored.sampling) || {};
  const sampling = { ...defaultSampling };
  for (const field of samplingFields) {
    const value = (storedSampling as Record<string, unknown>)[field];
    if (value !== undefined && isSamplingValue(field, value)) sampling[field] = value as number;
  }
  return {
    language: oneOf(stored.language, ["auto", "en", "zh"], "auto"),
    theme: oneOf(stored.theme, ["auto", "light", "dark"], "auto"),
    systemPrompt:
      typeof stored.systemPrompt === "string" ? stored.systemPrompt.slice(0, maxSystemPromptChars) : "",
    sampling,
    sidebarOpen: stored.sidebarOpen !== false,
  };
}

const settingsKey = "omnitab.settings";

/** The part of Storage that is needed here. Every method may throw (private mode, full disk). */
export type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Settings that survive a reload; `onError` hears once if they cannot be stored. */
export function createSettings(storage: KeyValue, onError: (error: unknown) => void): Store<Settings> {
  let text: string | null = null;
  let told = false;
  const tell = (error: unknown) => {
    if (!told) onError(error);
    told = true;
  };
  try {
    text = storage.getItem(settingsKey);
  } catch (error) {
    tell(error);
  }
  const store = new Store(parseSettings(text));
  store.subscribe(() => {
    try {
      storage.setItem(settingsKey, JSON.stringify(store.state));
    } catch (error) {
      tell(error);
    }
  });
  return store;
}
