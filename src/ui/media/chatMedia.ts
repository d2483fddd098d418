/** What the chat needs for messages with attachments: content parts for a request, or a transcription. */

import { OmniError } from "../../runtime/errors.ts";
import type { Omni } from "../../runtime/types.ts";
import { type ApiMessage, type ChatTurn, type ContentPart, failedResponse } from "../completion.ts";
import { readEvents } from "../sse.ts";
import type { Attachment } from "../state/attachments.ts";
import type { InputKind } from "../state/inputs.ts";
import { load } from "./attachmentStore.ts";
import { audioFormat } from "./fileKind.ts";
import { isTaken } from "./limits.ts";

export { keep, sweep } from "./attachmentStore.ts";

/**
 * Messages as the API takes them. What the model cannot take, or what the browser gave up of an older message, is left
 * out.
 * @returns `unseen`: something was left out
 * @throws OmniError where the last message has lost something
 */
export async function messagesOf(
  turns: readonly ChatTurn[],
  inputs: readonly InputKind[],
): Promise<{ messages: ApiMessage[]; unseen: boolean }> {
  const messages: ApiMessage[] = [];
  let unseen = false;
  for (const [index, { role, content, attachments = [] }] of turns.entries()) {
    const parts: ContentPart[] = [];
    for (const attachment of attachments) {
      const taken = isTaken(attachment.kind, inputs) ? await partsOf(attachment, inputs) : undefined;
      if (taken) parts.push(...taken);
      else if (index === turns.length - 1 && isTaken(attachment.kind, inputs)) throw lost(attachment);
      else unseen = true;
    }
    // Media first, as models are trained; a message with no text is only what is attached.
    if (parts.length > 0 && content !== "") parts.push({ type: "text", text: content });
    messages.push({ role, content: parts.length > 0 ? parts : content });
  }
  return { messages, unseen };
}

/** Undefined where the bytes are gone. */
async function partsOf(
  { id, kind, type }: Attachment,
  inputs: readonly InputKind[],
): Promise<ContentPart[] | undefined> {
  const data = await load(id);
  if (!data) return undefined;
  const encoded = await Promise.all(data.blobs.map(base64));
  const url = (index: number) => `data:${type};base64,${encoded[index]}`;
  switch (kind) {
    case "image":
      return [{ type: "image_url", image_url: { url: url(0) } }];
    case "audio":
      return [{ type: "input_audio", input_audio: { data: encoded[0]!, format: audioFormat(type) ?? type } }];
    case "video":
      return [{ type: "video_url", video_url: { url: url(0) } }];
    case "frames":
      return inputs.includes("video")
        ? // vLLM's form for frames that are a video already.
          [{ type: "video_url", video_url: { url: `data:video/jpeg;base64,${encoded.join(",")}` } }]
        : encoded.map((_, index) => ({ type: "image_url", image_url: { url: url(index) } }));
  }
}

const lost = ({ name }: Attachment) =>
  new OmniError("invalid_request", `“${name}” is no longer stored in this browser: attach it again.`);

/** Base64 of the bytes, a piece at a time: arguments of a call are limited. */
export async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const step = 0x6000; // a multiple of three: only the last piece may be padded
  let text = "";
  for (let at = 0; at < bytes.length; at += step)
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + step)));
  return text;
}

/** One event of a streamed transcription. */
interface TranscriptEvent {
  type?: string;
  delta?: string;
}

/**
 * Has the sounds of a question written down, one after the other, by a model that only does that.
 * @param prompt words and spellings to expect; may be empty
 * @throws OmniError with the API's message, or where there is no sound
 */
export async function transcribe(
  omni: Pick<Omni, "fetch">,
  model: string,
  attachments: readonly Attachment[],
  prompt: string,
  onText: (piece: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const sounds = attachments.filter(({ kind }) => kind === "audio");
  if (sounds.length === 0)
    throw new OmniError("invalid_request", `${model} writes down speech: record or attach some.`);
  for (const [index, sound] of sounds.entries()) {
    const blob = (await load(sound.id))?.blobs[0];
    if (!blob) throw lost(sound);
    const body = new FormData();
    body.append("file", blob, sound.name);
    body.append("model", model);
    body.append("stream", "true");
    if (prompt !== "") body.append("prompt", prompt);
    const response = await omni.fetch("/v1/audio/transcriptions", { method: "POST", body, signal });
    if (!response.ok || !response.body) throw await failedResponse(response);
    if (index > 0) onText("\n\n");
    for await (const data of readEvents(response.body)) {
      if (data === "[DONE]") break;
      const event = JSON.parse(data) as TranscriptEvent & { error?: { message?: string } };
      if (event.error)
        throw new OmniError("internal_error", event.error.message ?? "The transcription failed.");
      if (event.type === "transcript.text.delta" && event.delta) onText(event.delta);
    }
    signal.throwIfAborted();
  }
}
