import { describe, expect, it } from "vitest";
import { readCompilerReport } from "./compilerReport.ts";
import { computeSeconds, estimate, guessedTurns, loopTurns, sameLoops } from "./estimate.ts";
import { firstMark } from "./instrument.ts";

/** A wave of 32 lanes: a loop of 2 vector instructions and a load that waits 100 cycles, in all 104 cycles, and a loop in it. */
const text = (mark = "") => `After lowering to hw instructions:
BB0
/* logical preds: / linear preds: / kind: uniform, top-level, loop-preheader, */
	( 10 clk)   v1 = v_mov_b32 0
BB1
/* logical preds: BB0, BB4, / linear preds: BB0, BB4, / kind: uniform, loop-header, */
	(  2 clk)   v2 = v_add_u32 v1, v1
	(102 clk)   v[4-7] = buffer_load_dwordx4 s[8-11], v2, 0 offen
${mark}BB2
/* logical preds: BB1, BB2, / linear preds: BB1, BB2, / kind: uniform, loop-header, continue, */
	(  1 clk)   v3 = v_mul_f32 v4, v5
	(  1 clk)   s_branch block:BB2
BB4
/* logical preds: BB2, / linear preds: BB2, / kind: uniform, continue, */
	(  1 clk)   s_branch block:BB1
BB5
/* logical preds: BB4, / linear preds: BB4, / kind: uniform, top-level, loop-exit, */
	(  5 clk)   exec_lo = s_mov_b32 -1
	(  5 clk)   buffer_store_dword s[4-7], v1, 0 offen

num_waves: 16
salu_smem_usage: 1.000000
branch_sendmsg_usage: 40.000000
valu_usage: 82.000000
valu_complex_usage: 0.000000
lds_usage: 0.000000
vmem_usage: 9.000000
latency: 924.000000
max_utilization: 1.000000
wave64_per_cycle: 0.001000
VGPRs: 24
Spilled SGPRs: 1
Spilled VGPRs: 2
LDS size: 0
Subgroups per SIMD: 16
Instructions: 9
`;

describe("a compiler's report", () => {
  const report = readCompilerReport(text(), firstMark, "navi21");

  it("has the statistics, memory accesses by width, and the size of a wave", () => {
    expect(report).toMatchObject({ wave: 32, wavesPerSimd: 16, vgprs: 24, spills: 3, stores: 1 });
    expect(report.loads).toEqual({ 16: 1 });
  });

  it("has loops in loops", () => {
    expect(report.loops).toEqual([{ parent: undefined }, { parent: 0 }]);
    expect(report.blocks.map(({ loop }) => loop)).toEqual([undefined, 0, 1, 0, undefined]);
    expect(report.blocks.map(({ latency }) => latency)).toEqual([10, 104, 2, 1, 10]);
  });

  it("says what is missing", () => {
    expect(() => readCompilerReport("", firstMark, "navi21")).toThrow("no instructions");
    expect(() => readCompilerReport(text().replace("latency:", "x:"), firstMark, "navi21")).toThrow(
      "latency",
    );
  });
});

describe("an estimate", () => {
  const report = readCompilerReport(text(), firstMark, "navi21");

  it("is the compiler's own with its guess of turns", () => {
    expect(guessedTurns(report)).toEqual([8, 32]);
    const { latency, busy } = estimate(report, guessedTurns(report));
    // 10 + 8 · 104 + 32 · 2 + 8 · 1 + 10
    expect(latency).toBe(924);
    // Of 82 cycles of vector instructions the text has 1 + 8 + 32 = 41: each counts twice; 64 lanes are two waves.
    expect(busy).toBeCloseTo(164, 9);
  });

  it("follows the real turns", () => {
    const once = estimate(report, [1, 1]);
    expect(once.latency).toBe(10 + 104 + 2 + 1 + 10);
    const twice = estimate(report, [2, 2]);
    expect(twice.latency).toBe(10 + 2 * (104 + 2 + 1) + 10);
    expect(twice.inverseThroughput).toBeGreaterThan(once.inverseThroughput);
  });

  it("waits for memory where there are too few waves to hide it", () => {
    const { inverseThroughput, busy } = estimate({ ...report, wavesPerSimd: 1 }, [1, 1]);
    expect(inverseThroughput).toBe(2 * 127);
    expect(busy).toBeLessThan(inverseThroughput);
  });
});

describe("turns of loops", () => {
  const loops = (turns: number[], depths: number[] = []) =>
    turns.map((each, i) => ({ turns: each, depth: depths[i] ?? i }));
  const mark = (index: number, times = 1) =>
    `\t(  1 clk)   v9 = v_mov_b32 0x${(firstMark + index).toString(16)}\n`.repeat(times);

  it("come from the marks in them, and from the loop around where there is none", () => {
    const marked = readCompilerReport(text(mark(3)), firstMark, "navi21");
    expect(marked.blocks[1]!.marks).toEqual([3]);
    expect(loopTurns(marked, loops([0, 0, 0, 18]))).toEqual([18, 18]);
    expect(sameLoops(marked, readCompilerReport(text(), firstMark, "navi21"))).toBe(true);
  });

  it("are fewer where one turn is several of the source", () => {
    const marked = readCompilerReport(text(mark(3) + mark(4, 4)), firstMark, "navi21");
    expect(loopTurns(marked, loops([0, 0, 0, 18, 72]))[0]).toBe(18);
    const unrolled = readCompilerReport(text(mark(3, 2)), firstMark, "navi21");
    expect(loopTurns(unrolled, loops([0, 0, 0, 18]))[0]).toBe(9);
  });

  it("are those of the outermost loop where one in it is unrolled, however many of its marks are left", () => {
    const marked = readCompilerReport(text(mark(0) + mark(1)), firstMark, "navi21");
    expect(loopTurns(marked, loops([18, 72], [0, 1]))[0]).toBe(18);
    expect(loopTurns(marked, loops([5, 18], [3, 0]))[0]).toBe(18);
  });

  it("are shared among the places where a loop stands", () => {
    const inner = mark(1);
    const twice = text(mark(0) + inner)
      .replace("BB2\n", `${inner}BB2\n`)
      .replace("\t(  1 clk)   v3", `${inner}\t(  1 clk)   v3`);
    const marked = readCompilerReport(twice, firstMark, "navi21");
    expect(marked.blocks.map(({ marks }) => marks)).toEqual([[], [0, 1, 1], [1], [], []]);
    expect(loopTurns(marked, loops([6, 48], [0, 1]))).toEqual([6, 24]);
  });
});

it("spreads waves of 64 over all SIMDs", () => {
  const gpu = {
    name: "",
    family: "",
    architecture: "rdna-2" as const,
    simds: 100,
    clockHz: 2e9,
    bytesPerSecond: 1,
  };
  expect(computeSeconds(gpu, 500, 64 * 4000)).toBeCloseTo((4000 * 500) / (100 * 2e9), 15);
});
