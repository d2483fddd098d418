import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Attachment } from "../state/attachments.ts";
import { Chat } from "../state/chat.ts";
import { type Conversation, Conversations, type Message } from "../state/conversations.ts";
import { ModelSession } from "../state/session.ts";
import { defaultSettings } from "../state/settings.ts";
import { Store } from "../state/store.ts";
import { type FakeScript, fakeCreateOmni } from "../testing/fakeOmni.ts";
import { hold } from "./attachmentStore.ts";

const name = "Recording 10:00:00.wav";
const voice: Attachment = { id: "voice", kind: "audio", type: "audio/wav", name, seconds: 2, recorded: true };
const sound = { type: "input_audio", input_audio: { data: "BAU=", format: "wav" } };
const hears: FakeScript = {
  answer: () => ["7"],
  inputs: ["text", "audio"],
  transcript: ["three ", "plus ", "four"],
};

async function page(script: FakeScript) {
  const saved = new Map<string, Conversation>();
  const storage = {
    load: async () => [...saved.values()],
    save: async (conversation: Conversation) =>
      void saved.set(conversation.id, structuredClone(conversation)),
    remove: async (id: string) => void saved.delete(id),
  };
  const fail = (error: unknown) => expect.unreachable(String(error));
  const conversations = new Conversations(storage, fail);
  const { createOmni, created } = fakeCreateOmni(() => script);
  const session = new ModelSession({
    createOmni,
    baseUrl: "https://example.org/",
    storage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
    findProblem: async () => undefined,
  });
  await session.start();
  const chat = new Chat(conversations, session, new Store(defaultSettings), (run) => queueMicrotask(run));
  const lines: (string | undefined)[] = [undefined];
  conversations.store.subscribe(() => {
    const line = conversations.current?.messages[0]?.heard;
    if (lines.at(-1) !== line) lines.push(line);
  });
  const line = () => conversations.store.state.list[0]!.messages[0]!.heard;
  const reload = async () => {
    await conversations.flush();
    const again = new Conversations(storage, fail);
    await again.load(undefined);
    return again.store.state.list[0]!.messages as Message[];
  };
  return { conversations, chat, omni: created[0]!, lines, line, reload };
}

