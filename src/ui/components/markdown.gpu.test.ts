/** Needs a DOM, not a GPU: what a hostile model writes, rendered in a real browser. */

import { h, render } from "preact";
import { afterEach, describe, expect, it } from "vitest";
import { AppContext, type AppServices } from "../appContext.ts";
import { Notices } from "../state/notices.ts";
import { defaultSettings } from "../state/settings.ts";
import { Store } from "../state/store.ts";
import { Markdown } from "./markdown.tsx";

const services = {
  settings: new Store({ ...defaultSettings, language: "en" }),
  notices: new Notices(),
} as unknown as AppServices;

const root = document.createElement("div");
document.body.append(root);

function show(text: string): HTMLElement {
  render(h(AppContext.Provider, { value: services }, h(Markdown, { text })), root);
  return root;
}

afterEach(() => render(null, root));

const allowed: Record<string, string[]> = {
  A: ["href", "target", "rel"],
  DIV: ["class", "tabindex"],
  PRE: ["tabindex"],
  OL: ["start"],
  BUTTON: ["type", "class"],
  TH: ["class"],
  TD: ["class"],
  P: ["class"],
  H3: ["class"],
  H4: ["class"],
};
const bare = [
  "BLOCKQUOTE",
  "BR",
  "CODE",
  "DEL",
  "EM",
  "HR",
  "LI",
  "SPAN",
  "STRONG",
  "TABLE",
  "TBODY",
  "THEAD",
  "TR",
  "UL",
];

/** Every element and attribute is one of ours. */
function expectHarmless(element: HTMLElement): void {
  for (const inner of element.querySelectorAll("*")) {
    const names = inner.getAttributeNames();
    if (bare.includes(inner.tagName)) expect(names, inner.outerHTML).toEqual([]);
    else
      expect(allowed[inner.tagName] ?? "no such element", inner.outerHTML).toEqual(
        expect.arrayContaining(names),
      );
    if (inner instanceof HTMLAnchorElement) {
      expect(inner.protocol).toMatch(/^(https?|mailto):$/);
      expect(inner.rel).toBe("noopener noreferrer nofollow");
      expect(inner.target).toBe("_blank");
    }
  }
}

const hostile = [
  "<script>alert(1)</script>",
  "a <img src=x onerror=alert(1)> b",
  "<svg><g onload=alert(1)></g></svg>",
  '<a href="javascript:alert(1)">x</a>',
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<style>*{display:none}</style>",
  "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt&colon;alert(1))",
  "[x](javascript&#58;alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](//evil.example)",
  "[x](/../settings)",
  "<javascript:alert(1)>",
  '[x](https://a.example "onmouseover=alert(1)")',
  '[x](https://a.example/"onmouseover="alert(1))',
  "[x][y]\n\n[y]: javascript:alert(1)",
  "![alt](https://evil.example/pixel.png)",
  "![](javascript:alert(1))",
  "![<img src=x onerror=alert(1)>](x)",
  "```html\n<script>alert(1)</script>\n```",
  '```"><img/src=x/onerror=alert(1)>\ncode\n```',
  "| <b>a</b> | b |\n|:-:|--:|\n| <script>alert(1)</script> | `<i>` |",
  "- [ ] <input autofocus onfocus=alert(1)>\n- [x] done",
  "<div\n\nonclick=alert(1)>text</div>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "# <form action=https://evil.example><input name=q></form>",
  "{{alert(1)}} #{alert(1)} </textarea><script>alert(1)</script>",
  `${"> ".repeat(400)}deep`,
  `${"- ".repeat(400)}deep`,
  "*a".repeat(1000),
];

describe("Markdown", () => {
  it.each(hostile.map((text) => [text.slice(0, 60), text] as const))(
    "renders %j without harm",
    (_name, text) => {
      let alerts = 0;
      const alert = globalThis.alert;
      globalThis.alert = () => alerts++;
      expectHarmless(show(text));
      globalThis.alert = alert;
      expect(alerts).toBe(0);
      expect(root.textContent).not.toBe("");
    },
  );

  it("shows raw HTML as text", () => {
    expect(show("a <b>bold</b> <script>alert(1)</script>").textContent).toBe(
      "a <b>bold</b> <script>alert(1)</script>",
    );
    expect(show("<div>block</div>").textContent).toBe("<div>block</div>");
  });

  it("links to images instead of loading them", () => {
    show("![a fox](https://example.com/fox.png)");
    expect(root.querySelector("img")).toBeNull();
    expect(root.querySelector("a")?.href).toBe("https://example.com/fox.png");
    expect(root.textContent).toBe("a fox");
  });

  it("renders what people write", () => {
    show(
      "# Title\n\nSome **bold**, *soft*, ~~gone~~ and `code` with a [link](https://example.com).\nNext line &amp; more\n\n" +
        "3. three\n4. four\n   - inner\n\n> quoted\n\n---\n\n| a | b |\n|--|--:|\n| 1 | 2<br>3 |\n\n```ts\nlet x = 1 < 2;\n```\n\n- [x] done\n- [ ] open",
    );
    expectHarmless(root);
    expect(root.querySelector("h3")?.textContent).toBe("Title");
    expect(root.querySelector("strong")?.textContent).toBe("bold");
    expect(root.querySelector("del")?.textContent).toBe("gone");
    expect(root.querySelector("p")?.nextElementSibling?.getAttribute("start")).toBe("3");
    expect(root.querySelector("p br")?.nextSibling?.textContent).toBe("Next line & more");
    expect(root.querySelector("ol ul li")?.textContent).toBe("inner");
    expect(root.querySelector("blockquote p")?.textContent).toBe("quoted");
    expect(root.querySelector("td.align-right")?.innerHTML).toBe("2<br>3");
    expect(root.querySelector("pre")?.textContent).toBe("let x = 1 < 2;");
    expect(root.querySelector(".code-head span")?.textContent).toBe("ts");
    const tasks = [...root.querySelectorAll(".markdown > ul li")].map((item) => item.textContent);
    expect(tasks).toEqual(["☑ done", "☐ open"]);
  });

  it("keeps the elements of finished blocks while text streams in", () => {
    show("First **part**.\n\nSecond");
    const first = root.querySelector("p");
    const bold = root.querySelector("strong");
    show("First **part**.\n\nSecond grows\n\n- and more");
    expect(root.querySelector("p")).toBe(first);
    expect(root.querySelector("strong")).toBe(bold);
    expect(root.querySelectorAll("p")[1]?.textContent).toBe("Second grows");
    expect(root.querySelector("li")?.textContent).toBe("and more");
  });
});
