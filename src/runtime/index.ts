/** What the package exports. */

export { createOmni } from "./client.ts";
export { OmniError, type OmniErrorCode, type OmniErrorData } from "./errors.ts";
export type {
  AdapterOptions,
  EngineStats,
  KvCacheOptions,
  LoadProgress,
  ModelSource,
  Omni,
  OmniOptions,
  OmniStats,
  SchedulerLimits,
} from "./types.ts";
export {
  type SelfConsistency,
  type SelfConsistencyOptions,
  selfConsistency,
  type Vote,
  type VoteOptions,
  vote,
} from "./vote.ts";
