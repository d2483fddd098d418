import { describe, expect, it, vi } from "vitest";
import { hold, load } from "../media/attachmentStore.ts";
import { sendWhenFree } from "../media/sendWhenFree.ts";
import { type FakeScript, fakeCreateOmni } from "../testing/fakeOmni.ts";
import type { Attachment } from "./attachments.ts";
import { Chat, toTurns } from "./chat.ts";
import { Conversations, type Message } from "./conversations.ts";
import { Draft } from "./draft.ts";
import { ModelSession } from "./session.ts";
import { defaultSettings, type Settings } from "./settings.ts";
import { Store } from "./store.ts";

async function page(
  script: FakeScript,
  settings: Partial<Settings> = {},
  onKeepError?: () => void,
  history?: Promise<unknown[]>,
) {
  const conversations = new Conversations(
    { load: async () => (await history) ?? [], save: async () => undefined, remove: async () => undefined },
    (error) => expect.unreachable(String(error)),
  );
  if (!history) await conversations.load(undefined);
  const { createOmni, created } = fakeCreateOmni(() => script);
  const storage = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  const session = new ModelSession({
    createOmni,
    baseUrl: "https://example.org/",
    storage,
    findProblem: async () => undefined,
  });
  await session.start();
  const store = new Store({ ...defaultSettings, ...settings });
  const chat = new Chat(conversations, session, store, (run) => queueMicrotask(run), onKeepError);
  return { conversations, session, chat, omni: created[0]! };
}

const asked = (omni: { requests: Record<string, unknown>[] }, index = -1) =>
  omni.requests.at(index)!.messages as { role: string; content: string }[];

const said = (conversations: Conversations) =>
  conversations.current?.messages.map(({ role, content, state }) => `${role}: ${content} (${state})`);

