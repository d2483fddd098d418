/** Asking and answering: what the buttons under messages and the composer do. */

import { OmniError } from "../../runtime/errors.ts";
import {
  type ApiMessage,
  type ChatTurn,
  type CompletionEnd,
  completionBody,
  type PieceKind,
  streamCompletion,
} from "../completion.ts";
import { fitContext, withoutOldestTurn } from "../context.ts";
import type { Attachment } from "./attachments.ts";
import { type Conversations, type Message, newId } from "./conversations.ts";
import { isReady, type Lease, type ModelSession } from "./session.ts";
import type { Settings } from "./settings.ts";
import { Store } from "./store.ts";

export interface ChatState {
  running: { conversationId: string; messageId: string } | undefined;
  /** The last finished answer, for screen readers. */
  announcement: string;
}

/** Calls back once, with the next frame, or soon when the page is hidden and has no frames. */
export type Scheduler = (callback: () => void) => void;

/** What messages with attachments need; loaded with the first of them. */
export type ChatMedia = typeof import("../media/chatMedia.ts");

const historyWaitMs = 3000;
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Outcome {
  end: CompletionEnd;
  forgot: boolean;
  unseen: boolean;
}

export class Chat {
  readonly store = new Store<ChatState>({ running: undefined, announcement: "" });
  readonly #conversations: Conversations;
  readonly #session: ModelSession;
  readonly #settings: Store<Settings>;
  readonly #schedule: Scheduler;
  readonly #onKeepError: (error: unknown) => void;
  #abort: AbortController | undefined;

  /** @param onKeepError hears of attachments that will not outlive the page */
  constructor(
    conversations: Conversations,
    session: ModelSession,
    settings: Store<Settings>,
    schedule: Scheduler,
    onKeepError: (error: unknown) => void = () => undefined,
  ) {
    this.#conversations = conversations;
    this.#session = session;
    this.#settings = settings;
    this.#schedule = schedule;
    this.#onKeepError = onKeepError;
  }

  /** Whether a question could be asked now. */
  get isFree(): boolean {
    return !this.store.state.running && isReady(this.#session.store.state);
  }

  /** Adds a question to the shown conversation (or a new one) and has it answered. */
  async send(text: string, attachments: readonly Attachment[] = []): Promise<void> {
    const lease = this.#begin();
    if (!lease) return;
    // A model may be ready before the history is: the question belongs to the conversation that will be shown.
    // A history that does not come is not waited for.
    if (!this.#conversations.store.state.loaded)
      await Promise.race([this.#conversations.loading, delay(historyWaitMs)]);
    const question: Message = { id: newId(), role: "user", content: text, state: "done" };
    if (attachments.length > 0) {
      question.attachments = attachments;
      void this.#keep(attachments);
    }
    const shown = this.#conversations.current;
    const conversation = shown ?? this.#conversations.create([question]);
    await this.#answer(conversation.id, [...(shown?.messages ?? []), question], lease);
  }

  /** Answers again the question that came before the given answer; what followed is dropped. */
  async regenerate(conversationId: string, answerId: string): Promise<void> {
    const messages = this.#conversations.get(conversationId)?.messages ?? [];
    const index = messages.findIndex(({ id }) => id === answerId);
    const lease = index > 0 ? this.#begin() : undefined;
    if (lease) await this.#answer(conversationId, messages.slice(0, index), lease);
  }

  /** Puts another question in place of the given one and answers it; what followed is dropped. */
  async resend(
    conversationId: string,
    questionId: string,
    text: string,
    attachments: readonly Attachment[] = [],
  ): Promise<void> {
    const messages = this.#conversations.get(conversationId)?.messages ?? [];
    const index = messages.findIndex(({ id }) => id === questionId);
    const lease = index >= 0 ? this.#begin() : undefined;
    if (!lease) return;
    const question: Message = { ...messages[index]!, content: text };
    delete question.heard;
    if (attachments.length > 0) question.attachments = attachments;
    else delete question.attachments;
    await this.#answer(conversationId, [...messages.slice(0, index), question], lease);
  }

  /** Ends the answer that is being written; what there is of it stays. */
  stop(): void {
    this.#abort?.abort();
  }

  async #keep(attachments: readonly Attachment[]): Promise<void> {
    try {
      const { keep } = await loadMedia();
      await Promise.all(attachments.map(({ id }) => keep(id)));
    } catch (error) {
      this.#onKeepError(error);
    }
  }

  #begin(): Lease | undefined {
    return this.store.state.running ? undefined : this.#session.acquire();
  }

  async #answer(conversationId: string, asked: readonly Message[], lease: Lease): Promise<void> {
    const answer: Message = {
      id: newId(),
      role: "assistant",
      content: "",
      state: "streaming",
      model: lease.name,
    };
    this.#conversations.setMessages(conversationId, [...asked, answer], true);
    // What was asked and what was answered is stored at once: the page may be closed at any moment.
    void this.#conversations.flush();
    this.store.update({ running: { conversationId, messageId: answer.id }, announcement: "" });
    const abort = new AbortController();
    this.#abort = abort;
    const startedMs = performance.now();
    let text = "";
    let thinking = "";
    let firstTokenMs: number | undefined;
    let scheduled = false;
    const patch = (change: Partial<Message>) =>
      this.#conversations.patchMessage(conversationId, answer.id, change);
    const written = () => ({ content: text, ...(thinking === "" ? {} : { thinking }) });
    const show = () => {
      scheduled = false;
      if (this.store.state.running?.messageId === answer.id) patch(written());
    };
    const onText = (piece: string, kind: PieceKind) => {
      if (firstTokenMs === undefined) {
        firstTokenMs = performance.now() - startedMs;
        if (asked.at(-1)!.attachments)
          void this.#hear(conversationId, asked.at(-1)!.id, answer.id, lease, abort.signal);
      }
      if (kind === "thinking") thinking += piece;
      else text += piece;
      if (!scheduled) this.#schedule(show);
      scheduled = true;
    };
    const last: Partial<Message> = { state: "done" };
    try {
      const { end, forgot, unseen } = await this.#complete(asked, lease, onText, abort.signal);
      if (forgot) last.forgot = true;
      if (unseen) last.unseen = true;
      if (end.finishReason === "length") last.state = "cut";
      const decodeSeconds = (performance.now() - startedMs - (firstTokenMs ?? 0)) / 1000;
      const measured = end.completionTokens === undefined ? undefined : end.completionTokens / decodeSeconds;
      const rate = end.tokensPerSecond ?? measured;
      last.stats = {
        tokensPerSecond: rate !== undefined && Number.isFinite(rate) ? rate : undefined,
        firstTokenMs,
        tokens: end.completionTokens,
      };
    } catch (thrown) {
      if (abort.signal.aborted) last.state = "stopped";
      else {
        last.state = "failed";
        last.error = OmniError.from(thrown).message;
      }
    } finally {
      lease.release();
    }
    patch({ ...last, ...written() });
    void this.#conversations.flush();
    this.#abort = undefined;
    this.store.update({ running: undefined, announcement: last.error ?? text });
    void this.#session.refreshStats();
  }

  /** Streams the answer; leaves out the oldest turns as long as the model says that they do not fit. */
  async #complete(
    asked: readonly Message[],
    lease: Lease,
    onText: (piece: string, kind: PieceKind) => void,
    signal: AbortSignal,
  ): Promise<Outcome> {
    if (!lease.inputs.includes("text")) return this.#transcribe(asked.at(-1)!, lease, onText, signal);
    const { systemPrompt, sampling } = this.#settings.state;
    const all = toTurns(systemPrompt, asked);
    let turns = fitContext(all, lease.contextLength);
    for (;;) {
      try {
        const { messages, unseen } = await toMessages(turns, lease);
        const body = completionBody(lease.name, messages, sampling);
        const end = await streamCompletion(lease.omni, body, onText, signal);
        return { end, forgot: turns.length < all.length, unseen };
      } catch (thrown) {
        const tooLong = thrown instanceof OmniError && thrown.detail === "context_length_exceeded";
        const shorter = tooLong ? withoutOldestTurn(turns) : undefined;
        if (!shorter) throw thrown;
        turns = shorter;
      }
    }
  }

