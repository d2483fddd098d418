/** The camera of the page: preview, pictures, and a rolling window of frames that the next question sees. */

import type { AppServices } from "../appContext.ts";
import { Camera, type Facing } from "../capture/camera.ts";
import { ChangeTrigger } from "../capture/frameChange.ts";
import { FrameWindow } from "../capture/frameWindow.ts";
import { type CaptureProblem, captureProblem } from "../capture/problem.ts";
import { toTaps } from "../capture/taps.ts";
import { mediaMessagesFor } from "../i18n/media/index.ts";
import type { Attachment } from "../state/attachments.ts";
import { newId } from "../state/conversations.ts";
import { Store } from "../state/store.ts";
import { messagesOf } from "./attachFiles.ts";
import { hold } from "./attachmentStore.ts";
import { attachmentLimits } from "./limits.ts";

/** The rolling window: 8 frames at 2 a second. */
export const watched = { frames: 8, everyMs: 500, side: 448, quality: 0.8 } as const;

export interface CameraState {
  phase: "off" | "asking" | "on";
  /** Why it is off, where that was not asked for. */
  problem: CaptureProblem | undefined;
  facing: Facing;
  /** Whether there may be another one to turn to. */
  hasOther: boolean;
  watching: boolean;
  /** Frames in the window, and the time that they span. */
  frames: number;
  spanMs: number;
  /** Asks {@link question} by itself when something changes. */
  onChange: boolean;
  question: string;
}

const off = {
  phase: "off",
  problem: undefined,
  watching: false,
  frames: 0,
  spanMs: 0,
  onChange: false,
} as const;

export class CameraControl {
  readonly store: Store<CameraState>;
  readonly #app: AppServices;
  #camera: Camera | undefined;
  #window = new FrameWindow<Blob>(watched.frames, 2 * watched.frames * watched.everyMs);
  #change = new ChangeTrigger();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts openings, so that one that was given up is closed when it comes. */
  #opening = 0;

  constructor(app: AppServices) {
    this.#app = app;
    const question = mediaMessagesFor(messagesOf(app)).watchForDefault;
    this.store = new Store<CameraState>({ ...off, facing: "user", hasOther: false, question });
    app.draft.live = () => this.#live();
  }

  /** What shows the camera's picture, while there is one. */
  get video(): HTMLVideoElement | undefined {
    return this.#camera?.video;
  }

  async start(): Promise<void> {
    if (this.store.state.phase !== "off") return;
    this.store.update({ ...off, phase: "asking" });
    const opening = ++this.#opening;
    try {
      const { facing } = this.store.state;
      const camera = await Camera.open({ facing, onEnded: () => this.#ended() });
      if (opening !== this.#opening) {
        camera.close();
        return;
      }
      this.#camera = camera;
      this.store.update({ phase: "on" });
      const devices = await navigator.mediaDevices.enumerateDevices();
      this.store.update({ hasOther: devices.filter(({ kind }) => kind === "videoinput").length > 1 });
    } catch (error) {
      if (opening === this.#opening) this.store.update({ ...off, problem: captureProblem(error) });
    }
  }

  /** Gives the camera back and forgets what it saw. */
  stop(): void {
    this.#opening++;
    clearTimeout(this.#timer);
    this.#camera?.close();
    this.#camera = undefined;
    this.#window.clear();
    this.store.update(off);
  }

  /** Takes away a message about a problem. */
  dismiss(): void {
    this.store.update({ problem: undefined });
  }

  async turnAround(): Promise<void> {
    const { facing, watching, onChange } = this.store.state;
    this.stop();
    this.store.update({ facing: facing === "user" ? "environment" : "user" });
    await this.start();
    if (watching && this.store.state.phase === "on") {
      this.watch(true);
      this.store.update({ onChange });
    }
  }

  /** Attaches what the camera sees now to the message. */
  async snapshot(): Promise<void> {
    const frame = await this.#camera?.frame(attachmentLimits.imageSide, 0.92);
    if (!frame) return;
    const id = newId();
    const name = mediaMessagesFor(messagesOf(this.#app)).snapshotName(this.#time());
    hold(id, { blobs: [frame.blob] });
    this.#app.draft.attach({ id, kind: "image", type: "image/jpeg", name });
  }

  watch(watching: boolean): void {
    clearTimeout(this.#timer);
    this.#window.clear();
    this.#change = new ChangeTrigger();
    this.store.update({ watching, frames: 0, spanMs: 0 });
    if (watching) void this.#tick();
  }

  async #tick(): Promise<void> {
    const camera = this.#camera;
    const startedMs = performance.now();
    // A frame that cannot be had is left out; the next one may come.
    const frame = await camera?.frame(watched.side, watched.quality).catch(() => undefined);
    if (camera !== this.#camera || !this.store.state.watching) return;
    if (frame) {
      this.#window.push(frame.blob, startedMs);
      toTaps.onFrame(frame.blob);
      this.store.update({ frames: this.#window.frames.length, spanMs: this.#window.spanMs });
      const grey = camera?.grey();
      if (grey && this.#change.push(grey, startedMs) && this.store.state.onChange) this.#ask();
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tick(), watched.everyMs - (performance.now() - startedMs));
  }

  /** Something changed. A question that is being written is left alone, and an answer not interrupted. */
  #ask(): void {
    const { chat } = this.#app;
    const question = this.store.state.question.trim();
    const live = question !== "" && chat.isFree ? this.#live() : undefined;
    if (live) void chat.send(question, [live]);
  }

  #live(): Attachment | undefined {
    if (!this.store.state.watching || this.#window.frames.length === 0) return undefined;
    const id = newId();
    const name = mediaMessagesFor(messagesOf(this.#app)).watchedName(this.#time());
    hold(id, { blobs: this.#window.frames });
    return { id, kind: "frames", type: "image/jpeg", name, seconds: this.#window.spanMs / 1000 };
  }

  #time(): string {
    return new Date().toLocaleTimeString(messagesOf(this.#app).code, { hour12: false });
  }

  #ended(): void {
    this.stop();
    this.store.update({ problem: "unplugged" });
  }
}
