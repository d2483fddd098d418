/** A page of the KV cache as a file: its tokens, its bytes, and a checksum over both. */

const magic = 0x31564b4f; // "OKV1"
const headerWords = 5;

/**
 * Two 32-bit lanes over alternate words (FNV-1a's prime): tells damage, not malice. Bytes beyond the last whole word
 * count by themselves.
 */
export class Checksum {
  private low = 0x811c9dc5;
  private high = 0x9dc5811c;

  add(bytes: Uint8Array): this {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
    let { low, high } = this;
    for (let i = 0; i + 1 < words.length; i += 2) {
      low = Math.imul(low ^ words[i]!, 0x01000193);
      high = Math.imul(high ^ words[i + 1]!, 0x01000193);
    }
    if (words.length % 2 === 1) low = Math.imul(low ^ words.at(-1)!, 0x01000193);
    for (const byte of bytes.subarray(words.length * 4)) high = Math.imul(high ^ byte, 0x01000193);
    this.low = low;
    this.high = high;
    return this;
  }

  /** Both lanes. */
  get value(): readonly [number, number] {
    return [this.low >>> 0, this.high >>> 0];
  }
}

const bytesOf = (words: Uint32Array<ArrayBuffer>) =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

export function writePageFile(
  tokens: readonly number[],
  page: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const words = Uint32Array.from(tokens);
  const [low, high] = new Checksum().add(bytesOf(words)).add(page).value;
  const header = Uint32Array.of(magic, tokens.length, page.byteLength, low, high);
  const file = new Uint8Array(header.byteLength + words.byteLength + page.byteLength);
  file.set(bytesOf(header), 0);
  file.set(bytesOf(words), header.byteLength);
  file.set(page, header.byteLength + words.byteLength);
  return file;
}

/** The page's bytes, or undefined unless the file is whole and holds these tokens and so many bytes. */
export function readPageFile(
  file: Uint8Array<ArrayBuffer>,
  tokens: readonly number[],
  pageBytes: number,
): Uint8Array<ArrayBuffer> | undefined {
  const start = (headerWords + tokens.length) * 4;
  if (file.byteLength !== start + pageBytes) return undefined;
  const words = new Uint32Array(file.slice(0, start).buffer);
  const [kind, count, size, low, high] = words;
  const held = words.subarray(headerWords);
  if (kind !== magic || count !== tokens.length || size !== pageBytes) return undefined;
  if (tokens.some((token, i) => held[i] !== token)) return undefined;
  const page = file.slice(start);
  const [expectedLow, expectedHigh] = new Checksum().add(bytesOf(held)).add(page).value;
  return low === expectedLow && high === expectedHigh ? page : undefined;
}
