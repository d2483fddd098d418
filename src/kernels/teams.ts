/** Teams of neighbouring threads that score positions together: how their numbers meet. */

import type { Gpu } from "../runtime/gpu/device.ts";

/** A kernel's threads in teams of `lanes`; all are powers of two. */
export interface Teams {
  threads: number;
  lanes: number;
  /** Positions that a team scores at a time, at most `lanes`: each has a lane that keeps its score. */
  batch: number;
  /** Scores of a position. */
  groupHeads: number;
}

/**
 * Whether a team can use subgroups: where these can be numbered, a team fits the smallest one, and the largest one fits
 * the workgroup.
 */
export function teamsUseSubgroups({ subgroups }: Gpu, { threads, lanes }: Teams): boolean {
  return (
    subgroups !== undefined &&
    navigator.gpu.wgslLanguageFeatures.has("subgroup_id") &&
    lanes <= subgroups.min &&
    threads % subgroups.max === 0
  );
}

/** Fills in how a kernel gets its thread's number: from its subgroup, as WGSL doesn't say which threads that holds. */
export function teamsThread(source: string, subgroups: boolean): string {
  const builtins = subgroups
    ? "@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_size) subgroupSize: u32, @builtin(subgroup_invocation_id) subgroupLane: u32"
    : "@builtin(local_invocation_index) localIndex: u32";
  return source
    .replace("THREAD_BUILTINS", builtins)
    .replace("THREAD_NUMBER", subgroups ? "subgroup * subgroupSize + subgroupLane" : "localIndex")
    .replace("FIRST_LANE;", subgroups ? "firstLane = subgroupLane / lanes * lanes;" : "");
}

/** Floats of workgroup memory named `partial` that {@link teamsSource} needs. */
export function teamsPartialSize({ threads, batch, groupHeads }: Teams, subgroups: boolean): number {
  return subgroups ? 0 : threads * groupHeads * Math.max(1, batch);
}

/**
 * Declares, for all threads to call in this order:
 *
 *   putScore(thread, h, p, part)   a lane's part of the score of position p; `scores[h]` becomes the whole one of the
 *                                  position whose number is the lane's, after `meet()`
 *   sumLanes(thread, part)         a sum over the team at once
 *   shareMost(thread, h, score)    then, after `meet()`, teamMost(thread, h, score) is the team's largest
 *   shareWeight(thread, h, weight) then, after `meet()`, teamWeight(thread, h, p, weight) is that of lane p
 */
export function teamsSource({ threads, lanes, batch, groupHeads }: Teams, subgroups: boolean): string {
  const steps: number[] = [];
  for (let step = lanes / 2; step >= 1; step /= 2) steps.push(step);
  const butterfly = (combine: (x: string) => string) =>
    steps.map((step) => `x = ${combine(`subgroupShuffleXor(x, ${step}u)`)};`).join("\n  ");
  if (subgroups || lanes === 1)
    return `
var<private> scores: array<f32, ${groupHeads}>;
var<private> firstLane: u32; // of the team in its subgroup
fn meet() {}
fn sumLanes(thread: u32, part: f32) -> f32 {
  var x = part;
  ${butterfly((x) => `x + ${x}`)}
  return x;
}
fn putScore(thread: u32, h: u32, p: u32, part: f32) {
  scores[h] = select(scores[h], sumLanes(thread, part), thread % ${lanes}u == p);
}
fn finishScores(thread: u32) {}
fn shareMost(thread: u32, h: u32, score: f32) {}
fn teamMost(thread: u32, h: u32, score: f32) -> f32 {
  var x = score;
  ${butterfly((x) => `max(x, ${x})`)}
  return x;
}
fn shareWeight(thread: u32, h: u32, weight: f32) {}
fn teamWeight(thread: u32, h: u32, p: u32, weight: f32) -> f32 {
  return ${lanes === 1 ? "weight" : `subgroupShuffle(weight, firstLane + p)`};
}
`;
  return `
var<private> scores: array<f32, ${groupHeads}>;
var<workgroup> teamScores: array<f32, ${threads * groupHeads}>;
// Not in the partial sums: the next scores are put there while other threads still read these.
var<workgroup> teamWeights: array<f32, ${threads * groupHeads}>;
fn meet() {
  workgroupBarrier();
}
fn sumLanes(thread: u32, part: f32) -> f32 {
  teamScores[thread] = part;
  workgroupBarrier();
  var x = 0.0;
  for (var lane = 0u; lane < ${lanes}u; lane += 1u) {
    x += teamScores[thread / ${lanes}u * ${lanes}u + lane];
  }
  workgroupBarrier();
  return x;
}
fn putScore(thread: u32, h: u32, p: u32, part: f32) {
  partial[(h * ${batch}u + p) * ${threads}u + thread] = part;
}
fn finishScores(thread: u32) {
  let p = min(thread % ${lanes}u, ${batch - 1}u);
  for (var h = 0u; h < groupHeads; h++) {
    var x = 0.0;
    for (var lane = 0u; lane < ${lanes}u; lane += 1u) {
      x += partial[(h * ${batch}u + p) * ${threads}u + thread / ${lanes}u * ${lanes}u + lane];
    }
    scores[h] = x;
  }
}
fn shareMost(thread: u32, h: u32, score: f32) {
  teamScores[h * ${threads}u + thread] = score;
}
fn teamMost(thread: u32, h: u32, score: f32) -> f32 {
  var x = score;
  for (var lane = 0u; lane < ${lanes}u; lane += 1u) {
    x = max(x, teamScores[h * ${threads}u + thread / ${lanes}u * ${lanes}u + lane]);
  }
  return x;
}
fn shareWeight(thread: u32, h: u32, weight: f32) {
  teamWeights[h * ${threads}u + thread] = weight;
}
fn teamWeight(thread: u32, h: u32, p: u32, weight: f32) -> f32 {
  return teamWeights[h * ${threads}u + thread / ${lanes}u * ${lanes}u + p];
}
`;
}
