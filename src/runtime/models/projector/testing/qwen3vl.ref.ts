/** Qwen3-VL's projector on the CPU in double precision, by its formulas and tensor names, patches row by row. For tests. */

import { imageResizeRef } from "../../../../kernels/encoder/imageResize.ref.ts";
import { geluRef } from "../../../../kernels/gelu.ref.ts";
import type { Size } from "../types.ts";
import { type NamedWeights, ProjectorRef, plus, type RefSizes, type Rows } from "./projector.ref.ts";

export interface RefFrame extends Size {
  /** RGBA. */
  words: Uint32Array;
}

export class Qwen3vlRef extends ProjectorRef {
  constructor(weights: NamedWeights, sizes: RefSizes) {
    super(withoutJoints(weights), sizes);
  }

  /**
   * What stands in the prompt, then what each layer adds: rows of squares of two by two patches, row by row.
   * @param later the second of two frames of a video
   */
  picture(first: RefFrame, resized: Size, later = first): Rows[] {
    const { patchSize: P, heads } = this.sizes;
    const [rows, columns] = [resized.height / P, resized.width / P];
    const places = Array.from(
      { length: rows * columns },
      (_, n) => [Math.floor(n / columns), n % columns] as const,
    );
    const patches = (frame: RefFrame) => this.patches(frame, resized, places);
    const both = plus(this.linear("v.patch_embd", patches(first)), this.linear("later", patches(later)));
    let x = plus(
      both,
      places.map(([y, x]) => this.position(y, x, rows, columns)),
    );
    const turn = (all: Rows) => all.map((row, n) => turned(row, heads, places[n]!));
    const deep: Rows[] = [];
    for (let i = 0; this.weights.has(`v.blk.${i}.ln1.weight`); i++) {
      const block = `v.blk.${i}`;
      const normed = this.norm(`${block}.ln1`, x);
      x = plus(x, this.attention(block, normed, normed, heads, turn));
      x = plus(x, this.feedForward(block, x));
      const merger = `v.deepstack.${i}`;
      if (this.weights.has(`${merger}.fc1.weight`))
        deep.push(
          this.merged(this.norm(`${merger}.norm`, squares(x, columns)), `${merger}.fc1`, `${merger}.fc2`),
        );
    }
    return [this.merged(squares(this.norm("v.post_ln", x), columns), "mm.0", "mm.2"), ...deep];
  }

  private patches(
    { words, width, height }: RefFrame,
    resized: Size,
    places: readonly (readonly [y: number, x: number])[],
  ): Rows {
    const { patchSize: P, filter, mean, std } = this.sizes;
    const bytes = [...words].flatMap((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255]);
    const image = imageResizeRef(bytes, 3, [height, width], [resized.height, resized.width], filter);
    return places.map(([y, x]) =>
      Float64Array.from({ length: 3 * P * P }, (_, i) => {
        const [c, py, px] = [Math.floor(i / (P * P)), Math.floor(i / P) % P, i % P];
        const byte = image[((y * P + py) * resized.width + x * P + px) * 3 + c]!;
        return (byte / 255 - mean[c]!) / std[c]!;
      }),
    );
  }

  private merged(rows: Rows, up: string, down: string): Rows {
    return this.linear(
      down,
      this.linear(up, rows).map((row) => row.map(geluRef)),
    );
  }

  /** Of the patch at (y, x), bilinear: the corners of the picture are those of the table. */
  private position(y: number, x: number, rows: number, columns: number): Float64Array {
    const side = this.sizes.imageSize / this.sizes.patchSize;
    const table = this.table("v.position_embd.weight", side * side);
    const along = (i: number, count: number) => (count > 1 ? (i * (side - 1)) / (count - 1) : 0);
    const [v, u] = [along(y, rows), along(x, columns)];
    const out = new Float64Array(table[0]!.length);
    for (const row of [Math.floor(v), Math.floor(v) + 1])
      for (const column of [Math.floor(u), Math.floor(u) + 1]) {
        const weight = Math.max(0, 1 - Math.abs(v - row)) * Math.max(0, 1 - Math.abs(u - column));
        if (weight > 0)
          for (let i = 0; i < out.length; i++) out[i]! += weight * table[row * side + column]![i]!;
      }
    return out;
  }
}

/** Of each head, the first half of the pairs (i, i + E / 2) is turned by the row, the second by the column. */
function turned(row: Float64Array, heads: number, [y, x]: readonly [number, number]): Float64Array {
  const E = row.length / heads;
  const out = row.slice();
  for (let h = 0; h < heads; h++)
    for (let i = 0; i < E / 2; i++) {
      const quarter = E / 4;
      const angle = (i < quarter ? y : x) * 10_000 ** -((i % quarter) / quarter);
      const [a, b] = [row[h * E + i]!, row[h * E + i + E / 2]!];
      out[h * E + i] = a * Math.cos(angle) - b * Math.sin(angle);
      out[h * E + i + E / 2] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  return out;
}

/** Two by two rows become one. */
function squares(x: Rows, columns: number): Rows {
  const half = columns / 2;
  return Array.from({ length: x.length / 4 }, (_, n) => {
    const corner = Math.floor(n / half) * 2 * columns + (n % half) * 2;
    return Float64Array.from([0, 1, columns, columns + 1].flatMap((offset) => [...x[corner + offset]!]));
  });
}

/** Queries, keys and values by themselves, and the second kernel of patches under a name of its own. */
function withoutJoints(weights: NamedWeights): NamedWeights {
  const all: NamedWeights = new Map(weights);
  for (const [name, { shape, values }] of weights) {
    if (name === "v.patch_embd.weight.1") all.set("later.weight", { shape, values });
    if (!name.includes("attn_qkv")) continue;
    const count = values.length / 3;
    ["q", "k", "v"].forEach((part, i) => {
      const own = Array.from({ length: count }, (_, j) => values[i * count + j]!);
      all.set(name.replace("attn_qkv", `attn_${part}`), {
        shape: [shape[0]! / 3, ...shape.slice(1)],
        values: own,
      });
    });
  }
  return all;
}
