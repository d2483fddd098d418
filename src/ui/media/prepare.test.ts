import { expect, it, vi } from "vitest";
import type { AppServices } from "../appContext.ts";
import { toTaps } from "../capture/taps.ts";
import { Chat } from "../state/chat.ts";
import { Conversations } from "../state/conversations.ts";
import { Draft } from "../state/draft.ts";
import { ModelSession } from "../state/session.ts";
import { defaultSettings } from "../state/settings.ts";
import { Store } from "../state/store.ts";
import { fakeCreateOmni } from "../testing/fakeOmni.ts";
import { Preparation } from "./prepare.ts";

async function page(inputs: readonly ("text" | "image" | "audio" | "video")[]) {
  const conversations = new Conversations(
    { load: async () => [], save: async () => undefined, remove: async () => undefined },
    (error) => expect.unreachable(String(error)),
  );
  const { createOmni, created } = fakeCreateOmni(() => ({ answer: () => ["7"], inputs }));
  const storage = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  const session = new ModelSession({
    ...{ createOmni, storage, baseUrl: "https://example.org/", findProblem: async () => undefined },
  });
  await session.start();
  const settings = new Store({ ...defaultSettings, systemPrompt: "Be brief." });
  const chat = new Chat(conversations, session, settings, (run) => queueMicrotask(run));
  const draft = new Draft(chat);
  new Preparation({ settings, session, conversations, chat, draft } as AppServices);
  return { omni: created[0]!, chat };
}

const second = new Float32Array(16_000).fill(0.25);
/** Bytes of the sound of a request. */
const soundOf = (request: Record<string, unknown> | undefined) => {
  const messages = request!.messages as { content: { input_audio: { data: string } }[] }[];
  return atob(messages.at(-1)!.content[0]!.input_audio.data);
};

it("asks for what was recorded so far, in whole steps, with the conversation before it", async () => {
  const { omni, chat } = await page(["text", "audio"]);
  await chat.send("Hello");
  toTaps.onSamples("a", second.subarray(0, 8000), 0);
  expect(omni.prepared).toHaveLength(0);
  toTaps.onSamples("a", second, 8000);
  await vi.waitFor(() => expect(omni.prepared).toHaveLength(1));
  expect(omni.prepared[0]).toMatchObject({ max_tokens: 1, add_generation_prompt: false });
  const messages = omni.prepared[0]!.messages as { role: string; content: unknown }[];
  expect(messages.slice(0, 3)).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello" },
    { role: "assistant", content: "7" },
  ]);
  // 1.5 s are two steps of 0.64 s.
  expect(soundOf(omni.prepared[0])).toHaveLength(44 + 2 * 20_480);
  await vi.waitFor(() => {
    toTaps.onSamples("a", second, 24_000);
    expect(omni.prepared).toHaveLength(2);
  });
  expect(soundOf(omni.prepared[1])).toHaveLength(44 + 2 * 30_720);
  // The next recording begins anew.
  toTaps.onRecorded("a", true);
  toTaps.onSamples("b", second, 0);
  await vi.waitFor(() => expect(soundOf(omni.prepared.at(-1))).toHaveLength(44 + 2 * 10_240));
});

it("asks a model that takes no sound nothing, and one that sees for the tokens of the last frames", async () => {
  const { omni } = await page(["text", "image", "video"]);
  const other = await page(["text"]);
  toTaps.onSamples("a", second, 0);
  toTaps.onFrame(new Blob([Uint8Array.of(1, 2, 3)], { type: "image/jpeg" }));
  await vi.waitFor(() => expect(omni.prepared).toHaveLength(1));
  const asked = (url: string) => [{ role: "user", content: [{ type: "video_url", video_url: { url } }] }];
  expect(omni.prepared[0]!.messages).toEqual(asked("data:video/jpeg;base64,AQID"));
  // One request at a time: the first one has been answered by then.
  await new Promise((resolve) => setTimeout(resolve, 50));
  toTaps.onFrame(new Blob([Uint8Array.of(4, 5, 6)], { type: "image/jpeg" }));
  await vi.waitFor(() => expect(omni.prepared).toHaveLength(2));
  // As the window has them, oldest first.
  expect(omni.prepared[1]!.messages).toEqual(asked("data:video/jpeg;base64,AQID,BAUG"));
  expect(other.omni.prepared).toHaveLength(0);
});