describe("Chat", () => {
  it("asks, streams, and keeps the figures", async () => {
    const { conversations, chat, omni } = await page(
      { answer: () => ["I am ", "a model."] },
      { systemPrompt: "Be brief." },
    );
    const seen = new Set<string>();
    conversations.store.subscribe(() => seen.add(conversations.current?.messages[1]?.content ?? ""));
    await chat.send("Who are you?");
    expect(said(conversations)).toEqual(["user: Who are you? (done)", "assistant: I am a model. (done)"]);
    expect([...seen]).toContain("I am ");
    expect(asked(omni)).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Who are you?" },
    ]);
    const answer = conversations.current!.messages[1]!;
    expect(answer).toMatchObject({ model: "fake-model", stats: { tokensPerSecond: 42.5, tokens: 2 } });
    expect(answer.stats!.firstTokenMs).toBeGreaterThanOrEqual(0);
    expect(conversations.current!.title).toBe("Who are you?");
    expect(chat.store.state).toEqual({ running: undefined, announcement: "I am a model." });
  });

  it("keeps thoughts apart from the answer, and to itself", async () => {
    const { conversations, chat, omni } = await page({ thinking: ["Hm, ", "hm."], answer: () => ["Yes."] });
    await chat.send("Well?");
    expect(conversations.current!.messages[1]).toMatchObject({ content: "Yes.", thinking: "Hm, hm." });
    await chat.send("And?");
    expect(asked(omni)[1]).toEqual({ role: "assistant", content: "Yes." });
  });

  it("goes on with the conversation that is shown", async () => {
    const { conversations, chat, omni } = await page({ answer: (all) => [`#${all.length}`] });
    await chat.send("one");
    await chat.send("two");
    expect(asked(omni).map(({ content }) => content)).toEqual(["one", "#1", "two"]);
    conversations.select(undefined);
    await chat.send("three");
    expect(asked(omni).map(({ content }) => content)).toEqual(["three"]);
    expect(conversations.store.state.list).toHaveLength(2);
  });

  it("waits for the history that is still being read, and goes on with what it shows", async () => {
    const before = { id: "m1", role: "user", content: "Before", state: "done" };
    const answer = { id: "m2", role: "assistant", content: "Then.", state: "done" };
    const stored = { id: "c1", title: "Before", updatedAt: 1, messages: [before, answer] };
    let read!: (history: unknown[]) => void;
    const history = new Promise<unknown[]>((resolve) => {
      read = resolve;
    });
    const { conversations, chat, omni } = await page({ answer: () => ["Now."] }, {}, undefined, history);
    void conversations.load("c1");
    const sent = chat.send("Go on");
    read([stored]);
    await sent;
    expect(conversations.store.state.list).toHaveLength(1);
    expect(said(conversations)).toHaveLength(4);
    expect(asked(omni).map(({ content }) => content)).toEqual(["Before", "Then.", "Go on"]);
  });

  it("does not wait for a history that never comes", async () => {
    const never = new Promise<unknown[]>(() => undefined);
    const { conversations, chat } = await page({ answer: () => ["Now."] }, {}, undefined, never);
    void conversations.load("c1");
    vi.useFakeTimers();
    const sent = chat.send("Anyone?");
    await vi.runAllTimersAsync();
    await sent;
    vi.useRealTimers();
    expect(said(conversations)).toEqual(["user: Anyone? (done)", "assistant: Now. (done)"]);
  });

  it("regenerates an answer and drops what followed", async () => {
    let count = 0;
    const { conversations, chat } = await page({ answer: () => [`answer ${++count}`] });
    await chat.send("one");
    await chat.send("two");
    const { id, messages } = conversations.current!;
    await chat.regenerate(id, messages[1]!.id);
    expect(said(conversations)).toEqual(["user: one (done)", "assistant: answer 3 (done)"]);
  });

  it("sends an edited question again", async () => {
    const { conversations, chat, omni } = await page({ answer: (all) => [`re: ${all.at(-1)!.content}`] });
    await chat.send("one");
    await chat.send("tow");
    const { id, messages } = conversations.current!;
    await chat.resend(id, messages[2]!.id, "two");
    expect(said(conversations)).toEqual([
      "user: one (done)",
      "assistant: re: one (done)",
      "user: two (done)",
      "assistant: re: two (done)",
    ]);
    expect(asked(omni).map(({ content }) => content)).toEqual(["one", "re: one", "two"]);
  });

  it("stops, keeps what there is, and answers again", async () => {
    const pieces = Array.from({ length: 200 }, (_, index) => `${index} `);
    const { conversations, chat } = await page({ answer: () => pieces, pieceDelayMs: 5 });
    const running = chat.send("count");
    await vi.waitFor(() => expect(conversations.current?.messages[1]?.content).toMatch(/^0 1 /));
    expect(chat.store.state.running).toBeDefined();
    await chat.send("ignored while an answer is being written");
    chat.stop();
    await running;
    const answer = conversations.current!.messages[1]!;
    expect(answer.state).toBe("stopped");
    expect(pieces.join("").startsWith(answer.content)).toBe(true);
    expect(answer.content.length).toBeLessThan(pieces.join("").length / 2);
    expect(conversations.current!.messages).toHaveLength(2);
  });

  it("shows an error in the message and leaves it out of the next question", async () => {
    let fail = true;
    const { conversations, chat, omni } = await page({
      answer: () => {
        if (fail) throw new Error("No memory left.");
        return ["Fine."];
      },
    });
    await chat.send("one");
    expect(conversations.current!.messages[1]).toMatchObject({
      state: "failed",
      error: "No memory left.",
      content: "",
    });
    fail = false;
    await chat.send("two");
    expect(asked(omni).map(({ content }) => content)).toEqual(["two"]);
    expect(conversations.current!.messages[3]).toMatchObject({ state: "done", content: "Fine." });
  });

  it("leaves out the oldest turns when the model says that they do not fit", async () => {
    const { conversations, chat, omni } = await page({
      answer: (all) => {
        if (all.length > 3) throw Object.assign(new Error("too long"), { code: "context_length_exceeded" });
        return [`#${all.length}`];
      },
    });
    for (const question of ["one", "two", "three"]) await chat.send(question);
    expect(asked(omni).map(({ content }) => content)).toEqual(["two", "#3", "three"]);
    expect(conversations.current!.messages.at(-1)).toMatchObject({
      content: "#3",
      state: "done",
      forgot: true,
    });
    expect(conversations.current!.messages.at(-3)).not.toHaveProperty("forgot");
  });

  it("goes on in a conversation that is no longer shown, and survives its removal", async () => {
    const pieces = Array.from({ length: 20 }, (_, index) => `${index} `);
    const { conversations, chat } = await page({ answer: () => pieces, pieceDelayMs: 2 });
    const running = chat.send("first");
    const { id } = conversations.current!;
    conversations.select(undefined);
    await running;
    expect(conversations.get(id)!.messages[1]).toMatchObject({ content: pieces.join(""), state: "done" });
    conversations.select(id);
    const again = chat.send("second");
    conversations.remove(id);
    await again;
    expect(conversations.store.state.list).toEqual([]);
    expect(chat.store.state.running).toBeUndefined();
  });
});

