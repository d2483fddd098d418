/** Tells reasoning from answer in a stream of text whose tags may come in pieces. */

import { closeTag, openTag } from "../text/thinkTags.ts";

export interface SplitText {
  reasoning: string;
  content: string;
}

/** Models put an empty line between reasoning and answer. */
const maxLineBreaks = 2;

export class ReasoningSplitter {
  /** Tokens between the tags, with them. */
  reasoningTokens = 0;
  #state: "before" | "thinking" | "after" | "answer";
  /** Text that may become a part of a tag, or that is dropped at the end of the reasoning. */
  #held = "";
  #heldTokens = 0;
  #lineBreaks = 0;

  /** @param opened whether the prompt ends within the tags */
  constructor(opened: boolean) {
    this.#state = opened ? "thinking" : "before";
  }

  /** Whether the next text may still be reasoning. */
  get isThinking(): boolean {
    return this.#state === "thinking" || (this.#state === "before" && this.#held !== "");
  }

  /** What is certain with this text of one token. */
  push(text: string): SplitText {
    const before = this.#state;
    this.#heldTokens++;
    const split = this.#split(text);
    if (before === "thinking" || (before === "before" && ["thinking", "after"].includes(this.#state))) {
      this.reasoningTokens += this.#heldTokens;
      this.#heldTokens = 0;
    } else if (this.#state !== "before") this.#heldTokens = 0;
    return split;
  }

  /** What was held back, at the end, and the last text. */
  finish(text: string): SplitText {
    const last = this.#split(text);
    const held = this.#held;
    this.#held = "";
    if (this.#state === "before") return { ...last, content: last.content + held };
    return { ...last, reasoning: last.reasoning + held.trimEnd() };
  }

  #split(text: string): SplitText {
    const out: SplitText = { reasoning: "", content: "" };
    this.#held += text;
    if (this.#state === "before") {
      const start = this.#held.trimStart();
      if (start.startsWith(openTag)) {
        this.#state = "thinking";
        this.#held = start.slice(openTag.length);
        this.#isFresh = true;
      } else if (!openTag.startsWith(start)) {
        this.#state = "answer";
      } else return out;
    }
    if (this.#state === "thinking") this.#think(out);
    if (this.#state === "after") this.#skipLines();
    if (this.#state === "answer") {
      out.content = this.#held;
      this.#held = "";
    }
    return out;
  }

  /** No reasoning has been given out yet: white space before it is dropped. */
  #isFresh = true;

  #think(out: SplitText): void {
    if (this.#isFresh) this.#held = this.#held.trimStart();
    const end = this.#held.indexOf(closeTag);
    if (end >= 0) {
      out.reasoning = this.#held.slice(0, end).trimEnd();
      this.#held = this.#held.slice(end + closeTag.length);
      this.#state = "after";
      return;
    }
    let keep = closeTag.length - 1;
    while (!this.#held.endsWith(closeTag.slice(0, keep))) keep--;
    const certain = this.#held.slice(0, this.#held.length - keep).trimEnd();
    out.reasoning = certain;
    this.#held = this.#held.slice(certain.length);
    if (certain !== "") this.#isFresh = false;
  }

  #skipLines(): void {
    while (this.#held.startsWith("\n") && this.#lineBreaks < maxLineBreaks) {
      this.#held = this.#held.slice(1);
      this.#lineBreaks++;
    }
    if (this.#held !== "") this.#state = "answer";
  }
}
