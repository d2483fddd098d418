/** Tokens back to text, one at a time or all at once. */

import type { DecodeOptions, StreamingDetokenizer } from "./types.ts";

export interface TokenBytes {
  tokenBytes(token: number): Uint8Array;
  isSpecial(token: number): boolean;
}

/**
 * Keeps the bytes of an unfinished UTF-8 character until the rest comes; bytes that can be part of none
 * become U+FFFD, as in the Encoding Standard.
 */
export class Detokenizer implements StreamingDetokenizer {
  readonly #tokens: TokenBytes;
  readonly #skipSpecial: boolean;
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Whether the next text is the first and loses one space, which the tokenizer had put there. */
  #dropSpace: boolean;

  constructor(tokens: TokenBytes, dropSpace: boolean, { skipSpecial = true }: DecodeOptions) {
    this.#tokens = tokens;
    this.#dropSpace = dropSpace;
    this.#skipSpecial = skipSpecial;
  }

  push(token: number): string {
    let bytes = this.#tokens.tokenBytes(token);
    if (this.#tokens.isSpecial(token)) {
      if (this.#skipSpecial) return "";
    } else if (this.#dropSpace && bytes.length > 0) {
      if (bytes[0] === 0x20) bytes = bytes.subarray(1);
      this.#dropSpace = false;
    }
    return this.#utf8.decode(bytes, { stream: true });
  }

  flush(): string {
    return this.#utf8.decode();
  }
}
