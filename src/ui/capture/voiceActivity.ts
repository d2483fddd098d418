/**
 * Cuts what is said out of a stream of samples, by its energy over a noise floor that follows the room: it falls at once,
 * and rises slowly, more slowly still while someone speaks.
 */

import { levelDb } from "./level.ts";

export interface VoiceActivityOptions {
  sampleRate: number;
  /** Louder than the floor by this much is speech. */
  marginDb: number;
  /** Nothing below this level is speech, however quiet the room. */
  minLevelDb: number;
  /** So much of {@link onsetWindowMs} must be loud for an utterance to begin. */
  onsetMs: number;
  onsetWindowMs: number;
  /** Kept from before the onset: first consonants are quiet. */
  prerollMs: number;
  /** A pause this long ends an utterance. */
  hangoverMs: number;
  /** An utterance with less loud sound than this was a click or a cough. */
  minSpeechMs: number;
  /** An utterance ends here at the latest. */
  maxMs: number;
}

export const voiceDefaults: VoiceActivityOptions = {
  sampleRate: 16_000,
  marginDb: 10,
  minLevelDb: -55,
  onsetMs: 80,
  onsetWindowMs: 160,
  prerollMs: 300,
  hangoverMs: 800,
  minSpeechMs: 250,
  maxMs: 30_000,
};

/** The samples of an utterance are those of its events, one after the other. */
export type VoiceEvent =
  | { type: "start" }
  | { type: "samples"; samples: Float32Array<ArrayBuffer> }
  /** `kept`: long enough to have been words. */
  | { type: "end"; kept: boolean };

const frameMs = 20;
const riseDbPerSecond = 6;
const riseWhileSpeakingDbPerSecond = 1;

export class VoiceActivity {
  readonly #options: VoiceActivityOptions;
  readonly #frame: Float32Array<ArrayBuffer>;
  #filled = 0;
  #floorDb: number | undefined;
  #levelDb = Number.NEGATIVE_INFINITY;
  /** Whether each of the last frames was loud, newest last. */
  #recent: boolean[] = [];
  /** Frames before an onset. */
  #preroll: Float32Array<ArrayBuffer>[] = [];
  #speaking = false;
  #loudMs = 0;
  #quietMs = 0;
  #lengthMs = 0;

  constructor(options: Partial<VoiceActivityOptions> = {}) {
    this.#options = { ...voiceDefaults, ...options };
    this.#frame = new Float32Array((this.#options.sampleRate * frameMs) / 1000);
  }

  get isSpeaking(): boolean {
    return this.#speaking;
  }

  /** Of the last 20 ms. */
  get levelDb(): number {
    return this.#levelDb;
  }

  get floorDb(): number | undefined {
    return this.#floorDb;
  }

  /** Takes samples of any number; gives what they complete. */
  push(samples: Float32Array): VoiceEvent[] {
    const events: VoiceEvent[] = [];
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + this.#frame.length - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#frame.length) break;
      this.#filled = 0;
      this.#take(this.#frame.slice(), events);
    }
    return events;
  }

  /** Ends an utterance that is under way. */
  flush(): VoiceEvent[] {
    const events: VoiceEvent[] = [];
    if (this.#speaking) this.#end(events);
    return events;
  }

  #take(frame: Float32Array<ArrayBuffer>, events: VoiceEvent[]): void {
    const { marginDb, minLevelDb, hangoverMs, maxMs, prerollMs } = this.#options;
    const db = levelDb(frame);
    this.#levelDb = db;
    const rise = this.#speaking ? riseWhileSpeakingDbPerSecond : riseDbPerSecond;
    // The first frame may be the middle of a word: the floor starts no higher than speech could begin.
    const floor = this.#floorDb ?? Math.min(db, minLevelDb);
    this.#floorDb = Math.min(db, floor + (rise * frameMs) / 1000);
    const isLoud = db > Math.max(this.#floorDb + marginDb, minLevelDb);
    if (!this.#speaking) {
      this.#preroll.push(frame);
      this.#note(isLoud);
      if (this.#isOnset()) this.#start(events);
      else while (this.#preroll.length * frameMs > prerollMs) this.#preroll.shift();
      return;
    }
    events.push({ type: "samples", samples: frame });
    this.#lengthMs += frameMs;
    if (isLoud) this.#loudMs += frameMs;
    this.#quietMs = isLoud ? 0 : this.#quietMs + frameMs;
    if (this.#quietMs >= hangoverMs || this.#lengthMs >= maxMs) this.#end(events);
  }

  #note(isLoud: boolean): void {
    this.#recent.push(isLoud);
    if (this.#recent.length * frameMs > this.#options.onsetWindowMs) this.#recent.shift();
  }

  #isOnset(): boolean {
    return this.#recent.filter(Boolean).length * frameMs >= this.#options.onsetMs;
  }

  #start(events: VoiceEvent[]): void {
    this.#speaking = true;
    this.#loudMs = this.#recent.filter(Boolean).length * frameMs;
    this.#quietMs = 0;
    this.#lengthMs = this.#preroll.length * frameMs;
    events.push({ type: "start" });
    for (const samples of this.#preroll) events.push({ type: "samples", samples });
    this.#preroll = [];
    this.#recent = [];
  }

  #end(events: VoiceEvent[]): void {
    events.push({ type: "end", kept: this.#loudMs >= this.#options.minSpeechMs });
    this.#speaking = false;
  }
}
