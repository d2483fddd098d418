/** Prints what was measured of the engine. */

import type { LoadFigures } from "../../src/runtime/engine/testing/simulateLoad.ts";
import type { EngineFigures, EngineRequest } from "./measure.ts";
import type { SchemaCounts } from "./schemas.ts";

export interface EngineResult extends EngineRequest, EngineFigures {
  adapter: string;
  schemas: SchemaCounts | undefined;
}

const percent = (part: number) => `${(100 * part).toFixed(0)}%`;
const ms = (time: number) => `${time.toFixed(time < 10 ? 1 : 0)} ms`;
const perSecond = (speed: number) => `${speed.toFixed(1)} tokens/s`;

export function rowsOf(result: EngineResult): Record<string, string>[] {
  const { schemas, streams } = result;
  const chunksMore = (gapMs: number, chunkMs: number) => ((gapMs - result.gapMs) / chunkMs).toFixed(2);
  const rows: [string, string, string][] = [
    ["one request", perSecond(result.oneTokensPerSecond), ""],
    [
      `${streams} together`,
      perSecond(result.togetherTokensPerSecond),
      `${(result.togetherTokensPerSecond / result.oneTokensPerSecond).toFixed(2)} times one; ` +
        `${streams - result.different} of ${streams} write what they write alone`,
    ],
    ["between tokens", ms(result.gapMs), ""],
    [
      `  beside a prompt of ${result.longTokens}`,
      `${ms(result.gapBesidePromptMs)}, ${ms(result.longestGapMs)} at most`,
      `${chunksMore(result.gapBesidePromptMs, result.chunkMs)} chunks more; the longest ` +
        `${chunksMore(result.longestGapMs, result.longestChunkMs)} of the longest chunk; ` +
        `a chunk alone takes ${ms(result.chunkMs)}, ${ms(result.longestChunkMs)} at most`,
    ],
    [`first turn of ${result.historyTokens}`, `${ms(result.firstTurnMs)} to the first token`, ""],
    [
      "  second turn",
      ms(result.secondTurnMs),
      `${percent(result.secondTurnMs / result.firstTurnMs)} of that`,
    ],
    ...result.constrained.map(({ name, ofPlain }): [string, string, string] => [
      `constrained: ${name}`,
      `${percent(ofPlain)} of the plain speed`,
      "",
    ]),
  ];
  if (schemas)
    rows.push([
      `${schemas.asked} schemas`,
      `${schemas.valid} valid, ${schemas.invalid.length} invalid`,
      `${schemas.cut} cut off, ${schemas.refused} refused up front`,
    ]);
  return rows.map(([name, value, versus]) => ({ [result.adapter]: name, measured: value, "": versus }));
}

export function simulationRows(
  result: LoadFigures & { requests: number; seconds: number },
): Record<string, string>[] {
  const { finished, left } = result;
  const rows: [string, string][] = [
    [`${result.requests} requests`, `${result.seconds.toFixed(1)} s`],
    ["ended", `${finished.stop + finished.length}, ${finished.aborted} aborted, ${result.refused} refused`],
    ["longest gap", `${ms(result.worstGapMs)} where the longest step takes ${ms(result.longestStepMs)}`],
    ["differ from alone", `${result.wrong} of ${result.checked} compared`],
    ["preemptions", `${result.preemptions}`],
    ["left at the end", `${left.running + left.queued} requests, ${left.pages} pages`],
  ];
  return rows.map(([name, value]) => ({ "scheduler alone": name, simulated: value }));
}
