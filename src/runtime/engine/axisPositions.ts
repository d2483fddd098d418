/**
 * Positions of models whose rotations have three coordinates: (time, row, column). Text counts on in all three at once. The rows
 * of a picture lie on a grid that starts there, and what follows it goes on behind the grid's longest side: so positions
 * and places in the cache differ. They follow from the tokens alone, as media tokens stand for a grid as well as for rows;
 * whatever is cached by its tokens is right.
 * Source: Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191.
 */

import type { MediaGrid } from "../models/projector/types.ts";
import { inSameMedia, isMediaToken, type MediaRows, rowInMedia } from "./mediaRows.ts";
import type { Sequence } from "./sequence.ts";

export const axisCount = 3;

/** Neighbouring rows of one content on its grid. */
interface Span {
  /** Places in the sequence. */
  start: number;
  end: number;
  /** The first one's row of the content. */
  row: number;
  /** All three coordinates of the grid's corner. */
  corner: number;
  grid: MediaGrid;
  /** What text behind the span has to its place to make its position. */
  offset: number;
}

export class AxisPositions {
  private readonly known = new WeakMap<Sequence, { revision: number; spans: readonly Span[] }>();

  /**
   * Coordinates of `count` tokens of a sequence from `start` on, {@link axisCount} each, to `out` from `at` on.
   * @param media where grids are looked up when the sequence is first seen; it holds its media then
   */
  write(
    sequence: Sequence,
    start: number,
    count: number,
    out: Uint32Array,
    at: number,
    media: Pick<MediaRows, "gridOf"> | undefined,
  ): void {
    const spans = this.spansOf(sequence, media);
    let next = spans.findIndex(({ end }) => end > start);
    if (next < 0) next = spans.length;
    for (let place = start, i = at; place < start + count; place++, i += axisCount) {
      while (next < spans.length && spans[next]!.end <= place) next++;
      const span = spans[next];
      if (!span || place < span.start) {
        out.fill(place + (spans[next - 1]?.offset ?? 0), i, i + axisCount);
        continue;
      }
      const [, rows, columns] = span.grid;
      const index = span.row + place - span.start;
      out[i] = span.corner + Math.floor(index / (rows * columns));
      out[i + 1] = span.corner + (Math.floor(index / columns) % rows);
      out[i + 2] = span.corner + (index % columns);
    }
  }

  private spansOf(sequence: Sequence, media: Pick<MediaRows, "gridOf"> | undefined): readonly Span[] {
    const { revision, tokens } = sequence;
    const known = this.known.get(sequence);
    // Answers are text: what is drawn later has no spans.
    if (known?.revision === revision) return known.spans;
    const spans = media ? findSpans(tokens, media) : [];
    this.known.set(sequence, { revision, spans });
    return spans;
  }
}

/** Media without a grid are like text: their rows count on. */
function findSpans(tokens: readonly number[], media: Pick<MediaRows, "gridOf">): Span[] {
  const spans: Span[] = [];
  let offset = 0;
  for (let start = 0; start < tokens.length; start++) {
    const token = tokens[start]!;
    const grid = isMediaToken(token) ? media.gridOf(token) : undefined;
    if (!grid) continue;
    let end = start + 1;
    while (end < tokens.length && tokens[end] === tokens[end - 1]! + 1 && inSameMedia(tokens[end]!, token))
      end++;
    const corner = start + offset;
    offset = corner + Math.max(...grid) - end;
    spans.push({ start, end, row: rowInMedia(token), corner, grid, offset });
    start = end - 1;
  }
  return spans;
}
