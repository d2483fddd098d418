/** What each kernel would cost on GPUs that are not there. */

import type { CompilerReport } from "./compilerReport.ts";
import { type Estimate, estimate, guessedTurns, loopTurns, sameLoops } from "./estimate.ts";
import { loopDepths, markLoops } from "./instrument.ts";
import { compileAll, countAll, type KernelRun } from "./jobs.ts";
import type { IsaTools } from "./setup.ts";

export interface Analysis {
  report: CompilerReport;
  estimate: Estimate;
  /** Of the dispatch. */
  invocations: number;
  /**
   * Where the turns of loops come from: `counted` on a software adapter; `marked` likewise, of the kernel with its
   * marks, whose loops the compiler has arranged in another way; `guessed` by the compiler where counting failed.
   */
  turns: "counted" | "marked" | "guessed";
  /** Why they are guessed. */
  reason?: string;
}

/** In the order of the kernels; what does not compile gives the reason. */
export async function analyse(
  tools: IsaTools,
  kernels: readonly KernelRun[],
  family: string,
): Promise<(Analysis | { error: string })[]> {
  const counted = await countAll(tools, kernels);
  const marked = kernels.map(({ source, constants }) => ({ source: markLoops(source), constants }));
  const compiled = await compileAll(tools, family, [...kernels, ...marked]);
  return kernels.map((kernel, i) => {
    const plain = compiled[i]!;
    const withMarks = compiled[kernels.length + i]!;
    const counts = counted[i]!;
    if ("error" in plain) return plain;
    const { report } = plain;
    const workgroupSize = counts.error === undefined ? counts.workgroupSize : 64;
    const invocations = kernel.workgroups.reduce((a, b) => a * b, workgroupSize);
    const reason = counts.error ?? ("error" in withMarks ? withMarks.error : undefined);
    if (counts.error !== undefined || "error" in withMarks)
      return {
        ...{ report, invocations, turns: "guessed", ...(reason !== undefined && { reason }) },
        estimate: estimate(report, guessedTurns(report)),
      };
    const depths = loopDepths(kernel.source);
    const source = counts.turns[report.wave].map((turns, loop) => ({ turns, depth: depths[loop]! }));
    const turns = loopTurns(withMarks.report, source);
    return sameLoops(report, withMarks.report)
      ? { report, invocations, turns: "counted", estimate: estimate(report, turns) }
      : { report, invocations, turns: "marked", estimate: estimate(withMarks.report, turns) };
  });
}