describe("attachments", () => {
  const cat: Attachment = { id: "cat", kind: "image", type: "image/png", name: "cat.png" };
  const voice: Attachment = { id: "voice", kind: "audio", type: "audio/wav", name: "voice.wav", seconds: 2 };
  const holdBoth = () => {
    hold(cat.id, { blobs: [new Blob([Uint8Array.of(1, 2, 3)])] });
    hold(voice.id, { blobs: [new Blob([Uint8Array.of(4, 5)])] });
  };
  const sees = { answer: () => ["A cat."], inputs: ["text", "image"] as const };
  const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } };

  it("go with the question, and stay with it", async () => {
    holdBoth();
    const keepFailed = vi.fn();
    const { conversations, chat, omni } = await page(sees, {}, keepFailed);
    await chat.send("", [cat]);
    expect(asked(omni)).toEqual([{ role: "user", content: [picture] }]);
    const { id, title, messages } = conversations.current!;
    expect(title).toBe("cat.png");
    expect(messages[0]).toMatchObject({ content: "", attachments: [cat] });
    await chat.regenerate(id, messages[1]!.id);
    expect(asked(omni)).toEqual([{ role: "user", content: [picture] }]);
    await chat.resend(id, messages[0]!.id, "What is this?", [cat]);
    expect(asked(omni)).toEqual([
      { role: "user", content: [picture, { type: "text", text: "What is this?" }] },
    ]);
    await chat.resend(id, messages[0]!.id, "Hello");
    expect(asked(omni)).toEqual([{ role: "user", content: "Hello" }]);
    expect(conversations.current!.messages[0]).not.toHaveProperty("attachments");
    // There is no IndexedDB here: that is told, and the page goes on with what it holds.
    await vi.waitFor(() => expect(keepFailed).toHaveBeenCalled());
    expect(await load(cat.id)).toBeDefined();
  });

  it("that the model cannot take are left out, and the answer says so", async () => {
    holdBoth();
    const { conversations, chat } = await page(sees);
    await chat.send("Listen and look", [voice, cat]);
    expect(conversations.current!.messages[1]).toMatchObject({ content: "A cat.", unseen: true });
  });

  it("are written down by a model that only does that", async () => {
    holdBoth();
    const script = { answer: () => [], inputs: ["audio"] as const, transcript: ["Three plus ", "four."] };
    const { conversations, chat, omni } = await page(script);
    await chat.send("", [voice]);
    expect(said(conversations)).toEqual(["user:  (done)", "assistant: Three plus four. (done)"]);
    expect(omni.requests[0]).toMatchObject({ model: "fake-model", stream: "true" });
    await chat.send("Hello?");
    expect(conversations.current!.messages[3]).toMatchObject({
      ...{ state: "failed", error: expect.stringContaining("record or attach") },
    });
  });

  it("of a draft go when it is sent, with what the camera sees", async () => {
    holdBoth();
    const { chat, conversations } = await page(sees);
    const draft = new Draft(chat);
    expect(draft.send()).toBe(false);
    draft.attach(cat);
    draft.store.update({ adding: 1 });
    expect(draft.send()).toBe(false); // a file is still being read
    draft.store.update({ adding: 0, text: "  And this? " });
    const frames: Attachment = { ...cat, id: "frames", kind: "frames" };
    draft.live = () => frames;
    expect(draft.send()).toBe(true);
    expect(draft.store.state).toMatchObject({ text: "", attachments: [] });
    expect(conversations.current!.messages[0]).toMatchObject({
      ...{ content: "And this?", attachments: [cat, frames] },
    });
    await vi.waitFor(() => expect(chat.isFree).toBe(true));
  });

  it("of a draft wait for the end of an answer, and go once", async () => {
    const { chat, conversations } = await page({ answer: () => ["a", "b", "c"], pieceDelayMs: 5 });
    const draft = new Draft(chat);
    draft.store.update({ text: "one" });
    sendWhenFree(draft, chat);
    draft.store.update({ text: "two" });
    sendWhenFree(draft, chat);
    sendWhenFree(draft, chat);
    expect(draft.store.state.text).toBe("two");
    await vi.waitFor(() => expect(said(conversations)).toHaveLength(4));
    await vi.waitFor(() => expect(chat.isFree).toBe(true));
    expect(said(conversations)![2]).toBe("user: two (done)");
    expect(draft.store.state.text).toBe("");
  });
});

describe("toTurns", () => {
  const message = (role: Message["role"], content: string): Message => ({
    id: content,
    role,
    content,
    state: "done",
  });

  it("leaves thoughts out", () => {
    const messages = [
      message("user", "q"),
      { ...message("assistant", "a"), thinking: "hm" },
      message("user", "next"),
    ];
    expect(toTurns(" ", messages)).toEqual([
      { role: "user", content: "q" },
      { role: "assistant", content: "a" },
      { role: "user", content: "next" },
    ]);
  });
});
