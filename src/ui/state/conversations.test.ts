import { describe, expect, it, vi } from "vitest";
import {
  type Conversation,
  Conversations,
  type HistoryStorage,
  type Message,
  restoreConversation,
  titleFrom,
} from "./conversations.ts";

const message = (id: string, role: Message["role"], content: string): Message => ({
  id,
  role,
  content,
  state: "done",
});

class MemoryHistory implements HistoryStorage {
  saved = new Map<string, Conversation>();
  async load() {
    return [...this.saved.values()];
  }
  async save(conversation: Conversation) {
    this.saved.set(conversation.id, structuredClone(conversation));
  }
  async remove(id: string) {
    this.saved.delete(id);
  }
}

const fail = (error: unknown) => expect.unreachable(String(error));

describe("titleFrom", () => {
  it("is the first words", () => {
    expect(titleFrom("  What is\n12 + 7?  ")).toBe("What is 12 + 7?");
    expect(titleFrom("Tell me a long and winding fable about a fox who could not reach the grapes")).toBe(
      "Tell me a long and winding fable about a fox…",
    );
    expect(titleFrom("x".repeat(60))).toBe(`${"x".repeat(48)}…`);
    expect(titleFrom(`${"x".repeat(47)}🦊🦊`)).toBe(`${"x".repeat(47)}…`);
  });
});

describe("restoreConversation", () => {
  const good = { id: "c", title: "t", updatedAt: 5, messages: [message("m", "user", "hi")] };

  it("takes what was stored", () => {
    expect(restoreConversation(structuredClone(good))).toEqual(good);
  });

  it("takes attachments, and drops what is none", () => {
    const cat = { id: "a", kind: "image", type: "image/png", name: "cat.png" };
    const stored = [cat, { ...cat, kind: "program" }, { ...cat, name: 5 }, null, "x"];
    const restored = (attachments: unknown) =>
      restoreConversation({ ...good, messages: [{ ...good.messages[0], attachments }] })!.messages[0];
    expect(restored(stored)!.attachments).toEqual([cat]);
    expect(restored("cat.png")).not.toHaveProperty("attachments");
  });

  it("counts an answer that was being written as stopped", () => {
    const answer = { ...message("a", "assistant", "I am"), state: "streaming" };
    const restored = restoreConversation({ ...good, messages: [...good.messages, answer] });
    expect(restored?.messages[1]).toEqual({ ...answer, state: "stopped" });
  });

  it.each([
    [null],
    ["text"],
    [{ ...good, id: 1 }],
    [{ ...good, updatedAt: "now" }],
    [{ ...good, messages: [] }],
    [{ ...good, messages: [null] }],
    [{ ...good, messages: [{ ...good.messages[0], content: { __html: "<b>" } }] }],
    [{ ...good, messages: [{ ...good.messages[0], role: "system" }] }],
    [{ ...good, messages: [{ ...good.messages[0], heard: { __html: "<b>" } }] }],
  ])("refuses %j", (stored) => {
    expect(restoreConversation(stored)).toBeUndefined();
  });
});

describe("Conversations", () => {
  it("survive a reload, newest first", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const history = new MemoryHistory();
    const before = new Conversations(history, fail);
    vi.setSystemTime(1000);
    const first = before.create([message("1", "user", "First question")]);
    vi.setSystemTime(2000);
    const second = before.create([message("2", "user", "Second question")]);
    vi.setSystemTime(3000);
    before.setMessages(
      first.id,
      [message("1", "user", "First question"), message("3", "assistant", "Yes")],
      true,
    );
    before.rename(second.id, "  Renamed  ");
    before.rename(second.id, "   ");
    await before.flush();
    vi.useRealTimers();

    const after = new Conversations(history, fail);
    await after.load(second.id);
    expect(after.store.state.list.map(({ title }) => title)).toEqual(["First question", "Renamed"]);
    expect(after.current?.id).toBe(second.id);
    expect(after.get(first.id)?.messages.map(({ content }) => content)).toEqual(["First question", "Yes"]);
  });

  it("save soon after a change, once for many", async () => {
    vi.useFakeTimers();
    const history = new MemoryHistory();
    const save = vi.spyOn(history, "save");
    const conversations = new Conversations(history, fail);
    const { id } = conversations.create([message("1", "assistant", "")]);
    for (const content of ["a", "ab", "abc"]) conversations.patchMessage(id, "1", { content });
    expect(save).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(save).toHaveBeenCalledTimes(1);
    expect(history.saved.get(id)?.messages[0]?.content).toBe("abc");
    vi.useRealTimers();
  });

  it("come back when a removal is undone", async () => {
    const history = new MemoryHistory();
    const conversations = new Conversations(history, fail);
    const { id } = conversations.create([message("1", "user", "Keep me")]);
    await conversations.flush();
    const undo = conversations.remove(id);
    expect(conversations.store.state).toMatchObject({ list: [], currentId: undefined });
    await vi.waitFor(() => expect(history.saved.size).toBe(0));
    undo();
    await conversations.flush();
    expect(conversations.current?.title).toBe("Keep me");
    expect(history.saved.get(id)?.title).toBe("Keep me");
  });

  it("go on without storage, and say so", async () => {
    const errors: string[] = [];
    const broken: HistoryStorage = {
      load: () => Promise.reject(new Error("no load")),
      save: () => Promise.reject(new Error("no save")),
      remove: () => Promise.reject(new Error("no remove")),
    };
    const conversations = new Conversations(broken, (error) => errors.push((error as Error).message));
    await conversations.load(undefined);
    const { id } = conversations.create([message("1", "user", "Still here")]);
    await conversations.flush();
    expect(conversations.store.state.loaded).toBe(true);
    expect(conversations.current?.title).toBe("Still here");
    conversations.remove(id);
    await vi.waitFor(() => expect(errors).toEqual(["no load", "no save", "no remove"]));
  });

  it("leave out stored entries that are not conversations", async () => {
    const history = new MemoryHistory();
    vi.spyOn(history, "load").mockResolvedValue([
      7 as never,
      { id: "ok", title: "t", updatedAt: 1, messages: [message("m", "user", "hi")] },
    ]);
    const conversations = new Conversations(history, fail);
    await conversations.load("gone");
    expect(conversations.store.state.list.map(({ id }) => id)).toEqual(["ok"]);
    expect(conversations.store.state.currentId).toBeUndefined();
  });
});
