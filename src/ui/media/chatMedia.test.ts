import { beforeEach, describe, expect, it } from "vitest";
import type { ChatTurn } from "../completion.ts";
import type { Attachment } from "../state/attachments.ts";
import { hold, release } from "./attachmentStore.ts";
import { messagesOf, transcribe } from "./chatMedia.ts";

const item = (id: string, kind: Attachment["kind"], type: string): Attachment => ({
  id,
  kind,
  type,
  name: id,
});
const cat = item("cat.png", "image", "image/png");
const voice = item("voice.wav", "audio", "audio/wav");
const clip = item("clip.mp4", "video", "video/mp4");
const seen = item("seen", "frames", "image/jpeg");
const turn = (content: string, ...attachments: Attachment[]): ChatTurn => ({
  role: "user",
  content,
  attachments,
});
const data = (base64: string, type: string) => ({ url: `data:${type};base64,${base64}` });

beforeEach(() => {
  hold(cat.id, { blobs: [new Blob([Uint8Array.of(1, 2, 3)])] });
  hold(voice.id, { blobs: [new Blob([Uint8Array.of(4, 5)])] });
  hold(clip.id, { blobs: [new Blob([Uint8Array.of(6)])], poster: new Blob(["x"]) });
  hold(seen.id, { blobs: [new Blob(["a"]), new Blob(["b"]), new Blob(["c"])] });
});

describe("messagesOf", () => {
  const all = ["text", "image", "audio", "video"] as const;

  it("writes attachments as parts, before the text", async () => {
    const turns: ChatTurn[] = [
      { role: "system", content: "Be brief." },
      turn("What is this?", cat, voice, clip, seen),
    ];
    const { messages, unseen } = await messagesOf(turns, all);
    expect(unseen).toBe(false);
    expect(messages).toEqual([
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: data("AQID", "image/png") },
          { type: "input_audio", input_audio: { data: "BAU=", format: "wav" } },
          { type: "video_url", video_url: data("Bg==", "video/mp4") },
          { type: "video_url", video_url: data("YQ==,Yg==,Yw==", "video/jpeg") },
          { type: "text", text: "What is this?" },
        ],
      },
    ]);
  });

  it("sends frames as pictures to models without video, and no text where there is none", async () => {
    const { messages } = await messagesOf([turn("", seen)], ["text", "image"]);
    expect(messages[0]!.content).toEqual(
      ["YQ==", "Yg==", "Yw=="].map((base64) => ({
        type: "image_url",
        image_url: data(base64, "image/jpeg"),
      })),
    );
  });

  it("leaves out what the model cannot take, and says so", async () => {
    const asked = await messagesOf([turn("Hm?", cat, voice)], ["text", "image"]);
    expect(asked.unseen).toBe(true);
    expect(asked.messages[0]!.content).toHaveLength(2);
    const plain = await messagesOf([turn("Hm?", cat)], ["text"]);
    expect(plain).toEqual({ messages: [{ role: "user", content: "Hm?" }], unseen: true });
  });

  it("goes on without what was lost earlier, not without what is asked about", async () => {
    release(cat.id);
    const earlier = [turn("One", cat), turn("Two", voice)];
    expect(await messagesOf(earlier, all)).toMatchObject({ unseen: true });
    await expect(messagesOf([turn("One", cat)], all)).rejects.toThrow("cat.png");
  });

  it("encodes large files whole", async () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => (i * 7919) % 251);
    hold(cat.id, { blobs: [new Blob([bytes])] });
    const [message] = (await messagesOf([turn("", cat)], all)).messages;
    const [part] = message!.content as unknown as { image_url: { url: string } }[];
    const decoded = atob(part!.image_url.url.replace(/^.*,/, ""));
    expect(decoded.length).toBe(bytes.length);
    expect([...decoded].every((letter, i) => letter.charCodeAt(0) === bytes[i])).toBe(true);
  });
});

describe("transcribe", () => {
  const stream = (...deltas: string[]) => {
    const events = deltas.map((delta) => ({ type: "transcript.text.delta", delta }));
    const text = [...events, { type: "transcript.text.done", text: "" }];
    return new Response(text.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  };

  it("has each sound written down, in order", async () => {
    const asked: { path: string; fields: Record<string, unknown> }[] = [];
    const other = item("other.mp3", "audio", "audio/mpeg");
    hold(other.id, { blobs: [new Blob([Uint8Array.of(9)])] });
    const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
      asked.push({ path: String(input), fields: Object.fromEntries(init?.body as FormData) });
      return asked.length === 1 ? stream("Hello", " there.") : stream("Bye.");
    };
    let text = "";
    const onText = (piece: string) => {
      text += piece;
    };
    await transcribe({ fetch }, "whisper", [voice, cat, other], "Omni", onText, new AbortController().signal);
    expect(text).toBe("Hello there.\n\nBye.");
    expect(asked.map(({ path }) => path)).toEqual(Array(2).fill("/v1/audio/transcriptions"));
    expect(asked[0]!.fields).toMatchObject({ model: "whisper", stream: "true", prompt: "Omni" });
    const file = asked[0]!.fields.file as File;
    expect([file.name, file.size]).toEqual(["voice.wav", 2]);
  });

  it("says what is wrong", async () => {
    const signal = new AbortController().signal;
    const error = { error: { message: "The audio file is cut short.", code: "invalid_audio" } };
    const fetch = async () => Response.json(error, { status: 400 });
    const run = (...attachments: Attachment[]) =>
      transcribe({ fetch }, "whisper", attachments, "", () => undefined, signal);
    await expect(run(voice)).rejects.toMatchObject({ detail: "invalid_audio", message: error.error.message });
    await expect(run(cat)).rejects.toThrow("record or attach");
  });
});
