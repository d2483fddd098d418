import { describe, expect, it } from "vitest";
import { en } from "./en.ts";
import { formatBytes, formatDuration, formatRate, messagesFor } from "./index.ts";
import { en as mediaEn } from "./media/en.ts";
import { zh as mediaZh } from "./media/zh.ts";
import { zh } from "./zh.ts";

/** Every text of a language by its path; functions are called with their own argument names. */
function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function")
    return [[path, String((value as (...all: unknown[]) => string)("‹1›", "‹2›"))]];
  return Object.entries(value as object).flatMap(([key, inner]) => texts(inner, `${path}/${key}`));
}

/** Steps of advice may differ in number. */
const shape = (entries: [string, string][]) =>
  entries
    .map(([path]) => path.replace(/^(\/advice.*)\/\d+$/, "$1"))
    .filter((path, i, all) => all.indexOf(path) === i);

describe("languages", () => {
  it("have the same keys", () => {
    expect(shape(texts(zh))).toEqual(shape(texts(en)));
    expect(shape(texts(mediaZh))).toEqual(shape(texts(mediaEn)));
  });

  it("say something for every key", () => {
    for (const [path, text] of [en, zh, mediaEn, mediaZh].flatMap((all) => texts(all)))
      expect(text.trim(), path).not.toBe("");
  });

  it("use the same arguments", () => {
    const inEnglish = new Map([...texts(en), ...texts(mediaEn)]);
    for (const [path, text] of [...texts(zh), ...texts(mediaZh)]) {
      const english = inEnglish.get(path);
      if (english === undefined) continue;
      for (const argument of ["‹1›", "‹2›"])
        expect(text.includes(argument), path).toBe(english.includes(argument));
    }
  });

  it("are really translated", () => {
    const inEnglish = new Map([...texts(en), ...texts(mediaEn)]);
    const same = [...texts(zh), ...texts(mediaZh)]
      .filter(([path, text]) => inEnglish.get(path) === text)
      .map(([path]) => path);
    expect(same).toEqual([
      "/samples/0/prompt",
      "/samples/1/prompt",
      "/samples/2/prompt",
      "/samples/3/prompt",
      "/fields/topP",
      "/fields/topK",
      "/fields/minP",
    ]);
  });

  it("follow the browser or the choice", () => {
    expect(messagesFor("auto", ["fr-FR", "zh-TW", "en"])).toBe(zh);
    expect(messagesFor("auto", ["en-GB", "zh"])).toBe(en);
    expect(messagesFor("auto", ["de"])).toBe(en);
    expect(messagesFor("zh", ["en"])).toBe(zh);
    expect(messagesFor("en", ["zh"])).toBe(en);
  });
});

describe("figures", () => {
  it("are short", () => {
    expect(formatBytes(en, 0)).toBe("0 B");
    expect(formatBytes(en, 999_600)).toBe("1.0 MB");
    expect(formatBytes(en, 4_310_000)).toBe("4.3 MB");
    expect(formatBytes(en, 639_446_688)).toBe("639 MB");
    expect(formatBytes(en, 1_321_000_000)).toBe("1.32 GB");
    expect(formatRate(en, 0.846)).toBe("0.85");
    expect(formatRate(en, 42.06)).toBe("42.1");
    expect(formatRate(en, 1234.5)).toBe("1,235");
    expect(formatDuration(en, 0.2)).toBe("1 s");
    expect(formatDuration(en, 59.6)).toBe("1 min 0 s");
    expect(formatDuration(zh, 125)).toBe("2 分 5 秒");
  });
});
