/**
 * Reads what Mesa's ACO says about a kernel under `ACO_DEBUG=perfinfo RADV_DEBUG=shaderstats`: its blocks with the
 * cycles of each instruction, the use of each unit, and the statistics.
 */

/** Units of a compute unit or SIMD that instructions keep busy. Names as ACO prints them. */
export const units = ["salu_smem", "branch_sendmsg", "valu", "valu_complex", "lds", "vmem"] as const;
export type Unit = (typeof units)[number];
export type Usage = Record<Unit, number>;

export interface Block {
  /** Innermost loop that holds it: an index into `loops`. */
  loop: number | undefined;
  /** How often it runs for each turn of that loop, as ACO guesses from the branches around it. */
  share: number;
  /** Cycles from its first instruction to its last of a wave alone, with ACO's guess for memory. */
  latency: number;
  /** Instructions by unit; vector ones in cycles. */
  usage: Usage;
  /** Numbers `firstMark + i` stored here: i, as often as it is. */
  marks: number[];
}

export interface Loop {
  parent: number | undefined;
}

export interface CompilerReport {
  /** Lanes of a wave. */
  wave: 32 | 64;
  /** Waves that fit a SIMD at once: occupancy. */
  wavesPerSimd: number;
  /** Vector registers of a wave, and how many of vector and scalar ones are spilled to memory. */
  vgprs: number;
  spills: number;
  ldsBytes: number;
  instructions: number;
  /** Global-memory loads by bytes per lane, and all stores and atomics. */
  loads: Record<number, number>;
  stores: number;
  blocks: Block[];
  loops: Loop[];
  /** ACO's own sums, with its guess of 8 turns for a loop, 4 more for one in it, and so on. */
  guessed: { latency: number; usage: Usage; inverseThroughput: number; utilization: number };
}

interface RawBlock {
  name: number;
  kind: string;
  preds: number[];
  lines: { cycles: number; text: string }[];
}

/** @throws Error where the text is not such a report */
export function readCompilerReport(text: string, firstMark: number, family: string): CompilerReport {
  const gcn = family.startsWith("vega");
  const number = (name: string) => {
    const found = new RegExp(`^${name}: ([\\d.]+)$`, "m").exec(text);
    if (!found) throw new Error(`The compiler does not report "${name}".`);
    return Number(found[1]);
  };
  const raw = readBlocks(text);
  const loops = findLoops(raw);
  const wavesPerSimd = number("num_waves");
  const shares = branchShares(raw, loops);
  const all = raw.flatMap(({ lines }) => lines.map(({ text }) => text));
  // Masks of lanes are as wide as a wave; without any, "Subgroups per SIMD" tells, which counts in 32 lanes on RDNA.
  const masks = all.filter((line) => /\bexec\b/.test(line));
  const is64 = masks.some((line) => /_b64\b/.test(line)) || number("Subgroups per SIMD") > wavesPerSimd;
  const wave = gcn || is64 ? 64 : 32;
  const usage = Object.fromEntries(units.map((unit) => [unit, number(`${unit}_usage`)])) as Usage;
  return {
    wave,
    wavesPerSimd,
    vgprs: number("VGPRs"),
    spills: number("Spilled VGPRs") + number("Spilled SGPRs"),
    ldsBytes: number("LDS size"),
    instructions: number("Instructions"),
    ...memoryAccess(all),
    blocks: raw.map((block, index) => ({
      loop: innermost(loops, index),
      share: shares[index]!,
      latency: block.lines.reduce((sum, { cycles }) => sum + cycles, 0),
      usage: usageOf(block, gcn, wave),
      marks: marksIn(block, firstMark),
    })),
    loops: loops.map((loop) => ({ parent: innermost(loops, loop.start, loop) })),
    guessed: {
      latency: number("latency"),
      usage,
      inverseThroughput: 1 / number("wave64_per_cycle"),
      utilization: number("max_utilization"),
    },
  };
}

