import { OmniError } from "../errors.ts";
import type { ByteSource } from "./types.ts";

const pieceBytes = 4 * 2 ** 20;

/** A file that the user picked, or any Blob; a few MiB of it are in memory at a time. */
export class BlobSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly seekable = true;
  readonly #blob: Blob;

  constructor(blob: Blob) {
    this.#blob = blob;
    this.name = (blob instanceof File && blob.name) || "model";
    this.sizeBytes = blob.size;
  }

  async *stream(offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    for (let at = offset; at < this.sizeBytes; at += pieceBytes) {
      if (signal?.aborted) throw new OmniError("aborted", `Reading ${this.name} was cancelled.`);
      let piece: ArrayBuffer;
      try {
        piece = await this.#blob.slice(at, at + pieceBytes).arrayBuffer();
      } catch (cause) {
        throw new OmniError(
          "download_failed",
          `${this.name} could not be read at byte ${at}: was the file changed, moved or deleted?`,
          { param: this.name, cause },
        );
      }
      yield new Uint8Array(piece);
    }
    if (signal?.aborted) throw new OmniError("aborted", `Reading ${this.name} was cancelled.`);
  }
}
