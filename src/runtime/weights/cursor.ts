import { badModelFile, type OmniError } from "../errors.ts";
import type { MetadataValue } from "./types.ts";

/** Largest header that is read; the largest vocabularies in use need about 20 MB. */
export const maxHeaderBytes = 64 * 2 ** 20;

/** Bytes that the smallest value of each metadata type takes; an array counts its element type and length. */
export const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];
const stringType = 8;
export const arrayType = 9;

/** The header goes on after the bytes at hand. */
export class MoreBytesNeeded {
  readonly sizeBytes: number;
  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }
}

/** A name from the file, fit for a message: quoted, control characters escaped, not endless. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

/** Reads the primitives of a GGUF header, little-endian, never past what can exist. */
export class Cursor {
  at = 0;
  /** What is being read, for messages. */
  subject = "the header";
  /** The key or tensor that it belongs to. */
  param: string | undefined;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** No header byte lies at or after this offset. */
  readonly #endBytes: number;
  readonly #endIsFile: boolean;
  // A byte order mark at the start of a token is a part of it.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(bytes: Uint8Array, fileBytes: number | undefined) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#endBytes = Math.min(fileBytes ?? Number.POSITIVE_INFINITY, maxHeaderBytes);
    this.#endIsFile = fileBytes !== undefined && fileBytes <= maxHeaderBytes;
  }

  /** Most bytes that can still follow. */
  get leftBytes(): number {
    return this.#endBytes - this.at;
  }

  fail(problem: string): OmniError {
    return badModelFile(`${this.subject}, byte ${this.at}: ${problem}.`, this.param);
  }

  /** Steps over `sizeBytes` bytes and returns where they start. */
  take(sizeBytes: number): number {
    if (sizeBytes > this.leftBytes)
      throw this.fail(
        this.#endIsFile
          ? `${sizeBytes} bytes are said to follow, but the file ends at byte ${this.#endBytes}`
          : `${sizeBytes} bytes are said to follow, more than a header may have (${maxHeaderBytes} in all)`,
      );
    const start = this.at;
    if (start + sizeBytes > this.#bytes.length) throw new MoreBytesNeeded(start + sizeBytes);
    this.at = start + sizeBytes;
    return start;
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  /** An unsigned 64-bit integer, rounded where it exceeds 2^53: every caller compares it with less than that. */
  length(): number {
    const at = this.take(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** A count of things that take at least `minBytes` each. */
  count(minBytes: number, what: string): number {
    const count = this.length();
    if (count * minBytes > this.leftBytes) {
      this.at -= 8;
      throw this.fail(`${count} ${what} cannot fit in the ${this.leftBytes} bytes that may follow`);
    }
    return count;
  }

  string(): string {
    const size = this.count(1, "characters");
    const start = this.take(size);
    const bytes = this.#bytes;
    // Most strings are short ASCII tokens, for which a TextDecoder call costs more than the text.
    let text = "";
    if (size <= 32) {
      let i = start;
      for (; i < start + size && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!);
      if (i === start + size) return text;
    }
    return this.#decoder.decode(bytes.subarray(start, start + size));
  }

  scalar(type: number): MetadataValue {
    const view = this.#view;
    if (type === stringType) return this.string();
    const at = this.take(valueBytes[type]!);
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7: {
        const value = view.getUint8(at);
        if (value > 1) {
          this.at = at;
          throw this.fail(`${value} is neither true (1) nor false (0)`);
        }
        return value === 1;
      }
      case 10:
        return exact(view.getBigUint64(at, true));
      case 11:
        return exact(view.getBigInt64(at, true));
      default:
        return view.getFloat64(at, true);
    }
  }

  valueType(): number {
    const type = this.u32();
    if (type < valueBytes.length) return type;
    this.at -= 4;
    throw this.fail(`unknown value type ${type}`);
  }
}

/** A 64-bit integer as a number where that is exact. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
