/** Markdown that may still be growing: only the blocks that changed are rendered again. */

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useMessages } from "../appContext.ts";
import { type MarkdownBlock, renderBlock, splitMarkdown } from "../markdown.ts";
import { memo } from "./memo.tsx";

const copiedMs = 1600;

/** Puts a head with the language and a copy button over each code block, and a scroller around tables. */
function furnish(fragment: DocumentFragment, labels: { copyCode: string; copied: string }): void {
  for (const code of fragment.querySelectorAll<HTMLElement>("pre > code")) {
    const pre = code.parentElement!;
    const frame = document.createElement("div");
    frame.className = "code-block";
    const head = document.createElement("div");
    head.className = "code-head";
    const language = document.createElement("span");
    language.textContent = code.className.replace(/^language-/, "");
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "text-button";
    copy.textContent = labels.copyCode;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent ?? "").catch(() => undefined);
      copy.textContent = labels.copied;
      setTimeout(() => {
        copy.textContent = labels.copyCode;
      }, copiedMs);
    });
    pre.replaceWith(frame);
    pre.tabIndex = 0; // so that the keyboard can scroll it
    head.append(language, copy);
    frame.append(head, pre);
  }
  for (const table of fragment.querySelectorAll("table")) {
    const scroller = document.createElement("div");
    scroller.className = "table-scroller";
    scroller.tabIndex = 0;
    table.replaceWith(scroller);
    scroller.append(table);
  }
}

const Block = memo(({ block }: { block: MarkdownBlock }) => {
  const messages = useMessages();
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const fragment = renderBlock(block);
    furnish(fragment, messages);
    element.current?.replaceChildren(fragment);
  }, [block.key, messages]);
  return <div class="block" ref={element} />;
});

export function Markdown({ text }: { text: string }) {
  const previous = useRef<MarkdownBlock[]>([]);
  const blocks = useMemo(() => {
    // A block that is the same keeps its identity, and with it its DOM (and what the user selected in it).
    const next = splitMarkdown(text).map((block, index) => {
      const before = previous.current[index];
      return before?.key === block.key ? before : block;
    });
    previous.current = next;
    return next;
  }, [text]);
  return (
    <div class="markdown">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks only grow at the end
        <Block key={index} block={block} />
      ))}
    </div>
  );
}
