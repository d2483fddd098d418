/** The conversations of this browser: shown, changed, and stored behind the scenes. */

import { type Attachment, restoreAttachments } from "./attachments.ts";
import { Store } from "./store.ts";

export interface AnswerStats {
  tokensPerSecond: number | undefined;
  firstTokenMs: number | undefined;
  tokens: number | undefined;
}

export interface Message {
  id: string;
  role: "user" | "assistant";
  content: string;
  attachments?: readonly Attachment[];
  /** What the model took the question's recordings for; empty where it did not say. */
  heard?: string;
  /** What the model thought before it answered, if it did. */
  thinking?: string;
  /** `cut`: the token limit or the context's end came first. */
  state: "done" | "streaming" | "stopped" | "cut" | "failed";
  /** The message of the error, when `state` is `failed`. */
  error?: string;
  /** Name of the model that answered. */
  model?: string;
  stats?: AnswerStats;
  /** Earlier messages no longer fitted into the model's context. */
  forgot?: boolean;
  /** The model could not be given all that is attached to the conversation. */
  unseen?: boolean;
}

export interface Conversation {
  id: string;
  title: string;
  updatedAt: number;
  messages: readonly Message[];
}

export interface ConversationsState {
  loaded: boolean;
  /** Newest first. */
  list: readonly Conversation[];
  /** Undefined: a new conversation that nothing was said in. */
  currentId: string | undefined;
}

/** Where conversations are kept. Every method may reject. */
export interface HistoryStorage {
  load(): Promise<unknown[]>;
  save(conversation: Conversation): Promise<void>;
  remove(id: string): Promise<void>;
}

const saveDelayMs = 400;
const titleChars = 48;

export function newId(): string {
  return crypto.randomUUID();
}

