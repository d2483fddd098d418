/** What a step of a decoder reads and computes on the GPU. Shapes as in `gpu/tensor.ts`. */

import { type ActivationKind, type Activations, createActivations } from "../../kernels/activations.ts";
import { attentionWritesActivations, type TokenInputs } from "../../kernels/attention.ts";
import type { BufferArena } from "../gpu/buffers.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { DecoderConfig } from "./config.ts";

/** What a step reads: filled by the engine before each replay. All u32. */
export interface StepInputs extends TokenInputs {
  /** Ids, `sampledId` + the sampling slot whose last token is meant, or `mediaId` + a row of `DecoderState.media`. */
  tokens: Tensor; // (T)
  outputRows: Tensor; // (R) which of the T tokens' logits are wanted
}

/** One kind or both of the same rows: each consumer reads the one that suits its weights. */
export type ActivationsByKind = Record<ActivationKind, Activations>;

/** Activations, f32 but for those that matmuls read. */
export interface DecoderState {
  x: Tensor; // (T, D) residual stream
  /** The residual stream times the weight of the norm that comes next. */
  normed: ActivationsByKind; // (T, D)
  qkv: Tensor; // (T, (H + 2K)·E)
  /** Only where attention cannot write activations, or prefill does not. */
  attendedValues: Tensor; // (T, H·E)
  attended: ActivationsByKind; // (T, H·E)
  /** What a layer adds, before its norm: where the model has norms there. */
  added: Tensor; // (T, D)
  /** Partial results of decode attention over a long cache, where that is split. */
  attentionScratch?: Tensor | undefined;
  /** Gate and up, where a matmul cannot join them itself. */
  gateUp: Tensor; // (T, 2F)
  gated: ActivationsByKind; // (T, F)
  logits: Tensor; // (R, V)
  /** Encoded pictures and sounds, where the model takes any. */
  media?: Tensor | undefined; // (M, D)
  /** What is added at their places behind the first layers. */
  deepMedia: readonly Tensor[]; // (M, D) each
  /** Faults that kernels noticed: see `cacheFault`. */
  faults: Tensor; // (1)
}

/** Activations for steps of up to T tokens with up to R output rows, and M rows of media. Tensors come into being when first asked for. */
export function decoderState(
  config: DecoderConfig,
  arena: BufferArena,
  T: number,
  R: number,
  M = 0,
): DecoderState {
  const { width: D, heads: H, kvHeads: K, headWidth: E, feedForwardWidth: F, vocab: V } = config;
  const kinds = (name: string, width: number): ActivationsByKind =>
    lazily({
      packed: () => createActivations(arena, `${name} packed`, "packed", T, width),
      float: () => createActivations(arena, name, "float", T, width),
    });
  return lazily<DecoderState>({
    x: () => arena.tensor("x", "f32", [T, D]),
    normed: () => kinds("normed", D),
    qkv: () => arena.tensor("qkv", "f32", [T, (H + 2 * K) * E]),
    attendedValues: () => arena.tensor("attended values", "f32", [T, H * E]),
    attended: () => kinds("attended", H * E),
    added: () => arena.tensor("added", "f32", [T, D]),
    attentionScratch: () => undefined,
    gateUp: () => arena.tensor("gate and up", "f32", [T, 2 * F]),
    gated: () => kinds("gated", F),
    logits: () => arena.tensor("logits", "f32", [R, V]),
    media: () => (M > 0 ? arena.tensor("media", "f32", [M, D]) : undefined),
    deepMedia: () =>
      Array.from({ length: M > 0 ? config.deepstackLayers : 0 }, (_, i) =>
        arena.tensor(`media of layer ${i}`, "f32", [M, D]),
      ),
    faults: () => arena.tensor("faults", "u32", [1]),
  });
}

/** An object whose properties are computed when first read. */
function lazily<T extends object>(make: { [P in keyof T]-?: () => T[P] }): T {
  const object = {} as T;
  for (const name of Object.keys(make) as (keyof T)[])
    Object.defineProperty(object, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = make[name]();
        Object.defineProperty(object, name, { value, enumerable: true, writable: true });
        return value;
      },
    });
  return object;
}

/** Whether attention can write what the output projection reads. */
export function fusesAttention(config: DecoderConfig): boolean {
  return attentionWritesActivations(config.headWidth);
}
