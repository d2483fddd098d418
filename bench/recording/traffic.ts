/** What a recorded dispatch reads and writes, by what is bound and how its WGSL declares it. */

import type { BufferMatrix } from "./allocateWeights.ts";
import type { TappedDispatch } from "./deviceTap.ts";

/** The step that the dispatch was part of. */
export interface StepFacts {
  tokens: number;
  /** Positions that the tokens see: those cached before and their own. */
  positions: number;
  /** Positions for which the KV cache has room. */
  capacity: number;
  /** Rows for which the activations have room. */
  rowCapacity: number;
  /** What the buffers of weights hold. */
  matrices: ReadonlyMap<GPUBuffer, BufferMatrix>;
}

export interface Traffic {
  weightBytes: number;
  /** Weights multiplied with: of a matrix as many as it has, however many rows of activations there are. */
  weights: number;
  cacheReadBytes: number;
  cacheWriteBytes: number;
  /** Everything else: activations, scratch, vectors, what the step brings. */
  otherReadBytes: number;
  otherWriteBytes: number;
}

export const readBytes = (t: Traffic) => t.weightBytes + t.cacheReadBytes + t.otherReadBytes;
export const writtenBytes = (t: Traffic) => t.cacheWriteBytes + t.otherWriteBytes;

/** As in `blk.3.attn_q` of decoders, `vision.3 qkv` and `encoder.blocks.3 qkv`. */
const layerPart = /\bblk\.(\d+)\.|(?:\.blocks)?\.(\d+)(?= |$)/;

/** Kernel and place without the number of the layer: `matmulVec blk.3.attn_q` and `blk.4` are one kernel. */
export function kernelName(label: string): string {
  return label.replace(layerPart, "");
}

/** The layer that a label belongs to; undefined outside the layers. */
export function layerOf(label: string): number | undefined {
  const found = layerPart.exec(label);
  return found ? Number(found[1] ?? found[2]) : undefined;
}

/** Dispatches of the layer that has most of them, and of all that is outside the layers. */
export function dispatchCounts(labels: readonly string[]): { perLayer: number; outside: number } {
  const layers = new Map<number, number>();
  let outside = 0;
  for (const label of labels) {
    const layer = layerOf(label);
    if (layer === undefined) outside++;
    else layers.set(layer, (layers.get(layer) ?? 0) + 1);
  }
  return { perLayer: Math.max(0, ...layers.values()), outside };
}

/** By binding, how the WGSL of a kernel may use it. */
export function accessOf(source: string): Map<number, "uniform" | "read" | "read_write"> {
  const constants = new Map(
    [...source.matchAll(/\bconst\s+(\w+)(?:\s*:\s*\w+)?\s*=\s*(\d+)[ui]?\s*;/g)].map(([, name, value]) => [
      name!,
      Number(value),
    ]),
  );
  const value = (term: string) => constants.get(term) ?? Number.parseInt(term, 10);
  const found = new Map<number, "uniform" | "read" | "read_write">();
  const pattern = /@binding\(([^)]*)\)\s*var<\s*(uniform|storage)\s*(?:,\s*(read_write|read))?\s*>/g;
  for (const [, binding, space, mode] of source.matchAll(pattern)) {
    const index = binding!.split("+").reduce((sum, term) => sum + value(term.trim()), 0);
    found.set(index, space === "uniform" ? "uniform" : mode === "read_write" ? "read_write" : "read");
  }
  return found;
}

/** Kernels that read some rows of a matrix instead of multiplying with all of it. */
const readsRows = (label: string) => /\browFetch\b|\btoken_embd\b/.test(label);

/**
 * Upper bounds where a kernel need not touch all that it binds, with these exceptions: rows that are looked up, rows of
 * activations beyond the step's, cached positions beyond the sequence's end, and those for a kernel that only appends.
 */
export function trafficOf(dispatch: TappedDispatch, step: StepFacts): Traffic {
  const { label, source, bindings } = dispatch;
  const access = accessOf(source);
  const traffic: Traffic = {
    ...{ weightBytes: 0, weights: 0, cacheReadBytes: 0, cacheWriteBytes: 0 },
    ...{ otherReadBytes: 0, otherWriteBytes: 0 },
  };
  const seen = new Map<GPUBuffer, Set<string>>();
  const seenMatrices = new Set<GPUBuffer>();
  for (const { binding, buffer, offsetBytes, sizeBytes } of bindings) {
    const mode = access.get(binding);
    const ranges = seen.get(buffer) ?? new Set();
    seen.set(buffer, ranges);
    const range = `${offsetBytes} ${mode === "read_write"}`;
    if (mode === undefined || mode === "uniform" || ranges.has(range)) continue;
    ranges.add(range);
    const matrix = step.matrices.get(buffer);
    if (matrix) {
      const part = readsRows(label) ? Math.min(1, step.tokens / matrix.rows) : 1;
      traffic.weightBytes += sizeBytes * part;
      if (readsRows(label) || seenMatrices.has(buffer)) continue;
      seenMatrices.add(buffer);
      traffic.weights += matrix.rows * matrix.columns;
    } else if (/kv cache/.test(buffer.label)) {
      const perPosition = sizeBytes / step.capacity;
      const appends = mode === "read_write";
      if (!appends || /attention/.test(label)) traffic.cacheReadBytes += perPosition * step.positions;
      if (appends) traffic.cacheWriteBytes += perPosition * step.tokens;
    } else {
      const byRow = /^activations /.test(buffer.label) && !/scratch/.test(buffer.label);
      const bytes = byRow ? (sizeBytes * step.tokens) / step.rowCapacity : sizeBytes;
      if (mode === "read") traffic.otherReadBytes += bytes;
      else traffic.otherWriteBytes += bytes;
    }
  }
  return traffic;
}

/** Sums of what several dispatches move. */
export function sumTraffic(all: readonly Traffic[]): Traffic {
  const sum = (key: keyof Traffic) => all.reduce((total, each) => total + each[key], 0);
  return {
    weightBytes: sum("weightBytes"),
    weights: sum("weights"),
    cacheReadBytes: sum("cacheReadBytes"),
    cacheWriteBytes: sum("cacheWriteBytes"),
    otherReadBytes: sum("otherReadBytes"),
    otherWriteBytes: sum("otherWriteBytes"),
  };
}
