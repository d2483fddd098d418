/** A small random model whose prompts have pictures of random rows, beside its formulas in double precision. */

import { expect } from "vitest";
import { randomValues } from "../../../kernels/testing/random.ts";
import type { Gpu } from "../../gpu/device.ts";
import { modelConfig } from "../../models/architectures.ts";
import type { MediaGrid, MediaLayout } from "../../models/projector/types.ts";
import { DecoderRef, type RefToken } from "../../models/testing/decoder.ref.ts";
import { createTokenizer } from "../../text/tokenizer.ts";
import { readGgufHeader } from "../../weights/gguf.ts";
import { SourceReader } from "../../weights/reader.ts";
import { openSource } from "../../weights/source.ts";
import { makeRandomModel, type RandomModel, randomModelContents } from "../../weights/testing/randomModel.ts";
import { DecoderEngine } from "../engine.ts";
import { loadRunner } from "../loadRunner.ts";
import type { MediaRows, MediaSpan } from "../mediaRows.ts";
import { defaultSampling, type Engine, type GenerationRequest } from "../types.ts";

/** Random rows; what they add behind the layers is as large. */
export interface Content {
  span: MediaSpan;
  rows: Float32Array<ArrayBuffer>;
  deep: Float32Array<ArrayBuffer>[];
}

export interface Picture extends Content {
  count: number;
  /** Of models whose positions have three coordinates. */
  grid?: MediaGrid | undefined;
  /** Whether its rows see each other both ways. */
  bothWays: boolean;
}

/** A grid, or how many rows see each other both ways. */
export type PictureLayout = { grid: MediaGrid } | { span: number };

/** Rows of several contents in the order of the prompt, their positions from where the first one stands. */
export interface Film {
  contents: Content[];
  rows: (RefToken & { token: number })[];
}

export type Part = readonly number[] | Picture | Film;

export interface Answer {
  tokens: number[];
  logprobs: number[];
  /** Of the first token. */
  top: Map<number, number>;
  cachedTokens: number;
}

/** Tokens of text. */
export const words = (count: number, salt: number) =>
  Array.from({ length: count }, (_, i) => 3 + ((i * (37 + salt) + salt * 11) % 320));

export const promptOf = (parts: readonly Part[]) =>
  parts.flatMap((part) => {
    if ("contents" in part) return part.rows.map(({ token }) => token);
    return "span" in part ? part.span.tokens : part;
  });

/** What does not depend on the cache. */
export const numbers = ({ tokens, logprobs }: Answer) => ({ tokens, logprobs });

/** Greedy, without the cache unless asked. */
export async function run(of: Engine, changes: Partial<GenerationRequest>): Promise<Answer> {
  const answer: Answer = { tokens: [], logprobs: [], top: new Map(), cachedTokens: -1 };
  const events = of.generate({
    ...{ promptTokens: [], maxTokens: 12, sampling: { ...defaultSampling, temperature: 0 }, stopStrings: [] },
    ...{ stopTokens: [], ignoreEos: true, topLogprobs: 64, promptLogprobs: false, cachePrompt: false },
    ...{ signal: undefined, ...changes },
  });
  for await (const event of events) {
    if (event.type === "prompt") answer.cachedTokens = event.cachedTokens;
    if (event.type !== "token") continue;
    if (answer.tokens.length === 0)
      answer.top = new Map(event.logprob!.top.map(({ token, logprob }) => [token, logprob]));
    answer.tokens.push(event.token);
    answer.logprobs.push(event.logprob!.logprob);
  }
  return answer;
}

/** Two at once, from the prefix cache, answer as one did alone: forks draw from one row. */
export async function expectForks(
  of: Engine,
  asked: Partial<GenerationRequest>,
  alone: Answer,
): Promise<void> {
  const forked = await Promise.all([1, 2].map(() => run(of, { ...asked, cachePrompt: true })));
  expect(forked.map(numbers)).toEqual([alone, alone].map(numbers));
}

/** A prompt that was computed before is found but for its last token. */
export async function expectCached(
  of: Engine,
  asked: Pick<GenerationRequest, "promptTokens">,
  alone: Answer,
): Promise<void> {
  const again = await run(of, { ...asked, cachePrompt: true });
  expect(again.cachedTokens).toBe(asked.promptTokens.length - 1);
  expect(numbers(again)).toEqual(numbers(alone));
}

export class MediaBench {
  private readonly reference: DecoderRef;

  /** @param model of 331 tokens or more, as {@link words} */
  constructor(
    private readonly gpu: Gpu,
    private readonly model: RandomModel,
  ) {
    this.reference = new DecoderRef(model, randomModelContents(model));
  }

