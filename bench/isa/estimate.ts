/** From the compiler's blocks and the real turns of loops to the time that a kernel keeps a GPU busy. */

import type { AmdArchitecture } from "../recording/fakeWebGpu.ts";
import { type CompilerReport, type Unit, type Usage, units } from "./compilerReport.ts";

/** A GPU that kernels are compiled for, by the data sheets of its maker. */
export interface GpuModel {
  name: string;
  /** Mesa's name of the chip whose code it runs. */
  family: string;
  architecture: AmdArchitecture;
  /** SIMDs: two in each compute unit of RDNA, four in one of GCN. */
  simds: number;
  clockHz: number;
  bytesPerSecond: number;
}

export const gpuModels: readonly GpuModel[] = [
  {
    ...{ name: "RX 6900 XT", family: "navi21", architecture: "rdna-2" },
    ...{ simds: 160, clockHz: 2.25e9, bytesPerSecond: 512e9 },
  },
  {
    ...{ name: "RX 7900 XTX", family: "navi31", architecture: "rdna-3" },
    ...{ simds: 192, clockHz: 2.5e9, bytesPerSecond: 960e9 },
  },
  {
    ...{ name: "Radeon 680M", family: "navi21", architecture: "rdna-2" },
    ...{ simds: 24, clockHz: 2.4e9, bytesPerSecond: 77e9 },
  },
  {
    ...{ name: "RX Vega 64", family: "vega10", architecture: "gcn-5" },
    ...{ simds: 256, clockHz: 1.55e9, bytesPerSecond: 484e9 },
  },
];

export interface Estimate {
  /** Cycles from the first instruction of a wave to its last, with ACO's guesses for memory. */
  latency: number;
  /** Cycles for which 64 lanes keep their SIMD from others, waiting for memory included as far as occupancy leaves it. */
  inverseThroughput: number;
  /** The same without waiting: cycles of the busiest unit. */
  busy: number;
  busiest: Unit;
}

/** Of a loop of the source. */
export interface SourceLoop {
  /** Turns of a wave, on average, wherever the compiler has put copies of the loop. */
  turns: number;
  /** See `loopDepths`. */
  depth: number;
}

/**
 * How often each loop of the machine code turns in a wave, from the turns of the loops of the source.
 * @param marked the report of the same kernel with `markLoops`
 * @param source by the number of the loop in the source
 * @returns by loop of `marked`; a loop without a mark is the compiler's own and turns as often as the one around it
 */
export function loopTurns(marked: CompilerReport, source: readonly SourceLoop[]): number[] {
  const copies = marked.loops.map(() => new Map<number, number>());
  const places = new Map<number, Set<number | undefined>>();
  for (const { loop, marks } of marked.blocks)
    for (const mark of marks) {
      places.set(mark, (places.get(mark) ?? new Set()).add(loop));
      if (loop !== undefined) copies[loop]!.set(mark, (copies[loop]!.get(mark) ?? 0) + 1);
    }
  const result: number[] = [];
  marked.loops.forEach(({ parent }, index) => {
    // Deeper ones have been unrolled into this one. Of their equal stores the compiler may have left one.
    const depth = Math.min(...[...copies[index]!.keys()].map((mark) => source[mark]?.depth ?? 0));
    const counted = [...copies[index]!]
      .filter(([mark]) => (source[mark]?.depth ?? 0) === depth)
      // Where the compiler has unrolled, one turn is several of the source, or the loop stands in several places.
      .map(([mark, times]) => (source[mark]?.turns ?? 0) / times / places.get(mark)!.size);
    const around = parent === undefined ? 1 : result[parent]!;
    result.push(counted.length > 0 ? Math.max(...counted) : around);
  });
  return result;
}

/** Whether two reports of one kernel have the same loops, so that the turns of one are those of the other. */
export function sameLoops(a: CompilerReport, b: CompilerReport): boolean {
  return JSON.stringify(a.loops) === JSON.stringify(b.loops);
}

/** ACO's guess of turns: 8 for a loop, 4 for one in it, 2 for each deeper one. */
export function guessedTurns(report: CompilerReport): number[] {
  const result: number[] = [];
  report.loops.forEach(({ parent }) => {
    let depth = 0;
    for (let at = parent; at !== undefined; at = report.loops[at]!.parent) depth++;
    result.push((parent === undefined ? 1 : result[parent]!) * (depth === 0 ? 8 : depth === 1 ? 4 : 2));
  });
  return result;
}

/**
 * ACO's formula (`collect_preasm_stats` in Mesa's aco_statistics.cpp) with `turns` in the place of its guesses:
 *
 *   latency   = Σ blocks turns(loop) · share · latency(block)
 *   use[unit] = Σ blocks turns(loop) · share · use(block, unit), scaled so that with ACO's guesses it is ACO's sum
 *   inverse throughput = max(latency / waves per SIMD, use of the busiest unit) · 64 / lanes of a wave / utilization
 */
export function estimate(report: CompilerReport, turns: readonly number[]): Estimate {
  const sums = weighted(report, turns);
  const own = weighted(report, guessedTurns(report));
  const usage = {} as Usage;
  for (const unit of units) {
    const scale = own.usage[unit] > 0 ? report.guessed.usage[unit] / own.usage[unit] : 0;
    usage[unit] = sums.usage[unit] * scale;
  }
  const busiest = units.reduce((a, b) => (usage[b] > usage[a] ? b : a));
  const perWave64 = 64 / report.wave / report.guessed.utilization;
  const latency = (sums.latency * report.guessed.latency) / own.latency;
  return {
    latency,
    inverseThroughput: Math.max(latency / report.wavesPerSimd, usage[busiest]) * perWave64,
    busy: usage[busiest] * perWave64,
    busiest,
  };
}

function weighted(report: CompilerReport, turns: readonly number[]): { latency: number; usage: Usage } {
  const usage = Object.fromEntries(units.map((unit) => [unit, 0])) as Usage;
  let latency = 0;
  for (const block of report.blocks) {
    const times = block.share * (block.loop === undefined ? 1 : turns[block.loop]!);
    latency += times * block.latency;
    for (const unit of units) usage[unit] += times * block.usage[unit];
  }
  return { latency, usage };
}

/** Seconds for which a dispatch keeps all SIMDs of a GPU from other work: waves of 64 · inverse throughput / (SIMDs · clock). */
export function computeSeconds({ simds, clockHz }: GpuModel, cycles: number, invocations: number): number {
  return ((invocations / 64) * cycles) / (simds * clockHz);
}
