/** Kernels of others, from a folder: `x.wgsl` as it goes to WebGPU, and `x.json` with what it runs on. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { KernelRun } from "./jobs.ts";

export interface PeerKernel extends KernelRun {
  /** Weights that it multiplies with, and all bytes that it has to read; 0 where unknown. */
  weights: number;
  bytes: number;
}

interface PeerFile {
  constants?: Record<string, number>;
  workgroups: [number, number, number];
  bindings: { binding: number; sizeBytes: number; uniform?: boolean; contentBase64?: string }[];
  weights?: number;
  bytes?: number;
}

/** @throws Error where the folder has no kernels, or a kernel no description */
export function peerKernels(folder: string): PeerKernel[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".wgsl")) : [];
  if (names.length === 0) throw new Error(`--peer: there are no .wgsl files in ${folder}.`);
  return names.sort().map((name) => {
    const file = path.join(folder, name);
    const description = file.replace(/\.wgsl$/, ".json");
    if (!existsSync(description))
      throw new Error(`--peer: ${name} has no description beside it (${description}).`);
    const {
      constants = {},
      workgroups,
      bindings,
      weights = 0,
      bytes = 0,
    }: PeerFile = JSON.parse(readFileSync(description, "utf8"));
    return {
      ...{ label: name.replace(/\.wgsl$/, ""), source: readFileSync(file, "utf8"), constants, workgroups },
      ...{ weights, bytes },
      bindings: bindings.map(({ binding, sizeBytes, uniform = false, contentBase64 }) => ({
        ...{ binding, sizeBytes, uniform },
        content: contentBase64 === undefined ? undefined : Buffer.from(contentBase64, "base64"),
      })),
    };
  });
}
