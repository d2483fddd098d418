import { describe, expect, it } from "vitest";
import { decodeEntities, type MarkdownBlock, MarkdownReader, safeAddress } from "./markdown.ts";

const read = (text: string) => new MarkdownReader().read(text);
const visible = (blocks: readonly MarkdownBlock[]) => blocks.filter(({ token }) => token.type !== "space");

const document = `# Title

Some **bold** text
over two lines

- one
- two
  - inner

  loose

1. first
2. second

> quote
continued

    indented code

\`\`\`js
let x = 1;

let y = 2;
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

Underlined
==========

<div>

html

</div>

* * *
last words`;

describe("MarkdownReader", () => {
  it("reads a growing text as it would read it at once", () => {
    for (const step of [1, 3, 7, 40]) {
      const reader = new MarkdownReader();
      for (let end = 0; end <= document.length + step; end += step) {
        const text = document.slice(0, end);
        expect(reader.read(text), text).toEqual(read(text));
      }
    }
  });

  it("keeps finished blocks while text grows at the end", () => {
    const reader = new MarkdownReader();
    const before = visible(reader.read("# Title\n\nOne *two*\n\n- a\n- b"));
    const after = visible(reader.read("# Title\n\nOne *two*\n\n- a\n- b\n- c\n\nmore"));
    expect(after).toHaveLength(4);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[2]).not.toBe(before[2]);
  });

  it("links what was already read when its definition comes", () => {
    const reader = new MarkdownReader();
    const text = "[a][x]\n\nb\n\nc\n\nd\n\n";
    reader.read(text);
    const before = JSON.stringify(reader.read(`${text}e`)[0]);
    const after = JSON.stringify(reader.read(`${text}e\n\n[x]: https://example.com\n`)[0]);
    expect(before).not.toContain("example.com");
    expect(after).toContain("example.com");
  });

  it("reads another text from the start", () => {
    const reader = new MarkdownReader();
    reader.read(document);
    expect(reader.read("other")).toEqual(read("other"));
    expect(reader.read("")).toEqual([]);
  });

  it("leaves text alone that is too long or nested too deeply", () => {
    const long = "a *b* ".repeat(40_000);
    expect(read(long)).toEqual([{ key: long, token: { type: "text", raw: long, text: long } }]);
    const deep = ">".repeat(50_000);
    expect(read(deep)).toEqual([{ key: deep, token: { type: "text", raw: deep, text: deep } }]);
  });
});

describe("safeAddress", () => {
  it.each([
    ["https://example.com/a?b#c", "https://example.com/a?b#c"],
    ["HTTP://EXAMPLE.com", "http://example.com/"],
    ["mailto:a@example.com", "mailto:a@example.com"],
  ])("lets %j pass", (href, address) => {
    expect(safeAddress(href)).toBe(address);
  });

  it.each([
    ["javascript:alert(1)"],
    [" JaVaScRiPt:alert(1)"],
    ["java\nscript:alert(1)"],
    ["data:text/html,<script>alert(1)</script>"],
    ["vbscript:x"],
    ["blob:https://example.com/1"],
    ["file:///etc/passwd"],
    ["//example.com"],
    ["/settings"],
    ["#x"],
    [""],
  ])("refuses %j", (href) => {
    expect(safeAddress(href)).toBeUndefined();
  });
});

describe("decodeEntities", () => {
  it("knows names and numbers, once", () => {
    expect(decodeEntities("a &lt; b &amp;lt; c &#8594; &#x1F98A; &nbsp;")).toBe("a < b &lt; c → 🦊 \u00a0");
  });

  it("leaves what is none", () => {
    expect(decodeEntities("AT&T &bogus; &#0; &#xD800; &#x110000; &;")).toBe(
      "AT&T &bogus; &#0; &#xD800; &#x110000; &;",
    );
  });
});
