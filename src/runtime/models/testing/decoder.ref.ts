/** A decoder of the `qwen3` family, or `gemma3`, on the CPU in double precision, by its formulas and tensor names. For tests. */

import { geluTanhRef } from "../../../kernels/gelu.ref.ts";
import { dequantize } from "../../weights/dequantize.ts";
import type { GgufContents } from "../../weights/testing/ggufWriter.ts";
import type { RandomModel } from "../../weights/testing/randomModel.ts";

type Row = Float64Array;

/** A token: a row of the embedding or of media, what is added to it behind the first layers, where it is and what it sees. */
export interface RefToken {
  row: ArrayLike<number>;
  deep?: readonly ArrayLike<number>[];
  /** Time, row, column. */
  position: readonly [number, number, number];
  /** The span that it sees both ways, from its first token to behind its last. Default: it sees up to itself. */
  span?: readonly [start: number, end: number];
}

export class DecoderRef {
  private readonly tensors = new Map<string, ArrayLike<number>>();

  constructor(
    private readonly model: RandomModel,
    contents: GgufContents,
  ) {
    for (const { name, type, shape, bytes } of contents.tensors)
      this.tensors.set(
        name,
        dequantize(
          type as never,
          bytes,
          shape.reduce((a, b) => a * b, 1),
        ),
      );
  }

  /** Of a word. */
  embedding(token: number): Row {
    const { width, architecture } = this.model;
    const table = this.tensors.get("token_embd.weight")!;
    const scale = architecture === "gemma3" ? Math.sqrt(width) : 1;
    return Float64Array.from({ length: width }, (_, i) => scale * table[token * width + i]!);
  }

  /** Natural-log probabilities (V) of what follows the last token. */
  next(tokens: readonly RefToken[]): Row {
    const { layers, heads: H, kvHeads: K, headWidth: E, feedForward: F } = this.model;
    const { ropeTheta = 10_000, window = 512 } = this.model;
    const isGemma = this.model.architecture === "gemma3";
    let x = tokens.map(({ row }) => Float64Array.from(row));
    for (let layer = 0; layer < layers; layer++) {
      const block = `blk.${layer}`;
      const isLocal = isGemma && layer % 6 < 5;
      const theta = isLocal ? 10_000 : ropeTheta;
      /** What a sublayer adds. */
      const added = (name: string, row: Row) => (isGemma ? this.norm(`${block}.${name}`, row) : row);
      const normed = x.map((row) => this.norm(`${block}.attn_norm`, row));
      const heads = (name: "q" | "k" | "v", count: number) =>
        normed.map((row, t) => {
          const all = this.linear(`${block}.attn_${name}`, row, count * E);
          return Array.from({ length: count }, (_, h) => {
            const head = all.slice(h * E, (h + 1) * E);
            return name === "v"
              ? head
              : this.turned(this.norm(`${block}.attn_${name}_norm`, head), tokens[t]!.position, theta);
          });
        });
      const [q, k, v] = [heads("q", H), heads("k", K), heads("v", K)];
      const attended = q.map((own, t) => {
        const [first, end] = tokens[t]!.span ?? [t, t + 1];
        const begin = isLocal ? Math.max(0, Math.min(t + 1 - window, first)) : 0;
        return Float64Array.from(
          own.flatMap((head, h) => {
            const kv = Math.floor(h / (H / K));
            const scores = k.slice(begin, end).map((keys) => dot(head, keys[kv]!) / Math.sqrt(E));
            const largest = Math.max(...scores);
            const shares = scores.map((score) => Math.exp(score - largest));
            const all = shares.reduce((a, b) => a + b, 0);
            return Array.from({ length: E }, (_, e) =>
              shares.reduce((total, share, s) => total + (share / all) * v[begin + s]![kv]![e]!, 0),
            );
          }),
        );
      });
      x = x.map((row, t) => {
        const out = this.linear(`${block}.attn_output`, attended[t]!, row.length);
        return plus(row, added("post_attention_norm", out));
      });
      x = x.map((row, t) => {
        const own = this.norm(`${block}.ffn_norm`, row);
        const up = this.linear(`${block}.ffn_up`, own, F);
        const gated = this.linear(`${block}.ffn_gate`, own, F).map(
          (g, i) => (isGemma ? geluTanhRef(g) : g / (1 + Math.exp(-g))) * up[i]!,
        );
        const sum = plus(row, added("post_ffw_norm", this.linear(`${block}.ffn_down`, gated, row.length)));
        const deep = tokens[t]!.deep?.[layer];
        return deep ? plus(sum, deep) : sum;
      });
    }
    const table = this.tensors.has("output.weight") ? "output" : "token_embd";
    const logits = this.linear(table, this.norm("output_norm", x.at(-1)!), this.model.vocab);
    const largest = Math.max(...logits);
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)) + largest;
    return logits.map((logit) => logit - total);
  }

  /** Pair i is turned by time, row or column: by i % 3 while rows and columns have pairs left, then by time. */
  private turned(head: Row, position: RefToken["position"], theta: number): Row {
    const { headWidth: E } = this.model;
    const third = Math.floor(E / 6);
    const out = new Float64Array(E);
    for (let i = 0; i < E / 2; i++) {
      const axis = i % 3 > 0 && i < 3 * third ? i % 3 : 0;
      const angle = position[axis]! * theta ** ((-2 * i) / E);
      const [a, b] = [head[i]!, head[i + E / 2]!];
      out[i] = a * Math.cos(angle) - b * Math.sin(angle);
      out[i + E / 2] = a * Math.sin(angle) + b * Math.cos(angle);
    }
    return out;
  }

  private norm(name: string, row: Row): Row {
    const weight = this.tensors.get(`${name}.weight`)!;
    const root = Math.sqrt(dot(row, row) / row.length + (this.model.normEpsilon ?? 1e-5));
    return row.map((value, i) => (value / root) * weight[i]!);
  }

  private linear(name: string, row: Row, N: number): Row {
    const weight = this.tensors.get(`${name}.weight`)!;
    return Float64Array.from({ length: N }, (_, n) => {
      let total = 0;
      for (let i = 0; i < row.length; i++) total += row[i]! * weight[n * row.length + i]!;
      return total;
    });
  }
}

const dot = (a: Row, b: Row) => a.reduce((total, value, i) => total + value * b[i]!, 0);
const plus = (a: Row, b: ArrayLike<number>) => a.map((value, i) => value + b[i]!);
