/**
 * Markdown of a model, read so that it can do no harm: `components/markdown.tsx` builds elements from the tokens, and no
 * HTML text exists anywhere on the way. Raw HTML counts as the text that it is.
 */

import { Lexer, type Token, type TokensList } from "marked";

/** Longer text is shown as it is: nobody reads it, and reading it as Markdown would freeze the page. */
const maxChars = 200_000;

/** A top-level piece of Markdown; `key` is the same as long as it renders the same. */
export interface MarkdownBlock {
  key: string;
  token: Token;
}

function plain(text: string): Token {
  return { type: "text", raw: text, text };
}

/** So many of the last blocks may still change when text is added. */
const openBlocks = 2;

/** Reads a Markdown text that grows: what came before its last blocks is not read again. */
export class MarkdownReader {
  #text = "";
  #blocks: readonly MarkdownBlock[] = [];
  /** The text has link definitions, which may change any block. */
  #defines = false;

  /** The paragraphs, lists, code blocks… of a text. A block that is the same as before keeps its identity. */
  read(text: string): readonly MarkdownBlock[] {
    if (text === this.#text) return this.#blocks;
    const closed = text.startsWith(this.#text) && !this.#defines ? this.#blocks.slice(0, -openBlocks) : [];
    const closedText = closed.map(({ token }) => token.raw).join("");
    let blocks = text.startsWith(closedText) ? this.#split(text.slice(closedText.length), closed) : undefined;
    // A first definition concerns what was already read, too.
    if (!blocks || (this.#defines && closed.length > 0)) blocks = this.#split(text, []);
    this.#text = text;
    this.#blocks = blocks.map((block, index) => {
      const before = this.#blocks[index];
      return before?.key === block.key ? before : block;
    });
    return this.#blocks;
  }

  #split(text: string, closed: readonly MarkdownBlock[]): MarkdownBlock[] {
    let tokens: Token[] = [plain(text)];
    let definitions = "";
    if (text.length <= maxChars) {
      try {
        const lexed: TokensList = new Lexer({ gfm: true, breaks: true }).lex(text);
        if (Object.keys(lexed.links).length > 0) definitions = JSON.stringify(lexed.links);
        tokens = lexed;
      } catch {
        // Nested so deeply that the reader's stack ends: it stays plain text.
      }
    }
    this.#defines = definitions !== "";
    return [...closed, ...tokens.map((token) => ({ key: definitions + token.raw, token }))];
  }
}

/** The address if a link may lead there: absolute, web or mail. An address on our own site is not a model's to give. */
export function safeAddress(href: string): string | undefined {
  if (!URL.canParse(href)) return undefined;
  const url = new URL(href);
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
}

const entities: Record<string, string> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" },
  ...{ ndash: "–", mdash: "—", hellip: "…", middot: "·", bull: "•", times: "×", deg: "°" },
  ...{ larr: "←", rarr: "→", copy: "©", reg: "®" },
};

/** Replaces character references that people write: the common names, and numbers. */
export function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-z]{2,6}));/g,
    (whole, decimal, hex, name) => {
      if (name) return entities[name] ?? whole;
      const code = decimal ? Number(decimal) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
        ? String.fromCodePoint(code)
        : whole;
    },
  );
}
