/** Markdown that may still be growing: only the blocks that changed are rendered again. */

import type { Token, Tokens } from "marked";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useMessages } from "../appContext.ts";
import { decodeEntities, type MarkdownBlock, MarkdownReader, safeAddress } from "../markdown.ts";
import { useCopy } from "./copyButton.tsx";
import { memo } from "./memo.tsx";

/** Deeper than this, text is shown as it was written. */
const maxDepth = 24;

export function Markdown({ text }: { text: string }) {
  // A block that is the same keeps its identity, and with it its DOM (and what the user selected in it).
  const [reader] = useState(() => new MarkdownReader());
  const blocks = reader.read(text);
  return (
    <div class="markdown">
      {blocks.map((block, index) => (
        // Blocks only grow at the end.
        <Block key={index} block={block} />
      ))}
    </div>
  );
}

const Block = memo(({ block }: { block: MarkdownBlock }) => <>{renderToken(block.token, 0)}</>);

function renderAll(tokens: readonly Token[] | undefined, depth: number): ComponentChildren {
  return tokens?.map((token) => renderToken(token, depth + 1));
}

/** A token of marked's as elements; what is not known is shown as text. */
export function renderToken(token: Token, depth: number): ComponentChildren {
  if (depth > maxDepth) return token.raw;
  const inner = () => renderAll((token as { tokens?: Token[] }).tokens, depth);
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "paragraph":
      return <p>{inner()}</p>;
    case "heading":
      return renderHeading(token as Tokens.Heading, inner());
    case "blockquote":
      return <blockquote>{inner()}</blockquote>;
    case "hr":
      return <hr />;
    case "list":
      return renderList(token as Tokens.List, depth);
    case "code":
      return <CodeBlock code={(token as Tokens.Code).text} info={(token as Tokens.Code).lang ?? ""} />;
    case "table":
      return renderTable(token as Tokens.Table, depth);
    case "strong":
      return <strong>{inner()}</strong>;
    case "em":
      return <em>{inner()}</em>;
    case "del":
      return <del>{inner()}</del>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "checkbox":
      return (token as Tokens.Checkbox).checked ? "☑ " : "☐ ";
    case "link":
      return renderLink((token as Tokens.Link).href, inner());
    case "image": {
      // An image would be fetched from somewhere, which tells that somewhere about the reader.
      const { href, text } = token as Tokens.Image;
      return renderLink(href, decodeEntities(text || href));
    }
    case "html":
      return /^<br\s*\/?>\s*$/i.test(token.raw) ? <br /> : token.raw;
    case "text": {
      const { tokens, text } = token as Tokens.Text;
      const children = tokens ? inner() : decodeEntities(text);
      return depth === 0 ? <p class="verbatim">{children}</p> : children;
    }
    case "escape":
      return (token as Tokens.Escape).text;
    default:
      return token.raw;
  }
}

function renderHeading({ depth }: Tokens.Heading, children: ComponentChildren) {
  // The page and the conversation have their own headings above: these start at the third level.
  const Tag = `h${Math.min(6, depth + 2)}` as "h3";
  return <Tag class={`heading-${depth}`}>{children}</Tag>;
}

function renderLink(href: string, children: ComponentChildren) {
  const address = safeAddress(decodeEntities(href));
  if (address === undefined) return children;
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function renderList({ ordered, start, items }: Tokens.List, depth: number) {
  const children = items.map((item) => <li>{renderAll(item.tokens, depth + 1)}</li>);
  return ordered ? <ol start={start === "" ? 1 : start}>{children}</ol> : <ul>{children}</ul>;
}

function renderTable({ header, rows }: Tokens.Table, depth: number) {
  const cell = (Tag: "th" | "td", { tokens, align }: Tokens.TableCell) => (
    <Tag class={align ? `align-${align}` : undefined}>{renderAll(tokens, depth + 1)}</Tag>
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it
    <div class="table-scroller" tabIndex={0}>
      <table>
        <thead>
          <tr>{header.map((column) => cell("th", column))}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>{row.map((column) => cell("td", column))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CodeBlock({ code, info }: { code: string; info: string }) {
  const messages = useMessages();
  const [copied, copy] = useCopy(code);
  return (
    <div class="code-block">
      <div class="code-head">
        <span>{/^\S{1,32}/.exec(info)?.[0]}</span>
        <button type="button" class="text-button" onClick={copy}>
          {copied ? messages.copied : messages.copyCode}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </div>
  );
}
