/** The microphone of the page: push-to-talk and hands-free, from the button to the message. */

import type { AppServices } from "../appContext.ts";
import { levelDb, SilenceWatch, silenceDb } from "../capture/level.ts";
import { type Microphone, openMicrophone, sampleRate } from "../capture/microphone.ts";
import { type CaptureProblem, captureProblem } from "../capture/problem.ts";
import { Recording } from "../capture/recording.ts";
import { toTaps } from "../capture/taps.ts";
import { VoiceActivity } from "../capture/voiceActivity.ts";
import { waveFile } from "../capture/waveFile.ts";
import { mediaMessagesFor } from "../i18n/media/index.ts";
import { Store } from "../state/store.ts";
import { messagesOf } from "./attachFiles.ts";
import { hold } from "./attachmentStore.ts";
import { sendWhenFree } from "./sendWhenFree.ts";

/** The longest recording of push-to-talk. */
export const maxTalkSeconds = 120;
/** Less than this is a slip of the finger. */
const minTalkSeconds = 0.25;
/** A microphone that has given nothing by then is as good as a silent one. */
const firstSampleMs = 3000;
/** A recording that is nowhere louder holds no words. */
const heardDb = -60;

export type TalkMode = "talk" | "handsFree";

export interface MicrophoneState {
  phase: "off" | "asking" | "on";
  mode: TalkMode;
  /** Why it is off, where that was not asked for. */
  problem: CaptureProblem | undefined;
  /** What became of the last recording, where that is not plain to see. */
  note: "nothingHeard" | "full" | undefined;
  levelDb: number;
  /** Of the recording under way. */
  seconds: number;
  /** Hands-free: an utterance is under way. */
  isSpeaking: boolean;
  /** Nothing at all has been heard for a while. */
  isSilent: boolean;
}

const off: MicrophoneState = {
  phase: "off",
  mode: "talk",
  problem: undefined,
  note: undefined,
  levelDb: silenceDb,
  seconds: 0,
  isSpeaking: false,
  isSilent: false,
};

export class MicrophoneControl {
  readonly store = new Store<MicrophoneState>(off);
  readonly #app: AppServices;
  #microphone: Microphone | undefined;
  #recording: Recording | undefined;
  #loudestDb = silenceDb;
  #silence = new SilenceWatch();
  #voice = new VoiceActivity();
  /** Runs out where no samples come at all. */
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  /** Counts openings, so that one that was given up is closed when it comes. */
  #opening = 0;

  constructor(app: AppServices) {
    this.#app = app;
  }

  async start(mode: TalkMode = "talk"): Promise<void> {
    if (this.store.state.phase !== "off") return;
    this.store.update({ ...off, phase: "asking", mode });
    const opening = ++this.#opening;
    try {
      const microphone = await openMicrophone({
        onSamples: (samples) => this.#take(samples),
        onEnded: () => this.#ended(),
      });
      if (opening !== this.#opening) {
        microphone.close();
        return;
      }
      this.#microphone = microphone;
      this.#begin();
      this.store.update({ phase: "on" });
      this.#watchdog = setTimeout(() => this.store.update({ isSilent: true }), firstSampleMs);
    } catch (error) {
      if (opening === this.#opening) this.store.update({ ...off, problem: captureProblem(error) });
    }
  }

  /** From push-to-talk to hands-free and back, without asking for the microphone again. */
  setMode(mode: TalkMode): void {
    this.#drop();
    this.#begin();
    this.store.update({ mode, seconds: 0, isSpeaking: false, note: undefined });
  }

  /** Ends push-to-talk. */
  finish(how: "send" | "attach" | "discard"): void {
    const recording = this.#recording;
    this.#close();
    if (!recording) return;
    const heard = recording.seconds >= minTalkSeconds && this.#loudestDb > heardDb;
    if (how !== "discard" && !heard) this.store.update({ note: "nothingHeard" });
    this.#hand(recording, how === "discard" || !heard ? "discard" : how);
  }

  /** What its button does while it is on. */
  end(): void {
    const { phase, mode } = this.store.state;
    if (phase === "on" && mode === "talk") this.finish("send");
    else this.stop();
  }

  /** The button was held while speaking. The browser's question takes the pointer away: that is no letting go. */
  letGo(): void {
    if (this.store.state.phase === "on") this.end();
  }

  /** Turns it off; what is under way is thrown away. */
  stop(): void {
    this.#drop();
    this.#close();
  }

  /** Takes away a message about a problem. */
  dismiss(): void {
    this.store.update({ problem: undefined, note: undefined });
  }

  #begin(): void {
    this.#recording = undefined;
    this.#loudestDb = silenceDb;
    this.#silence = new SilenceWatch();
    this.#voice = new VoiceActivity();
  }

  #take(samples: Float32Array): void {
    const { phase, mode } = this.store.state;
    if (phase !== "on" || samples.length === 0) return;
    clearTimeout(this.#watchdog);
    const db = levelDb(samples);
    this.#loudestDb = Math.max(this.#loudestDb, db);
    this.#silence.push(db, samples.length / sampleRate);
    if (mode === "talk") this.#record(samples);
    else this.#listen(samples);
    this.store.update({
      levelDb: db,
      seconds: this.#recording?.seconds ?? 0,
      isSpeaking: this.#voice.isSpeaking,
      isSilent: this.#silence.isSilent,
    });
    if (mode === "talk" && this.#recording?.isFull) {
      this.finish("attach");
      this.store.update({ note: "full" });
    }
  }

  #record(samples: Float32Array): void {
    this.#recording ??= new Recording(sampleRate, maxTalkSeconds);
    const start = this.#recording.length;
    const piece = this.#recording.add(samples);
    toTaps.onSamples(this.#recording.id, piece, start);
  }

  #listen(samples: Float32Array): void {
    for (const event of this.#voice.push(samples)) {
      if (event.type === "samples") this.#record(event.samples);
      else if (event.type === "end" && this.#recording) {
        const recording = this.#recording;
        this.#recording = undefined;
        this.#hand(recording, event.kept ? "send" : "discard");
      }
    }
  }

  /** A recording becomes a part of the draft, or of the message that it sends. */
  #hand(recording: Recording, how: "send" | "attach" | "discard"): void {
    toTaps.onRecorded(recording.id, how !== "discard");
    if (how === "discard") return;
    const { draft, chat } = this.#app;
    const messages = messagesOf(this.#app);
    const time = new Date().toLocaleTimeString(messages.code, { hour12: false });
    hold(recording.id, { blobs: [waveFile(recording.samples(), sampleRate)] });
    draft.attach({
      id: recording.id,
      kind: "audio",
      type: "audio/wav",
      name: mediaMessagesFor(messages).recordingName(time),
      seconds: recording.seconds,
      recorded: true,
    });
    if (how === "send") sendWhenFree(draft, chat);
  }

  /** Unplugged: what was said until then is not lost. */
  #ended(): void {
    const { mode } = this.store.state;
    if (mode === "talk") this.finish("attach");
    else this.stop();
    this.store.update({ problem: "unplugged", note: undefined });
  }

  #drop(): void {
    if (this.#recording) toTaps.onRecorded(this.#recording.id, false);
    this.#recording = undefined;
  }

  #close(): void {
    this.#opening++;
    clearTimeout(this.#watchdog);
    this.#microphone?.close();
    this.#microphone = undefined;
    this.#recording = undefined;
    this.store.update(off);
  }
}