function readBlocks(text: string): RawBlock[] {
  const blocks: RawBlock[] = [];
  const start = text.indexOf("After lowering to hw instructions");
  if (start < 0) throw new Error("The compiler reports no instructions.");
  for (const line of text.slice(start).split("\n")) {
    const block = /^BB(\d+)/.exec(line);
    if (block) blocks.push({ name: Number(block[1]), kind: "", preds: [], lines: [] });
    const current = blocks.at(-1);
    const header = /linear preds: ([^/]*)\/ kind: ([^*]*)/.exec(line);
    if (current && header) {
      current.preds = [...header[1]!.matchAll(/BB(\d+)/g)].map(([, n]) => Number(n));
      current.kind = header[2]!;
    }
    const instruction = /^\t\(\s*(\d+) clk\)\s+(.*)$/.exec(line);
    if (current && instruction) current.lines.push({ cycles: Number(instruction[1]), text: instruction[2]! });
    if (line.startsWith("num_waves:")) break;
  }
  return blocks;
}

/** By index of blocks, both inclusive. */
interface LoopRange {
  start: number;
  end: number;
}

/** From each header to the last block that jumps back to it. Outer loops come before those in them. */
function findLoops(blocks: RawBlock[]): LoopRange[] {
  const indexOf = new Map(blocks.map(({ name }, index) => [name, index]));
  return blocks.flatMap(({ preds }, start) => {
    const back = preds.map((name) => indexOf.get(name) ?? -1).filter((index) => index >= start);
    return back.length > 0 ? [{ start, end: Math.max(...back) }] : [];
  });
}

function innermost(loops: LoopRange[], block: number, except?: LoopRange): number | undefined {
  const found = loops.findLastIndex(
    (loop) =>
      loop !== except && loop.start <= block && block <= loop.end && (!except || contains(loop, except)),
  );
  return found < 0 ? undefined : found;
}

const contains = (outer: LoopRange, inner: LoopRange) =>
  outer.start <= inner.start && inner.end <= outer.end && outer.end - outer.start > inner.end - inner.start;

/**
 * ACO's guesses: a wave enters a side of a divergent branch in 3 of 4 cases, one of a uniform branch in 1 of 2. Blocks
 * come in the order of the source, and say where a divergent branch starts and where its sides merge.
 */
function branchShares(blocks: RawBlock[], loops: LoopRange[]): number[] {
  const uniformEnds = uniformBranches(blocks, loops);
  let divergent = 0;
  const open: number[] = [];
  return blocks.map(({ name, kind }, index) => {
    if (/\bmerge\b/.test(kind)) divergent = Math.max(0, divergent - 1);
    while (open.length > 0 && open.at(-1)! <= index) open.pop();
    const share = 0.75 ** divergent * 0.5 ** open.length;
    if (/\bbranch\b/.test(kind)) divergent++;
    const end = uniformEnds.get(name);
    if (end !== undefined) open.push(end);
    return share;
  });
}

/** By the name of a block that ends in a uniform branch: the index of the block where both sides have met. */
function uniformBranches(blocks: RawBlock[], loops: LoopRange[]): Map<number, number> {
  const indexOf = new Map(blocks.map(({ name }, index) => [name, index]));
  const successors = blocks.map((): number[] => []);
  blocks.forEach(({ preds }, index) => {
    for (const name of preds) successors[indexOf.get(name) ?? index]?.push(index);
  });
  const ends = new Map<number, number>();
  blocks.forEach(({ name, kind }, index) => {
    const forward = successors[index]!.filter((next) => next > index);
    if (/\bbranch\b/.test(kind) || forward.length < 2) return;
    // The two ways forward meet where the reach of neither goes past the other's.
    const sides = forward.map((start) => reachable(successors, start));
    const meeting = [...sides[0]!]
      .sort((a, b) => a - b)
      .find((block) => sides.every((side) => side.has(block)));
    const loop = innermost(loops, index);
    if (meeting !== undefined && (loop === undefined || meeting <= loops[loop]!.end)) ends.set(name, meeting);
  });
  return ends;
}