/** The first words of a message. */
export function titleFrom(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  if (line.length <= titleChars) return line;
  const cut = line.slice(0, titleChars);
  const space = cut.lastIndexOf(" ");
  return `${(space > titleChars / 2 ? cut.slice(0, space) : cut).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

const messageStates: readonly string[] = ["done", "streaming", "stopped", "cut", "failed"];

/** A stored conversation, or undefined if it is not one. An answer that was being written counts as stopped. */
export function restoreConversation(stored: unknown): Conversation | undefined {
  const from = stored as Partial<Conversation> | null;
  if (typeof from !== "object" || from === null) return undefined;
  if (typeof from.id !== "string" || typeof from.title !== "string" || typeof from.updatedAt !== "number")
    return undefined;
  if (!Array.isArray(from.messages) || from.messages.length === 0) return undefined;
  const messages: Message[] = [];
  for (const message of from.messages as Partial<Message>[]) {
    if (typeof message?.id !== "string" || typeof message.content !== "string") return undefined;
    if (message.thinking !== undefined && typeof message.thinking !== "string") return undefined;
    if (message.heard !== undefined && typeof message.heard !== "string") return undefined;
    if (message.role !== "user" && message.role !== "assistant") return undefined;
    const state = messageStates.includes(message.state ?? "") ? message.state! : "done";
    const { attachments: stored, ...rest } = message as Message;
    const attachments = restoreAttachments(stored);
    messages.push({
      ...rest,
      state: state === "streaming" ? "stopped" : state,
      ...(attachments.length > 0 ? { attachments } : {}),
    });
  }
  return { id: from.id, title: from.title, updatedAt: from.updatedAt, messages };
}

export class Conversations {
  readonly store = new Store<ConversationsState>({ loaded: false, list: [], currentId: undefined });
  readonly #storage: HistoryStorage;
  readonly #onError: (error: unknown) => void;
  /** Settled when `load` is done, if it was called. */
  loading: Promise<unknown> = Promise.resolve();
  #unsaved = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(storage: HistoryStorage, onError: (error: unknown) => void) {
    this.#storage = storage;
    this.#onError = onError;
  }

  get current(): Conversation | undefined {
    const { list, currentId } = this.store.state;
    return list.find(({ id }) => id === currentId);
  }

  get(id: string): Conversation | undefined {
    return this.store.state.list.find((conversation) => conversation.id === id);
  }

  /** Reads what is stored and shows `currentId`, if it is still there. @returns whether it could be read */
  load(currentId: string | undefined): Promise<boolean> {
    const loading = this.#load(currentId);
    this.loading = loading;
    return loading;
  }

  async #load(currentId: string | undefined): Promise<boolean> {
    let stored: unknown[] | undefined;
    try {
      stored = await this.#storage.load();
    } catch (error) {
      this.#onError(error);
    }
    const known = new Set(this.store.state.list.map(({ id }) => id));
    const restored = (stored ?? [])
      .map(restoreConversation)
      .filter((conversation) => conversation !== undefined)
      .filter(({ id }) => !known.has(id));
    const list = [...this.store.state.list, ...restored].sort((a, b) => b.updatedAt - a.updatedAt);
    const shown = this.store.state.currentId ?? list.find(({ id }) => id === currentId)?.id;
    this.store.update({ loaded: true, list, currentId: shown });
    return stored !== undefined;
  }

  select(id: string | undefined): void {
    this.store.update({ currentId: id });
  }

  /** Starts a conversation with its first messages and shows it. */
  create(messages: readonly Message[]): Conversation {
    const conversation = {
      id: newId(),
      title: titleFrom(messages[0]?.content || messages[0]?.attachments?.[0]?.name || ""),
      updatedAt: Date.now(),
      messages,
    };
    this.store.update({ list: [conversation, ...this.store.state.list], currentId: conversation.id });
    this.#save(conversation.id);
    return conversation;
  }

  /** Replaces messages; `touch` also moves the conversation to the top. */
  setMessages(id: string, messages: readonly Message[], touch = false): void {
    this.#change(id, (conversation) => ({
      ...conversation,
      messages,
      updatedAt: touch ? Date.now() : conversation.updatedAt,
    }));
  }

  /** Changes one message, if it is still there. */
  patchMessage(id: string, messageId: string, patch: Partial<Message>): void {
    const conversation = this.get(id);
    if (!conversation) return;
    this.setMessages(
      id,
      conversation.messages.map((message) => (message.id === messageId ? { ...message, ...patch } : message)),
    );
  }

  rename(id: string, title: string): void {
    const trimmed = title.replace(/\s+/g, " ").trim().slice(0, 200);
    if (trimmed) this.#change(id, (conversation) => ({ ...conversation, title: trimmed }));
  }

  /** Removes a conversation; the returned function puts it back. */
  remove(id: string): () => void {
    const removed = this.get(id);
    const { list, currentId } = this.store.state;
    this.store.update({
      list: list.filter((conversation) => conversation.id !== id),
      currentId: currentId === id ? undefined : currentId,
    });
    this.#unsaved.delete(id);
    this.#storage.remove(id).catch(this.#onError);
    return () => {
      if (!removed || this.get(id)) return;
      const restored = [...this.store.state.list, removed].sort((a, b) => b.updatedAt - a.updatedAt);
      this.store.update({ list: restored, currentId: currentId === id ? id : this.store.state.currentId });
      this.#save(id);
    };
  }

  /** Stores at once what has changed. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const ids = [...this.#unsaved];
    this.#unsaved.clear();
    for (const id of ids) {
      const conversation = this.get(id);
      if (!conversation) continue;
      try {
        await this.#storage.save(conversation);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #change(id: string, change: (conversation: Conversation) => Conversation): void {
    const { list } = this.store.state;
    const index = list.findIndex((conversation) => conversation.id === id);
    if (index < 0) return;
    const changed = change(list[index]!);
    const moved = changed.updatedAt !== list[index]!.updatedAt;
    const others = list.filter((conversation) => conversation.id !== id);
    this.store.update({ list: moved ? [changed, ...others] : list.with(index, changed) });
    this.#save(id);
  }

  #save(id: string): void {
    this.#unsaved.add(id);
    this.#timer ??= setTimeout(() => void this.flush(), saveDelayMs);
  }
}
