/** Projectors on the CPU in double precision, by their formulas and tensor names. For tests. */

import { imageResizeRef } from "../../../../kernels/encoder/imageResize.ref.ts";
import type { ResizeFilter } from "../../../../kernels/encoder/imageResize.ts";
import { geluRef, geluTanhRef } from "../../../../kernels/gelu.ref.ts";
import { logMelRef } from "../../../../kernels/spectrum/logMel.ref.ts";
import { whisperSpec } from "../../../../kernels/spectrum/logMel.ts";
import { melFilters } from "../../../../kernels/spectrum/melFilters.ts";
import type { View } from "../types.ts";

export type NamedWeights = Map<string, { shape: readonly number[]; values: ArrayLike<number> }>;
export type Rows = Float64Array[];

const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
export const plus = (a: Rows, b: Rows): Rows => a.map((row, r) => row.map((value, i) => value + b[r]![i]!));

export interface RefSizes {
  imageSize: number;
  patchSize: number;
  heads: number;
  epsilon: number;
  mean: number[];
  std: number[];
  filter: ResizeFilter;
  /** Whisper's encoder: its first convolution keeps the time, and GELU is by the error function. */
  whisper?: boolean;
}

export class ProjectorRef {
  constructor(
    protected readonly weights: NamedWeights,
    protected readonly sizes: RefSizes,
  ) {}

  /** Features (N, D) of a view. */
  vision(words: Uint32Array, width: number, height: number, { resized, left, top }: View): Rows {
    const { imageSize: S, patchSize: P, mean, std, filter } = this.sizes;
    const bytes = [...words].flatMap((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255]);
    const whole = imageResizeRef(bytes, 3, [height, width], [resized.height, resized.width], filter);
    const at = (y: number, x: number, c: number) =>
      (whole[((top + y) * resized.width + left + x) * 3 + c]! / 255 - mean[c]!) / std[c]!;
    const side = S / P;
    const patches = Array.from({ length: side * side }, (_, n) => {
      const row = new Float64Array(3 * P * P);
      for (let c = 0; c < 3; c++)
        for (let i = 0; i < P; i++)
          for (let j = 0; j < P; j++)
            row[(c * P + i) * P + j] = at(Math.floor(n / side) * P + i, (n % side) * P + j, c);
      return row;
    });
    const x = plus(this.linear("v.patch_embd", patches), this.table("v.position_embd.weight", side * side));
    return this.norm("v.post_ln", this.blocks("v", x, this.sizes.heads));
  }

  /** Features (frames / 4, D) of a window of samples; Whisper's (frames / 2, D). */
  audio(samples: Float32Array, melBins: number): Rows {
    const spec = whisperSpec(melBins);
    const mel = rowsOf(logMelRef(samples, melFilters(spec), spec), melBins);
    const halves = this.conv("a.conv1d.1", mel, this.sizes.whisper ? 1 : 2);
    const x = this.conv("a.conv1d.2", halves, 2);
    return this.norm(
      "a.post_ln",
      this.blocks("a", plus(x, this.table("a.position_embd.weight", x.length)), this.sizes.heads),
    );
  }

  /** idefics3: squares of `factor` rows become one, and a linear layer. */
  shuffled(features: Rows, factor: number): Rows {
    const side = Math.sqrt(features.length);
    const out = side / factor;
    const rows = Array.from({ length: out * out }, (_, r) => {
      const [y, x] = [Math.floor(r / out), r % out];
      const square = Array.from({ length: factor * factor }, (_, k) => {
        const [i, j] = [Math.floor(k / factor), k % factor];
        return [...features[(y * factor + i) * side + x * factor + j]!];
      });
      return Float64Array.from(square.flat());
    });
    return this.linear("mm.model.fc", rows);
  }

  /** ultravox: `count` rows become one, with zeros behind the last; norm, value · silu(gate), norm, linear. */
  gatedRows(features: Rows, count: number): Rows {
    const D = features[0]!.length;
    const stacked = Array.from({ length: Math.ceil(features.length / count) }, (_, r) =>
      Float64Array.from(
        { length: count * D },
        (_, i) => features[r * count + Math.floor(i / D)]?.[i % D] ?? 0,
      ),
    );
    const both = this.linear("mm.a.mlp.1", this.rmsNorm("mm.a.norm_pre", stacked));
    const half = both[0]!.length / 2;
    const gated = both.map((row) =>
      row.slice(0, half).map((value, i) => (value * row[half + i]!) / (1 + Math.exp(-row[half + i]!))),
    );
    return this.linear("mm.a.mlp.2", this.rmsNorm("mm.a.norm_mid", gated));
  }

  /** gemma3: the mean of squares of `factor` rows, norm, a matrix whose rows belong to inputs. */
  pooled(features: Rows, factor: number): Rows {
    const side = Math.sqrt(features.length);
    const out = side / factor;
    const means = Array.from({ length: out * out }, (_, r) => {
      const [y, x] = [Math.floor(r / out) * factor, (r % out) * factor];
      return features[0]!.map((_, d) => {
        let total = 0;
        for (let i = 0; i < factor; i++)
          for (let j = 0; j < factor; j++) total += features[(y + i) * side + x + j]![d]!;
        return total / factor ** 2;
      });
    });
    const { shape, values } = this.weights.get("mm.input_projection.weight")!;
    const [K = 0, N = 0] = shape;
    return this.rmsNorm("mm.soft_emb_norm", means).map((row) =>
      Float64Array.from({ length: N }, (_, n) => {
        let total = 0;
        for (let k = 0; k < K; k++) total += row[k]! * values[k * N + n]!;
        return total;
      }),
    );
  }