/** Blocks that follow without going back. */
function reachable(successors: number[][], start: number): Set<number> {
  const found = new Set<number>();
  const open = [start];
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    if (found.has(block)) continue;
    found.add(block);
    open.push(...successors[block]!.filter((next) => next > block));
  }
  return found;
}

const opcodeOf = (text: string) =>
  /\b((?:v|s|ds|buffer|global|flat|scratch|image)_\w+)/.exec(text)?.[1] ?? "";
const loadDwords: Record<string, number> = {
  ...{ dword: 4, dwordx2: 8, dwordx3: 12, dwordx4: 16 },
  ...{
    ubyte: 1,
    sbyte: 1,
    ushort: 2,
    sshort: 2,
    short_d16: 2,
    short_d16_hi: 2,
    ubyte_d16: 1,
    ubyte_d16_hi: 1,
  },
};

function memoryAccess(lines: string[]): Pick<CompilerReport, "loads" | "stores"> {
  const loads: Record<number, number> = {};
  let stores = 0;
  for (const line of lines) {
    const access = /^(?:buffer|global|flat)_(load|store|atomic)_(\w+)/.exec(opcodeOf(line));
    if (!access) continue;
    if (access[1] !== "load") stores++;
    else {
      const bytes = loadDwords[access[2]!] ?? 0;
      loads[bytes] = (loads[bytes] ?? 0) + 1;
    }
  }
  return { loads, stores };
}

/** Instructions that ACO classes as a quarter of the rate or slower; the rest are of full rate. */
const transcendental = /^v_(?:exp|log|rcp|rsq|sqrt|sin|cos)_/;
const quarterRate = /^v_(?:mul_lo_u32|mul_lo_i32|mul_hi_u32|mul_hi_i32)/;
const wide = /^v_(?:mad_u64_u32|mad_i64_i32|lshlrev_b64|lshrrev_b64|ashrrev_i64)/;
const convert = /^v_cvt_/;

/** Source of the costs: `get_perf_info` in Mesa's src/amd/compiler/aco_statistics.cpp. */
function usageOf({ lines }: RawBlock, gcn: boolean, wave: number): Usage {
  const usage: Usage = { salu_smem: 0, branch_sendmsg: 0, valu: 0, valu_complex: 0, lds: 0, vmem: 0 };
  const vector = gcn ? 4 : wave / 32;
  for (const { text } of lines) {
    const op = opcodeOf(text);
    const simple = gcn ? 4 : 1;
    if (op.startsWith("v_")) {
      const slow = transcendental.test(op) || quarterRate.test(op) || (gcn && convert.test(op));
      const cycles = gcn || quarterRate.test(op) ? (slow ? 4 : wide.test(op) ? 2 : 1) : wide.test(op) ? 2 : 1;
      usage.valu += vector * cycles;
      if (slow && !gcn) usage.valu_complex += vector * 4;
    } else if (/^s_(?:cbranch|branch|sendmsg|endpgm)/.test(op)) usage.branch_sendmsg += simple;
    else if (/^s_(?:waitcnt|delay_alu|clause|nop|barrier|inst_prefetch|code_end)/.test(op)) continue;
    else if (op.startsWith("s_")) usage.salu_smem += simple;
    else if (op.startsWith("ds_")) usage.lds += gcn ? 4 : vector;
    else if (op) usage.vmem += gcn ? 4 : vector;
  }
  return usage;
}

function marksIn({ lines }: RawBlock, firstMark: number): number[] {
  return lines.flatMap(({ text }) =>
    [...text.matchAll(/0x([0-9a-f]{8})\b/g)]
      .map(([, hex]) => Number.parseInt(hex!, 16) - firstMark)
      .filter((index) => index >= 0 && index < 256),
  );
}
