/** Samples that arrive piece by piece, as one array at the end. */

export class Recording {
  /** Names it to those who listen while it grows. */
  readonly id = crypto.randomUUID();
  #pieces: Float32Array[] = [];
  #length = 0;

  constructor(
    readonly sampleRate: number,
    /** No more is taken than this, so that a forgotten microphone fills no memory. */
    readonly maxSeconds: number,
  ) {}

  get length(): number {
    return this.#length;
  }

  get seconds(): number {
    return this.#length / this.sampleRate;
  }

  get isFull(): boolean {
    return this.#length >= this.sampleRate * this.maxSeconds;
  }

  /** @returns the part that was taken, as it may be kept; empty when it is full */
  add(samples: Float32Array): Float32Array {
    const room = this.sampleRate * this.maxSeconds - this.#length;
    const piece = samples.slice(0, Math.max(0, room));
    this.#pieces.push(piece);
    this.#length += piece.length;
    return piece;
  }

  /** All of it. */
  samples(): Float32Array<ArrayBuffer> {
    const all = new Float32Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
