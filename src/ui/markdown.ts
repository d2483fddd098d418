/** Markdown of a model into DOM nodes that can do no harm. */

import DOMPurify from "dompurify";
import { Marked, type Token, type TokensList } from "marked";

const allowedTags = [
  ...["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "span"],
  ...["strong", "em", "del", "ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td"],
];
const allowedAttributes = ["href", "title", "start", "align", "class"];

const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character]!);
}

/** The address if a link may lead there: absolute, web or mail. */
function safeAddress(href: string): string | undefined {
  try {
    const url = new URL(href); // without a base: an address on our own site is not for a model to give
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

function link(href: string, inner: string): string {
  const address = safeAddress(href);
  return address === undefined ? inner : `<a href="${escapeHtml(address)}">${inner}</a>`;
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    // Raw HTML is shown as the text that it is.
    html: ({ text }) => escapeHtml(text),
    code: ({ text, lang }) => {
      const language = /^[\w+#.-]{1,32}/.exec(lang ?? "")?.[0] ?? "";
      return `<pre><code class="language-${escapeHtml(language)}">${escapeHtml(text)}</code></pre>`;
    },
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens));
    },
    // An image would be fetched from somewhere, which tells that somewhere about the reader.
    image: ({ href, text }) => link(href, escapeHtml(text || href)),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** A top-level piece of Markdown; `key` is the same as long as it renders the same. */
export interface MarkdownBlock {
  key: string;
  token: Token;
}

/** Splits Markdown into its paragraphs, lists, code blocks… so that only what changed is rendered again. */
export function splitMarkdown(markdown: string): MarkdownBlock[] {
  const tokens: TokensList = marked.lexer(markdown);
  const definitions = JSON.stringify(tokens.links);
  return tokens
    .filter(({ type }) => type !== "space" && type !== "def")
    .map((token) => ({ key: definitions === "{}" ? token.raw : `${token.raw}\0${definitions}`, token }));
}

/** Renders a block; needs a DOM. */
export function renderBlock({ token }: MarkdownBlock): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parser([token]), {
    ALLOWED_TAGS: allowedTags,
    ALLOWED_ATTR: allowedAttributes,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const anchor of fragment.querySelectorAll("a")) {
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer nofollow";
  }
  return fragment;
}
