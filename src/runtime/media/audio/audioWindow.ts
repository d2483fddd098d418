/** A view of a stream of samples that moves forward: all that is in memory is what lies in the view and a piece more. */

export class AudioWindow {
  readonly #pieces: AsyncGenerator<Float32Array, void, void>;
  #held = new Float32Array(0);
  #count = 0;
  /** The number of the first sample that is held. */
  #first = 0;
  #ended = false;

  constructor(pieces: AsyncGenerator<Float32Array, void, void>) {
    this.#pieces = pieces;
  }

  /** Samples that have been read so far; all there are, once the end was met. */
  get readSamples(): number {
    return this.#first + this.#count;
  }

  /**
   * Samples `start` to `start + length`, fewer at the end of the stream, none beyond it.
   * @param start not before that of an earlier call
   */
  async read(start: number, length: number): Promise<Float32Array<ArrayBuffer>> {
    if (start < this.#first)
      throw new RangeError(`Sample ${start} is gone; ${this.#first} is the first held.`);
    this.#dropBefore(start);
    while (!this.#ended && this.readSamples < start + length) {
      const { done, value } = await this.#pieces.next();
      if (done) this.#ended = true;
      else this.#append(value);
      this.#dropBefore(start);
    }
    return this.#held.slice(
      start - this.#first,
      Math.max(0, Math.min(this.#count, start + length - this.#first)),
    );
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    this.#held = new Float32Array(0);
    this.#count = 0;
    await this.#pieces.return();
  }

  #append(piece: Float32Array): void {
    const count = this.#count + piece.length;
    if (count > this.#held.length) {
      const larger = new Float32Array(Math.max(count, 2 * this.#count));
      larger.set(this.#held.subarray(0, this.#count));
      this.#held = larger;
    }
    this.#held.set(piece, this.#count);
    this.#count = count;
  }

  #dropBefore(start: number): void {
    const drop = Math.min(this.#count, start - this.#first);
    if (drop <= 0) return;
    this.#held.copyWithin(0, drop, this.#count);
    this.#count -= drop;
    this.#first += drop;
  }
}
