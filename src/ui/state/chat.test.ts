import { describe, expect, it, vi } from "vitest";
import { type FakeScript, fakeCreateOmni } from "../testing/fakeOmni.ts";
import { Chat, toTurns } from "./chat.ts";
import { Conversations, type Message } from "./conversations.ts";
import { ModelSession } from "./session.ts";
import { defaultSettings, type Settings } from "./settings.ts";
import { Store } from "./store.ts";

async function page(script: FakeScript, settings: Partial<Settings> = {}) {
  const conversations = new Conversations(
    { load: async () => [], save: async () => undefined, remove: async () => undefined },
    (error) => expect.unreachable(String(error)),
  );
  const { createOmni, created } = fakeCreateOmni(() => script);
  const storage = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  const session = new ModelSession({
    createOmni,
    baseUrl: "https://example.org/",
    storage,
    findProblem: async () => undefined,
  });
  await session.start();
  const chat = new Chat(conversations, session, new Store({ ...defaultSettings, ...settings }), (run) =>
    queueMicrotask(run),
  );
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
