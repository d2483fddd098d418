/** Models that reason first write it between `<think>` and `</think>` at the start of an answer. */

export interface SplitAnswer {
  /** Undefined if there is none. */
  thinking: string | undefined;
  /** Whether the thinking has come to its end. */
  thought: boolean;
  answer: string;
}

const open = "<think>";
const close = "</think>";

export function splitThinking(content: string): SplitAnswer {
  const text = content.trimStart();
  if (!text.startsWith(open)) return { thinking: undefined, thought: false, answer: content };
  const end = text.indexOf(close);
  if (end < 0) return { thinking: text.slice(open.length).trim(), thought: false, answer: "" };
  return {
    thinking: text.slice(open.length, end).trim() || undefined,
    thought: true,
    answer: text.slice(end + close.length).trimStart(),
  };
}