  /** An engine with chunks of 64 tokens. */
  async open(sizes: {
    contextLength: number;
    capacity: number;
    maxRunning: number;
    maxQueued: number;
  }): Promise<{ engine: Engine; media: MediaRows }> {
    const { gpu } = this;
    const reader = new SourceReader(openSource(new Blob([makeRandomModel(this.model)])));
    const header = await readGgufHeader(reader);
    const config = modelConfig(header);
    const options = { gpu, header, config, reader, cacheType: "f32", chunkTokens: 64, ...sizes } as const;
    const { runner, weights } = await loadRunner({ ...options, maxTopLogprobs: 64, mediaRows: 80 });
    const engine = new DecoderEngine({
      ...{ gpu, config, runner, ...sizes, modelId: "test", fingerprint: "fp_test" },
      ...{ tokenizer: createTokenizer(header.metadata), persistence: undefined, tuning: undefined },
      weights: { ...weights, parameters: 0, types: {} },
    });
    return { engine, media: runner.media! };
  }

  /** A question on a picture, beside others that leave it without pages for a while: it is answered as if alone. */
  async expectPreempted(layout: PictureLayout): Promise<{ engine: Engine; parts: Part[]; picture: Picture }> {
    const sizes = { contextLength: 128, capacity: 160, maxRunning: 3, maxQueued: 1 };
    const { engine, media } = await this.open(sizes);
    const picture = await this.show(media, 3, layout);
    const parts = [words(6, 1), picture, words(3, 2)];
    const asked = { promptTokens: promptOf(parts), maxTokens: 60 };
    const alone = await run(engine, asked);
    this.expectFormulas(parts, alone);
    const others = [30, 25].map((length, i) => ({ promptTokens: words(length, i), maxTokens: 60 }));
    const answers = await Promise.all([...others, asked].map((one) => run(engine, one)));
    expect(engine.stats().requests.preemptions).toBeGreaterThan(0);
    expect(numbers(answers[2]!)).toEqual(numbers(alone));
    return { engine, parts, picture };
  }

  async show(room: MediaRows, seed: number, layout: PictureLayout): Promise<Picture> {
    const grid = "grid" in layout ? layout.grid : undefined;
    const spanRows = "span" in layout ? layout.span : undefined;
    const count = spanRows ?? grid!.reduce((product, side) => product * side, 1);
    return { ...(await this.put(room, seed, count, { grid, spanRows })), count, grid, bothWays: !grid };
  }

  async put(room: MediaRows, seed: number, count: number, layout: MediaLayout): Promise<Content> {
    const { width: D, deepstackLayers = 0 } = this.model;
    const values = (salt: number) =>
      new Float32Array(randomValues(97 * seed + salt, count * D).map((v) => v / 8));
    const deep = Array.from({ length: deepstackLayers }, (_, i) => values(i + 1));
    const content = { rows: values(0), deep };
    const encode: Parameters<MediaRows["open"]>[2] = (target, deepTargets) =>
      [target, ...deepTargets].forEach(({ buffer, offsetBytes }, i) => {
        this.gpu.device.queue.writeBuffer(buffer, offsetBytes, [content.rows, ...deep][i]!);
      });
    return { ...content, span: await room.open(`content ${seed}`, count, encode, layout) };
  }

  /** What the reference knows of a row. */
  rowOf({ rows, deep }: Content, i: number): Pick<RefToken, "row" | "deep"> {
    const { width: D } = this.model;
    const at = (values: Float32Array) => values.subarray(i * D, (i + 1) * D);
    return { row: at(rows), deep: deep.map(at) };
  }

  /** Natural-log probabilities (V) of what follows. */
  next(parts: readonly Part[]): Float64Array {
    return this.reference.next(this.refTokens(parts));
  }

  /** Prompt and answer as the formulas have them: also what was drawn in decode steps, behind the pictures. */
  expectFormulas(parts: readonly Part[], { tokens, logprobs, top }: Answer): void {
    for (const count of [0, 1, tokens.length - 1]) {
      const expected = this.next([...parts, tokens.slice(0, count)]);
      const off = Math.abs(expected[tokens[count]!]! - logprobs[count]!);
      expect(off, `token ${count}`).toBeLessThan(1e-3);
      if (count > 0) continue;
      expect(top.size).toBe(64);
      for (const [token, logprob] of top) expect(Math.abs(expected[token]! - logprob)).toBeLessThan(1e-3);
    }
  }

  /** For the reference, positions and what is seen are counted here. */
  private refTokens(parts: readonly Part[]): RefToken[] {
    let next = 0;
    let place = 0;
    return parts.flatMap((part): RefToken[] => {
      const start = next;
      if ("contents" in part) {
        next += Math.max(...part.rows.flatMap(({ position }) => position)) + 1;
        place += part.rows.length;
        return part.rows.map(({ position: [time, y, x], ...row }) => ({
          ...{ ...row, position: [start + time, start + y, start + x] },
        }));
      }
      if (!("span" in part)) {
        next += part.length;
        place += part.length;
        return part.map((token, i) => ({
          row: this.reference.embedding(token),
          position: [start + i, start + i, start + i],
        }));
      }
      const { count, grid, bothWays } = part;
      next += grid ? Math.max(...grid) : count;
      place += count;
      const end = place;
      return Array.from({ length: count }, (_, i) => {
        const columns = grid?.[2] ?? 1;
        return {
          ...this.rowOf(part, i),
          position: grid
            ? [start, start + Math.floor(i / columns), start + (i % columns)]
            : [start + i, start + i, start + i],
          ...(bothWays && { span: [end - count, end] as const }),
        };
      });
    });
  }
}