  private rmsNorm(name: string, x: Rows): Rows {
    const weight = this.weights.get(`${name}.weight`)!.values;
    return x.map((row) => {
      const root = Math.sqrt(sum(row.map((value) => value ** 2)) / row.length + 1e-6);
      return row.map((value, i) => (value / root) * weight[i]!);
    });
  }

  /** omnitab: learned queries over features. */
  fused(features: Rows, name: "image" | "audio", heads: number): Rows {
    const kind = this.table("f.kind.weight", 2)[name === "image" ? 0 : 1]!;
    const placed = plus(features, this.table(`f.position.${name}.weight`, features.length)).map((row) =>
      row.map((value, i) => value + kind[i]!),
    );
    const D = kind.length;
    const { values } = this.weights.get(`f.query.${name}.weight`)!;
    let x = rowsOf(Float64Array.from(values), D);
    for (let i = 0; this.weights.has(`f.blk.${i}.ln1.weight`); i++) {
      const block = `f.blk.${i}`;
      const from = this.norm(`${block}.ln_kv`, placed);
      x = plus(x, this.attention(block, this.norm(`${block}.ln1`, x), from, heads));
      x = plus(x, this.feedForward(block, x));
    }
    return this.linear("mm.0", this.norm("f.post_ln", x));
  }

  private blocks(prefix: string, x: Rows, heads: number): Rows {
    let rows = x;
    for (let i = 0; this.weights.has(`${prefix}.blk.${i}.ln1.weight`); i++) {
      const block = `${prefix}.blk.${i}`;
      const normed = this.norm(`${block}.ln1`, rows);
      rows = plus(rows, this.attention(block, normed, normed, heads));
      rows = plus(rows, this.feedForward(block, rows));
    }
    return rows;
  }

  /** @param turn what happens to queries and keys first */
  protected attention(block: string, x: Rows, from: Rows, heads: number, turn = (rows: Rows) => rows): Rows {
    const q = turn(this.linear(`${block}.attn_q`, x));
    const k = turn(this.linear(`${block}.attn_k`, from));
    const v = this.linear(`${block}.attn_v`, from);
    const E = q[0]!.length / heads;
    const attended = q.map((row) => {
      const out = new Float64Array(row.length);
      for (let h = 0; h < heads; h++) {
        const scores = k.map((key) => {
          let total = 0;
          for (let e = h * E; e < (h + 1) * E; e++) total += row[e]! * key[e]!;
          return total / Math.sqrt(E);
        });
        const largest = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - largest));
        const all = shares.reduce((a, b) => a + b, 0);
        shares.forEach((share, s) => {
          for (let e = h * E; e < (h + 1) * E; e++) out[e]! += (share / all) * v[s]![e]!;
        });
      }
      return out;
    });
    return this.linear(`${block}.attn_out`, attended);
  }

  protected feedForward(block: string, x: Rows): Rows {
    const wide = this.linear(`${block}.ffn_up`, this.norm(`${block}.ln2`, x));
    return this.linear(
      `${block}.ffn_down`,
      wide.map((row) => row.map(this.sizes.whisper ? geluRef : geluTanhRef)),
    );
  }

  /** Kernel 3, padding 1, GELU; weights tap by tap. */
  private conv(name: string, x: Rows, stride: number): Rows {
    const C = x[0]!.length;
    const rows = Array.from({ length: x.length / stride }, (_, t) => {
      const taps = [-1, 0, 1].map((tap) => x[stride * t + tap] ?? new Float64Array(C));
      return Float64Array.from(taps.flatMap((row) => [...row]));
    });
    return this.linear(name, rows).map((row) => row.map(geluRef));
  }

  protected norm(name: string, x: Rows): Rows {
    const weight = this.weights.get(`${name}.weight`)!.values;
    const bias = this.weights.get(`${name}.bias`)!.values;
    return x.map((row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
      const deviation = Math.sqrt(variance + this.sizes.epsilon);
      return row.map((value, i) => ((value - mean) / deviation) * weight[i]! + bias[i]!);
    });
  }

  protected linear(name: string, x: Rows): Rows {
    const { shape, values } = this.weights.get(`${name}.weight`)!;
    const [N = 0, K = 0] = shape;
    const bias = this.weights.get(`${name}.bias`)?.values;
    return x.map((row) =>
      Float64Array.from({ length: N }, (_, n) => {
        let total = bias?.[n] ?? 0;
        for (let i = 0; i < K; i++) total += row[i]! * values[n * K + i]!;
        return total;
      }),
    );
  }

  protected table(name: string, count: number): Rows {
    const { values } = this.weights.get(name)!;
    return rowsOf(Float64Array.from(values), values.length / count);
  }
}

export function rowsOf(values: Float64Array, width: number): Rows {
  return Array.from({ length: values.length / width }, (_, r) => values.slice(r * width, (r + 1) * width));
}
