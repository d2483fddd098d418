/**
 * When each word of a window was said. Source: `find_alignment` and `add_word_timestamps` in openai/whisper's timing.py;
 * without its guesses about words across long pauses but for one: no word lasts much longer than the others.
 */

import { secondsPerTimestamp, type WhisperTokens } from "../../text/whisperTokens.ts";
import { AttentionSum, firstColumns } from "./alignment.ts";
import { startTokens } from "./decodeWindow.ts";
import { roundSeconds, type WindowSegment } from "./segments.ts";
import type { SpeechModel, SpeechTask, TimedWord } from "./types.ts";
import { mergePunctuation, splitWords, type Word } from "./words.ts";

/** The median of word lengths is taken as at most this, in seconds. */
const maxMedian = 0.7;
const sentenceEnds = new Set(".。!！?？");

export interface TimedWindow {
  /** For each segment. */
  words: TimedWord[][];
  /** In seconds of the audio; 0 where there are no words. */
  lastWordEnd: number;
}

interface Timing extends Word {
  start: number;
  end: number;
}

export class WordTimer {
  constructor(
    private readonly model: SpeechModel,
    private readonly tokens: WhisperTokens,
  ) {}

  /** Times the words of the window that was encoded last. */
  async time(
    segments: readonly WindowSegment[],
    window: { language: string; task: SpeechTask; seconds: number; startSeconds: number },
  ): Promise<TimedWindow> {
    const { language, startSeconds } = window;
    const texts = segments.map(({ tokens }) => tokens.filter((token) => token < this.tokens.end));
    // Words do not go on from one segment to the next.
    const split = texts.map((tokens) => splitWords(tokens, this.tokens.tokenizer, language));
    const timings = await this.align(split.flat(), texts.flat(), window);
    limitLengths(timings);
    mergePunctuation(timings);
    const words: TimedWord[][] = [];
    let at = 0;
    for (const own of split) {
      const timed = timings.slice(at, at + own.length).filter(({ text }) => text !== "");
      words.push(
        timed.map(({ text, start, end }) => ({
          word: text,
          start: roundSeconds(startSeconds + start),
          end: roundSeconds(startSeconds + end),
        })),
      );
      at += own.length;
    }
    return { words, lastWordEnd: words.flat().at(-1)?.end ?? 0 };
  }

  private async align(
    words: readonly Word[],
    text: readonly number[],
    { language, task, seconds }: { language: string; task: SpeechTask; seconds: number },
  ): Promise<Timing[]> {
    const { model, tokens } = this;
    if (text.length === 0) return [];
    const start = startTokens(tokens, language, task);
    const all = [...start, tokens.noTimestamps, ...text, tokens.end];
    const positions = Math.max(1, Math.min(model.audioContext, Math.ceil(seconds / secondsPerTimestamp)));
    const sum = new AttentionSum(all.length, positions);
    await model.align(all, (scores) => sum.add(scores));
    // The row of a token attends to what it predicts: the next token. So the last row is the end's own, and left out.
    const rows = all.length - 1 - start.length;
    const columns = firstColumns(sum.slice(start.length, all.length - 1), rows, positions);
    const times = columns.map((column) => column * secondsPerTimestamp);
    let at = 0;
    return words.map(({ text, tokens: own }) => {
      const first = at;
      at += own.length;
      return { text, tokens: [...own], start: times[first]!, end: times[at]! };
    });
  }
}

/** Words at the ends of sentences cover the pause after them: they are cut to twice the median. @param words changed */
function limitLengths(words: readonly Timing[]): void {
  const lengths = words.map(({ start, end }) => end - start).filter((length) => length > 0);
  if (lengths.length === 0) return;
  lengths.sort((a, b) => a - b);
  const longest = 2 * Math.min(maxMedian, lengths[lengths.length >> 1]!);
  words.forEach((word, i) => {
    if (i === 0 || word.end - word.start <= longest) return;
    if (sentenceEnds.has(word.text)) word.end = word.start + longest;
    else if (sentenceEnds.has(words[i - 1]!.text)) word.start = word.end - longest;
  });
}
