/** What a model that hears took a recording for, in words: shown under the question, and told to no model. */

import { streamCompletion } from "../completion.ts";
import type { Scheduler } from "../state/chat.ts";
import { type Conversations, titleFrom } from "../state/conversations.ts";
import type { Lease } from "../state/session.ts";
import { messagesOf } from "./chatMedia.ts";

/** The embedded model knows these words from its training. */
const prompt = "Transcribe.";
/** Some forty seconds of speech. */
const maxTokens = 128;

export interface Hearing {
  conversations: Conversations;
  conversationId: string;
  questionId: string;
  /** Without this answer in the shown conversation, nobody waits for the words. */
  answerId: string;
  schedule: Scheduler;
}

/**
 * Has a model that answers what it hears write down the recordings of a question, in a request of its own; does nothing
 * where there are none, or their words are known. The model is not kept for it: who disposes of it ends it.
 * @param signal the answer's
 * @throws what ended it early; there are no words then
 */
export async function hear(
  { omni, name, inputs }: Omit<Lease, "release">,
  { conversations, conversationId, questionId, answerId, schedule }: Hearing,
  signal: AbortSignal,
): Promise<void> {
  const question = conversations.get(conversationId)?.messages.find(({ id }) => id === questionId);
  const recordings = question?.attachments?.filter(({ recorded }) => recorded) ?? [];
  if (!question || question.heard || recordings.length === 0) return;
  if (!inputs.includes("text") || !inputs.includes("audio")) return;
  const left = new AbortController();
  const look = () => {
    if (!conversations.current?.messages.some(({ id }) => id === answerId)) left.abort();
  };
  look();
  const unsubscribe = conversations.store.subscribe(look);
  let text = "";
  let scheduled = false;
  let ended = false;
  const patch = () => conversations.patchMessage(conversationId, questionId, { heard: text.trim() });
  const show = () => {
    scheduled = false;
    if (!ended) patch();
  };
  try {
    const turn = { role: "user", content: prompt, attachments: recordings } as const;
    const { messages } = await messagesOf([turn], inputs);
    const body = { model: name, messages, stream: true, temperature: 0, max_tokens: maxTokens };
    const { finishReason } = await streamCompletion(
      omni,
      body,
      (piece, kind) => {
        if (kind === "answer") text += piece;
        if (!scheduled) schedule(show);
        scheduled = true;
      },
      AbortSignal.any([signal, left.signal]),
    );
    if (finishReason === "length") text = `${text.trim()}…`;
  } catch (thrown) {
    text = "";
    throw thrown;
  } finally {
    ended = true;
    unsubscribe();
    patch();
  }
  // A conversation that began with a recording is called by its words, unless it was given a name.
  const { title, messages } = conversations.get(conversationId) ?? {};
  const isNameless = messages?.[0]?.id === questionId && question.content === "";
  if (isNameless && title === titleFrom(question.attachments![0]!.name))
    conversations.rename(conversationId, titleFrom(text));
  // The page may be closed at any moment.
  void conversations.flush();
}
