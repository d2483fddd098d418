/**
 * Positions of models whose rotations have three coordinates: (time, row, column). Text counts on in all three at once. The rows
 * of a picture lie on a grid that starts there, and what follows it goes on behind the grid's longest side: so positions
 * and places in the cache differ. They follow from the tokens alone, as media tokens stand for a layout as well as for
 * rows; whatever is cached by its tokens is right.
 *
 * What has ticks and follows each other directly belongs together: frames and sound of one video. All of it starts at
 * one corner, from which its times are that many ticks away, and what follows goes on behind its largest coordinate.
 * Source: Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191; Xu et al. 2025 (Qwen2.5-Omni, TMRoPE), arXiv:2503.20215, 2.2.
 */

import type { MediaLayout } from "../models/projector/types.ts";
import { inSameMedia, isMediaToken, type MediaRows, rowInMedia } from "./mediaRows.ts";
import type { Sequence } from "./sequence.ts";

export const axisCount = 3;

/** Neighbouring rows of one content in its layout. */
interface Span {
  /** Places in the sequence. */
  start: number;
  end: number;
  /** The first one's row of the content. */
  row: number;
  /** All three coordinates of the layout's corner. */
  corner: number;
  layout: MediaLayout;
  /** What text behind the span has to its place to make its position. */
  offset: number;
}

type Layouts = Pick<MediaRows, "layoutOf">;

export class AxisPositions {
  private readonly known = new WeakMap<Sequence, { revision: number; spans: readonly Span[] }>();

  /**
   * Coordinates of `count` tokens of a sequence from `start` on, {@link axisCount} each, to `out` from `at` on.
   * @param media where layouts are looked up when the sequence is first seen; it holds its media then
   */
  write(
    sequence: Sequence,
    start: number,
    count: number,
    out: Uint32Array,
    at: number,
    media: Layouts | undefined,
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
      const { corner, layout } = span;
      const { grid } = layout;
      const index = span.row + place - span.start;
      const time = timeOf(layout, index);
      out[i] = corner + time;
      out[i + 1] = corner + (grid ? Math.floor(index / grid[2]) % grid[1] : time);
      out[i + 2] = corner + (grid ? index % grid[2] : time);
    }
  }

  private spansOf(sequence: Sequence, media: Layouts | undefined): readonly Span[] {
    const { revision, tokens } = sequence;
    const known = this.known.get(sequence);
    // Answers are text: what is drawn later has no spans.
    if (known?.revision === revision) return known.spans;
    const spans = media ? findSpans(tokens, media) : [];
    this.known.set(sequence, { revision, spans });
    return spans;
  }
}

/** Media without a layout are like text: their rows count on. */
function findSpans(tokens: readonly number[], media: Layouts): Span[] {
  const spans: Span[] = [];
  let offset = 0;
  for (let start = 0; start < tokens.length; start++) {
    const token = tokens[start]!;
    const layout = isMediaToken(token) ? media.layoutOf(token) : undefined;
    if (!layout) continue;
    let end = start + 1;
    while (end < tokens.length && tokens[end] === tokens[end - 1]! + 1 && inSameMedia(tokens[end]!, token))
      end++;
    const row = rowInMedia(token);
    const last = spans.at(-1);
    const next = start + offset;
    const corner = layout.ticks && last?.layout.ticks && last.end === start ? last.corner : next;
    const behind = Math.max(next, corner + extent(layout, row + end - start - 1));
    offset = behind - end;
    spans.push({ start, end, row, corner, layout, offset });
    start = end - 1;
  }
  return spans;
}

/** Of a row, from the corner. */
function timeOf({ grid, ticks }: MediaLayout, row: number): number {
  const time = grid ? Math.floor(row / (grid[1] * grid[2])) : row;
  return ticks ? ticks[time]! : time;
}

/** From the corner to behind the largest coordinate of rows up to this one. */
function extent(layout: MediaLayout, lastRow: number): number {
  const [, rows = 1, columns = 1] = layout.grid ?? [];
  return Math.max(timeOf(layout, lastRow) + 1, rows, columns);
}