  /** Has what was recorded written down for the user, which no answer waits for and no error disturbs. */
  async #hear(
    conversationId: string,
    questionId: string,
    answerId: string,
    lease: Lease,
    signal: AbortSignal,
  ): Promise<void> {
    const hearing = {
      ...{ conversations: this.#conversations, schedule: this.#schedule },
      ...{ conversationId, questionId, answerId },
    };
    try {
      const { hear } = await import("../media/hearing.ts");
      await hear(lease, hearing, signal);
    } catch {
      // Then there is nothing to show.
    }
  }

  async #transcribe(
    { content, attachments = [] }: Message,
    { omni, name }: Lease,
    onText: (piece: string, kind: PieceKind) => void,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { transcribe } = await loadMedia();
    await transcribe(omni, name, attachments, content, (piece) => onText(piece, "answer"), signal);
    const none = { finishReason: "stop", promptTokens: undefined, completionTokens: undefined };
    return { end: { ...none, tokensPerSecond: undefined }, forgot: false, unseen: false };
  }
}

const loadMedia = (): Promise<ChatMedia> => import("../media/chatMedia.ts");

/** Turns as the API takes them. */
async function toMessages(
  turns: readonly ChatTurn[],
  { inputs }: Lease,
): Promise<{ messages: readonly ApiMessage[]; unseen: boolean }> {
  if (!turns.some(({ attachments }) => attachments)) return { messages: turns, unseen: false };
  return (await loadMedia()).messagesOf(turns, inputs);
}

/** The messages as the model gets them: without thoughts, failed attempts and what they answered to. */
export function toTurns(systemPrompt: string, messages: readonly Message[]): ChatTurn[] {
  const turns: ChatTurn[] = systemPrompt.trim() === "" ? [] : [{ role: "system", content: systemPrompt }];
  messages.forEach((message, index) => {
    const isLast = index === messages.length - 1;
    const answered = message.role === "user" ? messages[index + 1] : message;
    const empty = answered?.role === "assistant" && answered.content === "";
    const { role, content, attachments } = message;
    if (isLast || !empty) turns.push({ role, content, ...(attachments ? { attachments } : {}) });
  });
  return turns;
}

/** The next animation frame; a hidden page has none, so a timer stands in. */
export const nextFrame: Scheduler = (callback) => {
  let called = false;
  const once = () => {
    if (called) return;
    called = true;
    clearTimeout(timer);
    callback();
  };
  const timer = setTimeout(once, 250);
  requestAnimationFrame(once);
};
