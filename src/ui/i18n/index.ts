/** The language of the page. */

import type { Settings } from "../state/settings.ts";
import { en, type Messages } from "./en.ts";
import { zh } from "./zh.ts";

export type { Messages };

/** The messages for a setting; `auto` follows the browser's languages (e.g. `navigator.languages`). */
export function messagesFor(language: Settings["language"], browserLanguages: readonly string[]): Messages {
  if (language !== "auto") return language === "zh" ? zh : en;
  for (const tag of browserLanguages) {
    if (/^zh\b/i.test(tag)) return zh;
    if (/^en\b/i.test(tag)) return en;
  }
  return en;
}

/** Numbers and sizes as the language writes them. */
export function formatNumber(messages: Messages, value: number, digits = 0): string {
  return value.toLocaleString(messages.code, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function formatBytes(messages: Messages, bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit < 2 ? 0 : unit > 2 ? 2 : value < 10 ? 1 : 0;
  return `${formatNumber(messages, value, digits)} ${units[unit]}`;
}

export function formatDuration(messages: Messages, seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 60 ? messages.seconds(whole) : messages.minutes(Math.floor(whole / 60), whole % 60);
}

/** A rate with three figures at most: 142, 42.1, 0.85. */
export function formatRate(messages: Messages, rate: number): string {
  return formatNumber(messages, rate, rate >= 100 ? 0 : rate >= 10 ? 1 : 2);
}
