/** Runs `measure()` of the page in a browser and takes what its runs amount to. */

import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import type { OmniStats } from "../../src/runtime/types.ts";
import { ownLibrary, withBuiltPage } from "../browser.ts";
import { median } from "../cli.ts";

export interface EngineRequest {
  /** Requests at once. */
  streams: number;
  /** That each of them generates. */
  tokens: number;
  runs: number;
  /** Of the prompt that arrives while another request runs. */
  longTokens: number;
  /** Of the first turn. */
  historyTokens: number;
}

export interface EngineFigures {
  model: string;
  /** Tokens per second of one request, and of all together. */
  oneTokensPerSecond: number;
  togetherTokensPerSecond: number;
  /** Requests whose text beside others is not what it is alone. */
  different: number;
  /** Time between tokens of a running request: usual, and while the long prompt is computed, where also the longest. */
  gapMs: number;
  gapBesidePromptMs: number;
  longestGapMs: number;
  /** A step of such a prompt alone: the median, and the longest. */
  chunkMs: number;
  longestChunkMs: number;
  /** From sending to the first token. */
  firstTurnMs: number;
  secondTurnMs: number;
  /** Speed under a constraint as a part of the speed without, in the same run. */
  constrained: { name: string; ofPlain: number }[];
}

interface PageResult {
  together: { count: number; speeds: number[] }[];
  different: number;
  gaps: { plainMs: number[]; besideMs: number[]; chunkMs: number; longestChunkMs: number };
  turns: { firstMs: number[]; secondMs: number[] };
  constrained: { name: string; plain: number[]; bound: number[] }[];
  stats: OmniStats;
}

export async function measureEngine(
  adapter: AdapterLaunch,
  file: string,
  request: EngineRequest,
): Promise<EngineFigures> {
  const { streams, tokens, longTokens, historyTokens } = request;
  const contextLength = Math.max(longTokens + 600, historyTokens + 64, streams * (tokens + 64)) * 2;
  const pageOf = { page: "engine/page.html", file, library: ownLibrary };
  const { together, different, gaps, turns, constrained, stats } = await withBuiltPage(
    adapter,
    pageOf,
    (tab, model) =>
      tab.evaluate(
        (options) =>
          (globalThis as unknown as { measure(options: unknown): Promise<PageResult> }).measure(options),
        { model, ...request, contextLength },
      ),
  );
  return {
    model: stats.model.id,
    oneTokensPerSecond: median(together[0]!.speeds),
    togetherTokensPerSecond: median(together[1]!.speeds),
    different,
    gapMs: median(gaps.plainMs),
    longestGapMs: Math.max(...gaps.besideMs),
    gapBesidePromptMs: median(gaps.besideMs),
    ...{ chunkMs: gaps.chunkMs, longestChunkMs: gaps.longestChunkMs },
    firstTurnMs: median(turns.firstMs),
    secondTurnMs: median(turns.secondMs),
    constrained: constrained.map(({ name, plain, bound }) => ({
      name,
      ofPlain: median(bound.map((speed, run) => speed / plain[run]!)),
    })),
  };
}
