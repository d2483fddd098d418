/** From the fields of a chat request to prompt tokens; shared by chat completions and `/tokenize`. */

import type { OpenedMedia } from "../engine/media/mediaEncoder.ts";
import type { Engine } from "../engine/types.ts";
import { OmniError } from "../errors.ts";
import type { MessagePart, TemplateMessage } from "../text/types.ts";
import type { ApiContext } from "./context.ts";
import { boolean, type Json, object, optional, required, unsupported } from "./fields.ts";
import { messages, type ReadMessage, tools } from "./messages.ts";
import type { MediaSource } from "./parts.ts";

export interface ChatPromptOptions {
  /** With `tools` where the template knows of them. @default true */
  withTools?: boolean;
  /** Leaves out the oldest turns until no more tokens remain than this. Default: all are kept. */
  most?: number | undefined;
  signal: AbortSignal;
}

export interface ChatPrompt {
  tokens: number[];
  /** Lets go of the rows of pictures and sounds that tokens stand for; may be called again. */
  release(): void;
}

/** Prompt tokens of `messages`. */
export async function chatPrompt(
  { chatTemplate, engine }: ApiContext,
  body: Json,
  { withTools = true, most = Number.POSITIVE_INFINITY, signal }: ChatPromptOptions,
): Promise<ChatPrompt> {
  const read = required(body, "messages", messages);
  const offered = optional(body, "tools", tools);
  const variables = optional(body, "chat_template_kwargs", object);
  const addGenerationPrompt = optional(body, "add_generation_prompt", boolean) ?? true;
  const { conversation, media } = await openFitting(engine, read, Number.isFinite(most), signal);
  const release = () => {
    for (const opened of media) opened.release();
  };
  try {
    const options = {
      ...{ addGenerationPrompt, media },
      ...(withTools && offered?.length && /\btools\b/.test(chatTemplate.source) ? { tools: offered } : {}),
      ...(variables === undefined ? {} : { variables }),
    };
    const render = (kept: TemplateMessage[]) => chatTemplate.tokens(kept, options);
    return { tokens: fitting(conversation, most, render), release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

/** Messages as templates take them, and the pictures and sounds that their parts name by number. */
function withoutSources(read: readonly ReadMessage[]) {
  const sources: MediaSource[] = [];
  const conversation = read.map(({ content, ...message }): TemplateMessage => {
    if (content === null || typeof content === "string") return { ...message, content };
    const parts = content.map(
      (part): MessagePart =>
        part.type === "text" ? part : { type: "media", index: sources.push(part.source) - 1 },
    );
    return { ...message, content: parts };
  });
  return { conversation, sources };
}

/**
 * Opens the pictures and sounds of a conversation.
 * @param shorten leaves out the oldest turns where theirs exceed the context
 */
async function openFitting(
  engine: Engine,
  read: readonly ReadMessage[],
  shorten: boolean,
  signal: AbortSignal,
) {
  for (let kept = read; ; ) {
    const { conversation, sources } = withoutSources(kept);
    try {
      return { conversation, media: await openAll(engine, sources, signal) };
    } catch (thrown) {
      const isTooLong = thrown instanceof OmniError && thrown.detail === "context_length_exceeded";
      const shorter = isTooLong && shorten ? withoutOldestTurn(kept) : undefined;
      if (!shorter) throw thrown;
      kept = shorter;
    }
  }
}

/** What the system says stays, and a conversation begins with a user's turn; undefined where there is only one. */
function withoutOldestTurn(messages: readonly ReadMessage[]): ReadMessage[] | undefined {
  const first = messages.findIndex(({ role }) => role !== "system");
  const next = messages.findIndex(({ role }, i) => i > first && role === "user");
  return next < 0 ? undefined : [...messages.slice(0, first), ...messages.slice(next)];
}

/** @throws OmniError `invalid_request`: a kind that the model does not take, or what `openMedia` throws; nothing stays held then */
async function openAll(
  { media: encoder, contextLength }: Engine,
  sources: readonly MediaSource[],
  signal: AbortSignal,
): Promise<OpenedMedia[]> {
  if (sources.length === 0) return [];
  for (const { kind, param } of sources)
    if (!encoder?.kinds.includes(kind)) {
      const taken = ["text", ...(encoder?.kinds ?? [])].join(", ");
      throw unsupported(
        param.replace(/(\.content\[\d+\]).*$/, "$1.type"),
        `'${param}': this model takes no ${kind}. It takes: ${taken}.`,
      );
    }
  const { openMedia } = await import("./media.ts");
  const opened: OpenedMedia[] = [];
  try {
    let room = contextLength;
    for (const source of sources) {
      const one = await openMedia(encoder!, source, { room, signal });
      opened.push(one);
      for (const piece of one.pieces) room -= typeof piece === "string" ? 1 : piece.length;
    }
    return opened;
  } catch (thrown) {
    for (const one of opened) one.release();
    throw thrown;
  }
}

/** All of a conversation, or without its oldest turns: no more tokens than `most`, if that can be. */
function fitting(
  conversation: TemplateMessage[],
  most: number,
  render: (kept: TemplateMessage[]) => number[],
): number[] {
  const whole = render(conversation);
  if (whole.length <= most) return whole;

  // What the system says stays, and a conversation begins with a user's turn.
  const first = conversation.findIndex(({ role }) => role !== "system");
  if (first < 0) return whole;
  const starts = conversation.flatMap(({ role }, i) => (i > first && role === "user" ? [i] : []));
  const from = (start: number) => render([...conversation.slice(0, first), ...conversation.slice(start)]);
  // The earliest start that fits, by halves; the last one if none does.
  let shortest = whole;
  for (let low = 0, high = starts.length - 1; low <= high; ) {
    const middle = (low + high) >> 1;
    const tokens = from(starts[middle]!);
    if (tokens.length < shortest.length && (tokens.length <= most || shortest.length > most))
      shortest = tokens;
    if (tokens.length <= most) {
      shortest = tokens;
      high = middle - 1;
    } else low = middle + 1;
  }
  return shortest;
}
