/** Layouts of attention that are worth a measurement, and what they are measured with. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording, TunableInput } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, type AttentionTuning, attentionTuning, tokenRows } from "./attentionArgs.ts";
import { rowsOf } from "./prelude.ts";
import { tunableActivations, tunableRows } from "./tunableOutput.ts";

type DecodeVariant = Pick<AttentionTuning, "decodeThreads" | "lanes" | "batch" | "queryElements">;
type PrefillVariant = Pick<AttentionTuning, "prefillThreads">;

type Record = (rec: Recording, args: AttentionArgs, label: string) => void;

/** The layout for decode: the given one, else the one known to be fast, whatever the number of tokens. */
export function chooseDecode(
  rec: Recording,
  args: AttentionArgs,
  label: string,
  record: Record,
): Partial<AttentionTuning> | undefined {
  if (args.tuning) return args.tuning;
  const key = keyOf("attentionDecode", args);
  const candidates = decodeCandidates(rec.gpu, args);
  // A token must not depend on how many others are computed with it.
  if (rec.maxStep.tokens > 1) return rec.gpu.tuning.get(key, candidates);
  return choose(rec, args, { key, candidates, label, record });
}

/** The layout for prefill. */
export function choosePrefill(
  rec: Recording,
  args: AttentionArgs,
  label: string,
  record: Record,
): Partial<AttentionTuning> | undefined {
  if (args.tuning || rec.gpu.software) return args.tuning;
  const key = `${keyOf("attentionPrefill", args)} tokens ${rec.maxStep.tokens}`;
  return choose(rec, args, { key, candidates: prefillCandidates, label, record });
}

function choose<V extends Partial<AttentionTuning>>(
  rec: Recording,
  args: AttentionArgs,
  {
    key,
    candidates,
    label,
    record,
  }: { key: string; candidates: readonly V[]; label: string; record: Record },
): V {
  const tokens = rec.maxStep.tokens;
  return rec.choose({
    key,
    candidates,
    outputs: ["kind" in args.out ? tunableActivations(args.out, tokens) : tunableRows(args.out, tokens)],
    inputs: measuredInputs(args, rowsOf(tokenRows, rec.maxStep)),
    record: (other, tuning) => record(other, { ...args, tuning }, label),
  });
}

const keyOf = (name: string, { cache, heads, window, scratch }: AttentionArgs) =>
  `${name} ${cache.type} ${heads}:${cache.kvHeads}x${cache.headWidth}` +
  `${window ? ` window ${window}` : ""}${scratch ? " split" : ""}`;

const prefillCandidates: readonly PrefillVariant[] = [128, 64, 32].map((prefillThreads) => ({
  prefillThreads,
}));

/** The default first. */
function decodeCandidates(gpu: Gpu, args: AttentionArgs): DecodeVariant[] {
  const { decodeThreads, lanes, batch, queryElements } = attentionTuning(gpu, args);
  const fallback = { decodeThreads, lanes, batch, queryElements };
  if (gpu.software) return [fallback, { ...fallback, batch: batch / 2 }];
  const changes: Partial<DecodeVariant>[] = [
    { decodeThreads: 64 },
    { decodeThreads: 256 },
    { lanes: 8 },
    ...((gpu.subgroups?.min ?? 0) >= 32 ? [{ lanes: 32 }] : []),
    { batch: 8 },
    { queryElements: 16 },
    { queryElements: 64 },
  ];
  return [fallback, ...changes.map((change) => ({ ...fallback, ...change }))];
}

/** Tokens at the end of a sequence of some length, whose keys and values are stored nowhere. */
function measuredInputs({ cache, inputs }: AttentionArgs, tokens: number): TunableInput[] {
  const { pages, pageSize } = cache;
  const tablePages = inputs.pageTable.shape[1]!;
  const [, axes = 1] = inputs.positions.shape;
  const length = Math.max(tokens, Math.min(1024, tablePages * pageSize, pages * pageSize));
  const row = (count: number, value: (i: number) => number) =>
    Uint32Array.from({ length: count }, (_, i) => value(i));
  return [
    {
      slice: inputs.positions,
      words: row(tokens * axes, (i) => length - tokens + Math.floor(i / axes)),
    },
    { slice: inputs.slots, words: row(tokens, () => 0xffff_ffff) },
    { slice: inputs.sequences, words: row(tokens, () => 0) },
    ...[inputs.lengths, inputs.windowEnds].flatMap((slice) =>
      slice ? [{ slice, words: row(tokens, (t) => length - tokens + t + 1) }] : [],
    ),
    {
      slice: inputs.pageTable,
      words: row(Math.min(tablePages, Math.ceil(length / pageSize)), (i) => i % pages),
    },
  ];
}
