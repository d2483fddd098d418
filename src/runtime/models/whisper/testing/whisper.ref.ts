/**
 * Whisper's forward pass on the CPU, in double precision, straight from openai/whisper's model.py: no cache, every position
 * anew. For tests.
 */

import { geluRef } from "../../../../kernels/gelu.ref.ts";

/** By OpenAI's names. */
export type Weights = ReadonlyMap<string, { shape: readonly number[]; values: ArrayLike<number> }>;
type Rows = Float64Array<ArrayBuffer>[];

const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

export class WhisperRef {
  /** Of the last call, before the softmax: by place, token and head, (S). */
  readonly scores = new Map<string, Float64Array[][]>();

  constructor(
    private readonly weights: Weights,
    private readonly heads: { audio: number; text: number },
  ) {}

  /** @param mel (2S, C) @returns (S, D) */
  encode(mel: Rows): Rows {
    const first = this.conv("encoder.conv1", mel, 1);
    const positions = this.table("encoder.positional_embedding");
    let x = this.conv("encoder.conv2", first, 2).map((row, t) =>
      row.map((value, i) => value + positions[t]![i]!),
    );
    for (let i = 0; this.has(`encoder.blocks.${i}.attn_ln.weight`); i++) {
      const block = `encoder.blocks.${i}`;
      x = add(
        x,
        this.attention(`${block}.attn`, this.norm(`${block}.attn_ln`, x), undefined, this.heads.audio, false),
      );
      x = add(x, this.feedForward(block, x));
    }
    return this.norm("encoder.ln_post", x);
  }

  /** Logits (T, V) of all tokens. */
  decode(tokens: readonly number[], audio: Rows): Rows {
    const embedding = this.table("decoder.token_embedding.weight");
    const positions = this.table("decoder.positional_embedding");
    let x = tokens.map((token, t) => embedding[token]!.map((value, i) => value + positions[t]![i]!));
    for (let i = 0; this.has(`decoder.blocks.${i}.attn_ln.weight`); i++) {
      const block = `decoder.blocks.${i}`;
      x = add(
        x,
        this.attention(`${block}.attn`, this.norm(`${block}.attn_ln`, x), undefined, this.heads.text, true),
      );
      const normed = this.norm(`${block}.cross_attn_ln`, x);
      x = add(x, this.attention(`${block}.cross_attn`, normed, audio, this.heads.text, false));
      x = add(x, this.feedForward(block, x));
    }
    return this.norm("decoder.ln", x).map((row) =>
      Float64Array.from(embedding, (other) => sum(row.map((value, i) => value * other[i]!))),
    );
  }

  private has(name: string): boolean {
    return this.weights.has(name);
  }

  private vector(name: string): Float64Array {
    return Float64Array.from(this.weights.get(name)!.values);
  }

  private table(name: string): Rows {
    const { shape, values } = this.weights.get(name)!;
    const all = Float64Array.from(values);
    const columns = all.length / shape[0]!;
    return Array.from({ length: shape[0]! }, (_, row) => all.subarray(row * columns, (row + 1) * columns));
  }

  private norm(name: string, x: Rows): Rows {
    const [weight, bias] = [this.vector(`${name}.weight`), this.vector(`${name}.bias`)];
    return x.map((row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
      return row.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * weight[i]! + bias[i]!);
    });
  }

  private linear(name: string, x: Rows): Rows {
    const weight = this.table(`${name}.weight`);
    const bias = this.has(`${name}.bias`) ? this.vector(`${name}.bias`) : undefined;
    return x.map((row) => {
      const out = new Float64Array(weight.length);
      for (let n = 0; n < weight.length; n++) {
        const own = weight[n]!;
        let total = bias?.[n] ?? 0;
        for (let i = 0; i < row.length; i++) total += row[i]! * own[i]!;
        out[n] = total;
      }
      return out;
    });
  }

  /** Kernels of 3, padding 1, then GELU. */
  private conv(name: string, x: Rows, stride: number): Rows {
    const weight = this.table(`${name}.weight`); // (N, C · 3), the taps last
    const bias = this.vector(`${name}.bias`);
    return Array.from({ length: Math.ceil(x.length / stride) }, (_, t) => {
      const out = new Float64Array(weight.length);
      for (let n = 0; n < weight.length; n++) {
        let total = bias[n]!;
        for (let tap = 0; tap < 3; tap++) {
          const row = x[stride * t + tap - 1];
          if (row) for (let c = 0; c < row.length; c++) total += row[c]! * weight[n]![c * 3 + tap]!;
        }
        out[n] = geluRef(total);
      }
      return out;
    });
  }

  /** @param from keys and values come from it; undefined: from x */
  private attention(name: string, x: Rows, from: Rows | undefined, heads: number, causal: boolean): Rows {
    const q = this.linear(`${name}.query`, x);
    const k = this.linear(`${name}.key`, from ?? x);
    const v = this.linear(`${name}.value`, from ?? x);
    const E = q[0]!.length / heads;
    const kept: Float64Array[][] = [];
    this.scores.set(name, kept);
    const attended = q.map((row, t) => {
      kept.push([]);
      const out = new Float64Array(row.length);
      const visible = causal ? t + 1 : k.length;
      for (let h = 0; h < heads; h++) {
        const scores = Float64Array.from({ length: visible }, (_, s) => {
          let total = 0;
          for (let e = h * E; e < (h + 1) * E; e++) total += row[e]! * k[s]![e]!;
          return total / Math.sqrt(E);
        });
        kept[t]!.push(scores);
        const largest = scores.reduce((a, b) => Math.max(a, b));
        const weights = scores.map((score) => Math.exp(score - largest));
        const all = sum(weights);
        for (let s = 0; s < visible; s++)
          for (let e = h * E; e < (h + 1) * E; e++) out[e]! += (weights[s]! / all) * v[s]![e]!;
      }
      return out;
    });
    return this.linear(`${name}.out`, attended);
  }

  private feedForward(block: string, x: Rows): Rows {
    const wide = this.linear(`${block}.mlp.0`, this.norm(`${block}.mlp_ln`, x));
    return this.linear(
      `${block}.mlp.2`,
      wide.map((row) => row.map(geluRef)),
    );
  }
}

function add(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, i) => value + b[t]![i]!));
}
