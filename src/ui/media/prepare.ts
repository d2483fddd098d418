/**
 * Has what is being recorded encoded while it is recorded, so that an answer begins soon after the question ends: a request
 * for the conversation with the sound so far leaves in the runtime's caches what the question will find there.
 */

import type { AppServices } from "../appContext.ts";
import { sampleRate } from "../capture/microphone.ts";
import { tapCapture } from "../capture/taps.ts";
import { waveFile } from "../capture/waveFile.ts";
import type { ApiMessage, ContentPart } from "../completion.ts";
import { toTurns } from "../state/chat.ts";
import { base64, messagesOf } from "./chatMedia.ts";

/** Samples by which it goes on: the embedded model's step, so that nothing is encoded that will not be asked for. */
const stepSamples = 0.64 * sampleRate;
/** What is longer than any model hears is not prepared. */
const mostSamples = 30 * sampleRate;

export class Preparation {
  readonly #app: AppServices;
  #recordingId: string | undefined;
  #samples = new Float32Array(0);
  #prepared = 0;
  #running: AbortController | undefined;
  #framing = false;
  #lastFrame: Blob | undefined;

  constructor(app: AppServices) {
    this.#app = app;
    tapCapture({
      onSamples: (id, samples, start) => this.#hear(id, samples, start),
      onRecorded: () => this.#end(),
      onFrame: (frame) => void this.#see(frame),
    });
  }

  #hear(id: string, samples: Float32Array, start: number): void {
    if (id !== this.#recordingId) {
      this.#end();
      this.#recordingId = id;
    }
    const length = start + samples.length;
    if (length > mostSamples) return;
    if (length > this.#samples.length) {
      const longer = new Float32Array(Math.max(length, 2 * this.#samples.length));
      longer.set(this.#samples);
      this.#samples = longer;
    }
    this.#samples.set(samples, start);
    const whole = Math.floor(length / stepSamples) * stepSamples;
    if (whole > this.#prepared && !this.#running) void this.#prepare(whole);
  }

  #end(): void {
    this.#running?.abort();
    this.#recordingId = undefined;
    this.#samples = new Float32Array(0);
    this.#prepared = 0;
  }

  async #prepare(length: number): Promise<void> {
    const lease = this.#app.session.acquire();
    if (!lease) return;
    const abort = new AbortController();
    this.#running = abort;
    this.#prepared = length;
    try {
      if (!lease.inputs.includes("text") || !lease.inputs.includes("audio")) return;
      const file = waveFile(this.#samples.subarray(0, length), sampleRate);
      const part: ContentPart = {
        type: "input_audio",
        input_audio: { data: await base64(file), format: "wav" },
      };
      const messages = await this.#withPart(part, lease.inputs);
      await post(lease.omni, "/v1/chat/completions", { messages, max_tokens: 1, ...asFarAs }, abort.signal);
    } catch {
      // The question itself will say what is wrong.
    } finally {
      lease.release();
      this.#running = undefined;
    }
  }

  /** The conversation, the draft's attachments, and a part of the question that they are for. */
  async #withPart(part: ContentPart, inputs: readonly string[]): Promise<ApiMessage[]> {
    const { conversations, draft, settings } = this.#app;
    const { attachments } = draft.store.state;
    const earlier = conversations.current?.messages ?? [];
    const question = { id: "", role: "user", content: "", state: "done", attachments } as const;
    const turns = toTurns(settings.state.systemPrompt, [...earlier, question]);
    const { messages } = await messagesOf(turns, inputs as Parameters<typeof messagesOf>[1]);
    const last = messages.at(-1)!;
    const parts = typeof last.content === "string" ? [] : last.content;
    return [...messages.slice(0, -1), { ...last, content: [...parts, part] }];
  }

  /**
   * A frame is encoded by counting the tokens of a prompt that it is in; with the one before, as some models see two as one
   * picture and the window may begin with either.
   */
  async #see(frame: Blob): Promise<void> {
    const frames = this.#lastFrame ? [this.#lastFrame, frame] : [frame];
    this.#lastFrame = frame;
    const lease = this.#framing ? undefined : this.#app.session.acquire();
    if (!lease) return;
    this.#framing = true;
    try {
      if (!lease.inputs.includes("video")) return;
      const url = `data:video/jpeg;base64,${(await Promise.all(frames.map(base64))).join(",")}`;
      const content: ContentPart[] = [{ type: "video_url", video_url: { url } }];
      await post(lease.omni, "/tokenize", { messages: [{ role: "user", content }] });
    } catch {
      // As above.
    } finally {
      lease.release();
      this.#framing = false;
    }
  }
}

/** Nothing is written but the token that a request must have, and no answer begins. */
const asFarAs = { add_generation_prompt: false, temperature: 0 };

async function post(
  omni: { fetch(input: string, init: RequestInit): Promise<Response> },
  path: string,
  body: object,
  signal?: AbortSignal,
): Promise<void> {
  const init = { method: "POST", body: JSON.stringify(body), ...(signal && { signal }) };
  await (await omni.fetch(path, init)).arrayBuffer();
}