/** Nothing more comes after that. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

beforeEach(() => hold(voice.id, { blobs: [new Blob([Uint8Array.of(4, 5)])] }));

describe("what was heard", () => {
  it("is asked for with the recording alone, shown as it comes, and kept", async () => {
    const { chat, omni, lines, line, reload, conversations } = await page({ ...hears, pieceDelayMs: 5 });
    await chat.send("", [voice]);
    await vi.waitFor(() => expect(line()).toBe("three plus four"));
    expect(lines).toEqual([undefined, "three", "three plus", "three plus four"]);
    expect(omni.heard).toEqual([
      {
        ...{ model: "fake-model", stream: true, temperature: 0, max_tokens: 128 },
        messages: [{ role: "user", content: [sound, { type: "text", text: "Transcribe." }] }],
      },
    ]);
    expect(conversations.current!.title).toBe("three plus four");
    expect((await reload())[0]).toMatchObject({
      content: "",
      heard: "three plus four",
      attachments: [voice],
    });
  });

  it("waits for the first token of the answer, and does not come without", async () => {
    const { chat, omni, lines } = await page({ ...hears, pieceDelayMs: 60_000 });
    const sent = chat.send("", [voice]);
    await vi.waitFor(() => expect(omni.requests).toHaveLength(1));
    await settle();
    expect(omni.heard).toEqual([]);
    chat.stop();
    await sent;
    await settle();
    expect(omni.heard).toEqual([]);
    expect(lines).toEqual([undefined]);
  });

  it("is told to no model, and not asked for again", async () => {
    const { chat, omni, line, conversations } = await page(hears);
    await chat.send("Add this.", [voice]);
    await vi.waitFor(() => expect(line()).toBe("three plus four"));
    expect(conversations.current!.title).toBe("Add this.");
    await chat.send("And one more?");
    expect(omni.requests[1]!.messages).toEqual([
      { role: "user", content: [sound, { type: "text", text: "Add this." }] },
      { role: "assistant", content: "7" },
      { role: "user", content: "And one more?" },
    ]);
    const { id, messages } = conversations.current!;
    await chat.regenerate(id, messages[1]!.id);
    await settle();
    expect(omni.heard).toHaveLength(1);
    expect(line()).toBe("three plus four");
    await chat.resend(id, messages[0]!.id, "Nothing to hear");
    expect(conversations.current!.messages[0]).not.toHaveProperty("heard");
  });

  it("ends with the answer that is stopped, without a line", async () => {
    const many = Array.from({ length: 200 }, (_, index) => `${index} `);
    const { chat, line } = await page({ ...hears, answer: () => many, transcript: many, pieceDelayMs: 5 });
    const sent = chat.send("", [voice]);
    await vi.waitFor(() => expect(line()).toMatch(/^0 1/));
    chat.stop();
    await sent;
    await vi.waitFor(() => expect(line()).toBe(""));
    await settle();
    expect(line()).toBe("");
  });

  it("ends when the conversation is left or the question answered anew", async () => {
    const many = Array.from({ length: 200 }, (_, index) => `${index} `);
    const { chat, omni, line, conversations } = await page({ ...hears, transcript: many, pieceDelayMs: 5 });
    await chat.send("", [voice]);
    await vi.waitFor(() => expect(line()).toMatch(/^0 1/));
    const { id, messages } = conversations.current!;
    await chat.regenerate(id, messages[1]!.id);
    await vi.waitFor(() => expect(omni.heard).toHaveLength(2));
    await vi.waitFor(() => expect(line()).toMatch(/^0 1/));
    conversations.select(undefined);
    await vi.waitFor(() => expect(line()).toBe(""));
    await settle();
    expect(line()).toBe("");
  });

  it("is no line where the request fails, at once or midway", async () => {
    const atOnce = await page({
      ...hears,
      get transcript(): string[] {
        throw new Error("No memory left.");
      },
    });
    await atOnce.chat.send("", [voice]);
    await vi.waitFor(() => expect(atOnce.line()).toBe(""));
    expect(atOnce.conversations.current!.messages[1]).toMatchObject({ content: "7", state: "done" });
    expect(atOnce.conversations.current!.title).toBe(name);

    const broken = ["three ", "plus "];
    broken[Symbol.iterator] = function* () {
      yield "three ";
      yield "plus ";
      throw new Error("The GPU is gone.");
    };
    const midway = await page({ ...hears, transcript: broken, pieceDelayMs: 5 });
    await midway.chat.send("", [voice]);
    await vi.waitFor(() => expect(midway.lines).toEqual([undefined, "three", "three plus", ""]));
  });

  it("is no line where the model has no words", async () => {
    const { chat, omni, lines } = await page({ ...hears, transcript: [" ", "\n"] });
    await chat.send("", [voice]);
    await vi.waitFor(() => expect(omni.heard).toHaveLength(1));
    await settle();
    expect(lines).toEqual([undefined, ""]);
  });

  it.each<[string, Partial<FakeScript>, Attachment]>([
    ["a model that does not hear", { inputs: ["text", "image"] }, voice],
    ["a model that only writes down", { inputs: ["audio"] }, voice],
    ["a sound that was picked", {}, { id: voice.id, kind: "audio", type: "audio/wav", name: "song.wav" }],
  ])("is not asked for: %s", async (_, script, attachment) => {
    const { chat, omni, lines } = await page({ ...hears, ...script });
    await chat.send("", [attachment]);
    await settle();
    expect(omni.heard).toEqual([]);
    expect(lines).toEqual([undefined]);
  });
});
