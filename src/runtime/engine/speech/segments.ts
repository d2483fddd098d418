/** The tokens of a window cut into segments by their timestamps, and where the next window starts. */

import { secondsPerTimestamp, type WhisperTokens } from "../../text/whisperTokens.ts";

export interface WindowSegment {
  /** In seconds from the window's start. */
  start: number;
  end: number;
  /** With the timestamps around them. */
  tokens: number[];
}

export interface WindowSegments {
  segments: WindowSegment[];
  /** Seconds from this window's start to the next one's. */
  advance: number;
  /** Whether the window ends with a single timestamp: nothing was said after it. */
  complete: boolean;
}

/**
 * Two timestamps side by side end a segment and begin the next. What follows the last such pair was not finished: the next
 * window starts there. Source: `transcribe` in openai/whisper's transcribe.py.
 * @param seconds of audio in the window
 */
export function cutSegments(
  tokens: readonly number[],
  seconds: number,
  { timestampBegin }: WhisperTokens,
): WindowSegments {
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  const time = (token: number) => (token - timestampBegin) * secondsPerTimestamp;
  const complete = isTimestamp(tokens.at(-1)) && !isTimestamp(tokens.at(-2));
  const cuts: number[] = [];
  for (let i = 1; i < tokens.length; i++)
    if (isTimestamp(tokens[i]) && isTimestamp(tokens[i - 1])) cuts.push(i);
  if (cuts.length === 0) {
    const last = tokens.findLast(isTimestamp);
    const end = last !== undefined && last > timestampBegin ? time(last) : seconds;
    return { segments: [{ start: 0, end, tokens: [...tokens] }], advance: seconds, complete };
  }
  if (complete) cuts.push(tokens.length);
  let from = 0;
  const segments = cuts.map((to): WindowSegment => {
    const own = tokens.slice(from, to);
    from = to;
    return { start: time(own[0]!), end: time(own.at(-1)!), tokens: own };
  });
  return { segments, advance: complete ? seconds : time(tokens[from - 1]!), complete };
}

/** To a hundredth of a second, without what floats add to it. */
export function roundSeconds(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
