/**
 * Encoded pictures and sounds on the GPU, and the tokens that stand for them. A span of a prompt that is not text has a
 * token for each row that the model reads there: numbers above all ids, the same for the same content, so that whatever
 * compares tokens (the prefix cache, prompts that wait for each other) knows media as well. Rows stay while a request holds
 * them and as long as there is room after that; the numbers outlive them.
 */

import { invalidRequest, OmniError } from "../errors.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { MediaLayout } from "../models/projector/types.ts";

/** The first token of the content with number 0; contents are `mostRows` apart. */
const firstToken = 2 ** 40;
const mostRows = 2 ** 16;
/** Contents whose numbers are remembered. */
const mostKeys = 4096;

/** Whether a token stands for a row of media instead of text. */
export function isMediaToken(token: number): boolean {
  return token >= firstToken;
}

/** Whether both tokens stand for rows of the same content. */
export function inSameMedia(a: number, b: number): boolean {
  return isMediaToken(a) && Math.floor(a / mostRows) === Math.floor(b / mostRows);
}

/** The row of its content that a token stands for. */
export function rowInMedia(token: number): number {
  return token % mostRows;
}

/** How many rows of its own span are before a token and behind it, all of which it sees. */
export interface SeenRows {
  before: number;
  behind: number;
}

/** Text, and media whose rows see only what is before them. */
export const causal: SeenRows = { before: 0, behind: 0 };

/** An encoded picture or sound, held until it is released. */
export interface MediaSpan {
  /** A number for each of its rows, for a prompt. */
  readonly tokens: readonly number[];
  /** Once. */
  release(): void;
}

interface Entry {
  key: string;
  start: number;
  count: number;
  layout: MediaLayout | undefined;
  holders: number;
  /** When it was last opened, in steps of a counter. */
  used: number;
  ready: Promise<void>;
}

export class MediaRows {
  private readonly entries = new Map<number, Entry>();
  /** Numbers of contents by their keys, least recently opened first. */
  private readonly numbers = new Map<string, number>();
  private nextNumber = 0;
  private clock = 0;

  /**
   * @param rows (M, D) f32
   * @param deep (M, D) f32 each: what is added at the same places behind the first layers
   * @param maxSpanRows most rows that can see each other both ways: those of a step, which computes them together
   */
  constructor(
    readonly rows: Tensor,
    readonly deep: readonly Tensor[] = [],
    private readonly maxSpanRows = mostRows,
  ) {}

  /**
   * Holds the rows of a content; encodes it where they are not there.
   * @param key equal for equal rows and layouts only: a hash of content and processing
   * @param encode submits what writes the rows (count, D), and those of `deep`; steps submitted after it has resolved read
   *   them
   * @param layout how the rows lie and which see each other, for all of them; none is like text
   * @throws OmniError `invalid_request` where there are never so many rows, or rows that see each other, `queue_full` where
   *   others hold them, and what `encode` throws
   */
  async open(
    key: string,
    count: number,
    encode: (rows: Tensor, deep: readonly Tensor[]) => Promise<void> | void,
    layout?: MediaLayout,
  ): Promise<MediaSpan> {
    if (layout) checkLayout(layout, count);
    const { spanRows = 1 } = layout ?? {};
    if (spanRows > this.maxSpanRows)
      throw invalidRequest(
        `A picture or sound of ${spanRows} tokens that see each other is too large; ${this.maxSpanRows} are computed at once.`,
        "messages",
      );
    const capacity = this.rows.shape[0]!;
    if (count > Math.min(capacity, mostRows))
      throw invalidRequest(
        `A picture or sound of ${count} tokens is too large; there is room for ${Math.min(capacity, mostRows)}.`,
        "messages",
      );
    const number = this.numberOf(key);
    let entry = this.entries.get(number);
    if (!entry) {
      const start = this.makeRoom(count);
      entry = { key, start, count, layout, holders: 0, used: 0, ready: Promise.resolve() };
      this.entries.set(number, entry);
      const slice = (tensor: Tensor) => rowsOf(tensor, start, count);
      entry.ready = Promise.resolve(encode(slice(this.rows), this.deep.map(slice))).catch((error) => {
        this.entries.delete(number);
        throw error;
      });
    }
    if (entry.count !== count)
      throw new OmniError("internal_error", `Media of ${entry.count} rows were opened as ${count}.`);
    entry.used = ++this.clock;
    entry.holders++;
    const held = entry;
    await held.ready;
    let released = false;
    return {
      tokens: Array.from({ length: count }, (_, i) => firstToken + number * mostRows + i),
      release: () => {
        if (!released) held.holders--;
        released = true;
      },
    };
  }

