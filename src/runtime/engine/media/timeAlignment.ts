/**
 * Frames and sound of a video by when they are, for models whose positions tell that.
 * Source: TMRoPE of Xu et al. 2025 (Qwen2.5-Omni), arXiv:2503.20215, 2.2; ticks are rounded as in transformers'
 * modeling_qwen2_5_omni.py.
 */

import type { TimeAlignment } from "../../models/projector/types.ts";

/** Rows of a video that lie at one time. */
export interface Moment {
  /** Since the video's beginning. */
  tick: number;
  tokens: readonly number[];
}

/** The last tick until then. */
export function tickAt(seconds: number, { secondsPerTick }: TimeAlignment): number {
  // Times on a tick may come out a little less.
  return Math.floor(seconds / secondsPerTick + 1e-6);
}

/** Tokens in turns of some seconds each: all that is seen in these, then all that is heard. Both ascend. */
export function inTurns(
  seen: readonly Moment[],
  heard: readonly Moment[],
  { secondsPerTick, secondsPerTurn }: TimeAlignment,
): number[] {
  const turnTicks = Math.round(secondsPerTurn / secondsPerTick);
  const turn = ({ tick }: Moment) => Math.floor(tick / turnTicks);
  // Within a turn, sorting leaves them as they are.
  return [...seen, ...heard].sort((a, b) => turn(a) - turn(b)).flatMap(({ tokens }) => tokens);
}
