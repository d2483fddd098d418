import type { ByteSource } from "./types.ts";

/** One pass over a {@link ByteSource}, front to back, holding no more than the piece in hand. */
export class SourceReader {
  readonly source: ByteSource;
  /** Position in the file of the next byte to be read. */
  offsetBytes: number;
  readonly #pieces: AsyncGenerator<Uint8Array, void, void>;
  /** Bytes that were given back, the next ones last. */
  #rest: Uint8Array[] = [];

  constructor(source: ByteSource, signal?: AbortSignal, offsetBytes = 0) {
    this.source = source;
    this.offsetBytes = offsetBytes;
    this.#pieces = source.stream(offsetBytes, signal);
  }

  /** The next bytes, at least one; undefined at the end of the file. */
  async next(): Promise<Uint8Array | undefined> {
    let piece = this.#rest.pop();
    while (!piece?.length) {
      const step = await this.#pieces.next();
      if (step.done) return undefined;
      piece = step.value;
    }
    this.offsetBytes += piece.length;
    return piece;
  }

  /** Gives back the end of what was read last; the next read starts with it. */
  unread(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.offsetBytes -= bytes.length;
  }

  /** Fills `target`; returns the number of bytes read, fewer than asked for only at the end of the file. */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const piece = await this.next();
      if (!piece) break;
      const count = Math.min(piece.length, target.length - filled);
      target.set(count === piece.length ? piece : piece.subarray(0, count), filled);
      filled += count;
      if (count < piece.length) this.unread(piece.subarray(count));
    }
    return filled;
  }

  /** Drops bytes; returns how many, fewer than asked for only at the end of the file. */
  async skip(sizeBytes: number): Promise<number> {
    let left = sizeBytes;
    while (left > 0) {
      const piece = await this.next();
      if (!piece) break;
      const count = Math.min(piece.length, left);
      left -= count;
      if (count < piece.length) this.unread(piece.subarray(count));
    }
    return sizeBytes - left;
  }

  /** Ends the pass and the connection behind it. */
  async close(): Promise<void> {
    this.#rest = [];
    await this.#pieces.return();
  }
}