  /** The row of `rows` that a token stands for. @throws OmniError where nobody holds it */
  rowOf(token: number): number {
    const entry = this.entries.get(Math.floor((token - firstToken) / mostRows));
    const row = token % mostRows;
    if (!entry || entry.holders === 0 || row >= entry.count)
      throw new OmniError("internal_error", `Media token ${token} has no row.`);
    return entry.start + row;
  }

  /** How the rows of its content lie, if not like text and there. */
  layoutOf(token: number): MediaLayout | undefined {
    return this.entries.get(Math.floor((token - firstToken) / mostRows))?.layout;
  }

  /**
   * What a token sees of its span. As this follows from the token alone, and spans are whole in every sequence
   * ({@link hasWholeSpans}, and context shifts keep them so), equal tokens stand for equal keys and values: pages that are
   * cached by their tokens are right even if they end within a span, whose rows before that have seen the same rows behind it
   * as they would now. The others see them in the cache.
   */
  seenBy(token: number): SeenRows {
    if (!isMediaToken(token)) return causal;
    const { spanRows = 1 } = this.layoutOf(token) ?? {};
    const before = rowInMedia(token) % spanRows;
    return { before, behind: spanRows - 1 - before };
  }

  /** Whether all rows that see each other are there, one after the other. */
  hasWholeSpans(tokens: readonly number[]): boolean {
    return tokens.every((token, i) => {
      const { before, behind } = this.seenBy(token);
      return (before === 0 || tokens[i - 1] === token - 1) && (behind === 0 || tokens[i + 1] === token + 1);
    });
  }

  /** Whether a request may have this token in its prompt: somebody holds it. */
  has(token: number): boolean {
    const entry = this.entries.get(Math.floor((token - firstToken) / mostRows));
    return entry !== undefined && entry.holders > 0 && token % mostRows < entry.count;
  }

  private numberOf(key: string): number {
    const number = this.numbers.get(key) ?? this.nextNumber++;
    this.numbers.delete(key);
    this.numbers.set(key, number);
    if (this.numbers.size > mostKeys)
      for (const [oldest, old] of this.numbers)
        if (!this.entries.has(old)) {
          this.numbers.delete(oldest);
          break;
        }
    return number;
  }

  /** The start of so many free rows, for which unheld contents are given up, the least recently opened first. */
  private makeRoom(count: number): number {
    for (;;) {
      const taken = [...this.entries.values()].sort((a, b) => a.start - b.start);
      let start = 0;
      for (const entry of taken) {
        if (entry.start - start >= count) return start;
        start = entry.start + entry.count;
      }
      if (this.rows.shape[0]! - start >= count) return start;
      const unheld = [...this.entries].filter(([, { holders }]) => holders === 0);
      const oldest = unheld.sort(([, a], [, b]) => a.used - b.used)[0];
      if (!oldest)
        throw new OmniError(
          "queue_full",
          `The engine is busy: other requests hold the room for pictures and sounds. Please try again later.`,
          { detail: "rate_limit_exceeded" },
        );
      this.entries.delete(oldest[0]);
    }
  }
}

function checkLayout({ grid, ticks, spanRows = 1 }: MediaLayout, count: number): void {
  if (count % spanRows !== 0)
    throw new OmniError("internal_error", `Media of ${count} rows are no spans of ${spanRows}.`);
  if (grid && grid.reduce((product, side) => product * side, 1) !== count)
    throw new OmniError(
      "internal_error",
      `Media of ${count} rows do not lie on a grid of ${grid.join(" x ")}.`,
    );
  const times = grid ? grid[0] : count;
  const ascending = ticks?.every((tick, i) => Number.isInteger(tick) && tick >= (ticks[i - 1] ?? 0));
  if (ticks && !(ticks.length === times && ascending))
    throw new OmniError("internal_error", `Media of ${times} times have ticks that do not ascend with them.`);
}

function rowsOf({ buffer, offsetBytes, dtype, shape }: Tensor, start: number, count: number): Tensor {
  const rowBytes = shape[1]! * 4;
  const sizeBytes = count * rowBytes;
  return { buffer, dtype, offsetBytes: offsetBytes + start * rowBytes, sizeBytes, shape: [count, shape[1]!] };
}
