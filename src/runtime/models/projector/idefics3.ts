/**
 * `idefics3`: SmolVLM's projector. Views of 512 x 512 pixels through SigLIP, squares of 4 x 4 rows become one row, one linear
 * layer. A picture is seen in tiles and once as a whole. Source: Laurençon et al. 2024, arXiv:2408.12637; Marafioti et al. 2025,
 * arXiv:2504.05299; sizes and marks as in transformers' processing_idefics3.py and llama.cpp's mtmd.
 */

import { pixelShuffle } from "../../../kernels/encoder/groupRows.ts";
import { plainRowsTensor } from "../../../kernels/plainRows.ts";
import { unsupportedModel } from "../../errors.ts";
import type { GgufHeader } from "../../weights/types.ts";
import { Keys } from "../config.ts";
import { layerWeights, linear, rows } from "../encoder/layers.ts";
import type { Detail, ImagePlan, ProjectorSpec, PromptPiece, Size, View } from "./types.ts";
import { matrixRequest, recordVision, visionConfig, visionRequests, visionWeights } from "./vision.ts";

/** Tiles of a picture: more would fill any context. */
const mostTiles = 64;
const mark = "<fake_token_around_image>";
const wholeMark = "<global-img>";

export function idefics3(header: GgufHeader): ProjectorSpec {
  const keys = new Keys(header.metadata, "clip.vision");
  const config = visionConfig(header, "lanczos");
  const factor = keys.size("projector.scale_factor", 16);
  const outputWidth = keys.size("projection_dim", 65_536);
  const longestEdge = keys.size("preproc_image_size", 8192, 4 * config.imageSize);
  const { imageSize, side, width: D } = config;
  if (side % factor !== 0 || Math.ceil(longestEdge / imageSize) ** 2 > mostTiles)
    throw unsupportedModel(
      `Pictures of up to ${longestEdge} pixels in views of ${imageSize}, ${side} patches by ${factor}, are not supported.`,
      "clip.vision.projector.scale_factor",
    );
  const R = (side / factor) ** 2;
  const wide = factor ** 2 * D;
  return {
    type: "idefics3",
    outputWidth,
    tensors: [...visionRequests(header, config), matrixRequest("mm.model.fc", outputWidth, wide)],
    build: (loaded) => {
      const weights = visionWeights(header, config, loaded);
      const projection = layerWeights(loaded).linear("mm.model.fc");
      return {
        image: {
          viewSize: { width: imageSize, height: imageSize },
          rows: R,
          patches: side ** 2,
          placeholder: "<image>",
          plan: (picture, detail) => idefics3Plan(picture, detail, { imageSize, longestEdge }),
          // SmolVLM2 was trained at one frame a second; more frames than this fill contexts that fit a tab.
          video: { framesPerSecond: 1, mostFrames: 32, pieces: () => [`${mark}${wholeMark}`, 0, mark] },
          record: (rec, inputs) => {
            const features = recordVision(rec, config, weights, inputs);
            const shuffled = plainRowsTensor(inputs.arena, "vision shuffled", R, wide);
            const out = inputs.arena.tensor("vision rows", "f32", [R, outputWidth]);
            const grid = { height: side, width: side };
            pixelShuffle(rec, { x: features, width: D, out: shuffled, rows, grid, factor }, "vision");
            linear(rec, shuffled, projection, out, "vision projection", { rows: { of: "outputs" } });
            return [out];
          },
        },
      };
    },
  };
}

/**
 * Tiles row by row and then the whole, each resized with the picture stretched to whole tiles.
 * @param detail "high": as the model was trained, enlarged to its longest edge; "auto": no larger than the picture is; "low":
 *   the whole alone
 */
export function idefics3Plan(
  picture: Size,
  detail: Detail,
  { imageSize, longestEdge }: { imageSize: number; longestEdge: number },
): ImagePlan {
  const whole: View = { resized: { width: imageSize, height: imageSize }, left: 0, top: 0 };
  const longest = Math.max(picture.width, picture.height);
  const enough = Math.ceil(longest / imageSize) * imageSize;
  const edge = detail === "high" ? longestEdge : Math.min(longestEdge, enough);
  if (detail === "low" || (detail === "auto" && edge <= imageSize))
    return { views: [whole], pieces: [`${mark}${wholeMark}`, 0, mark] };
  const tiles = (length: number) => Math.max(1, Math.ceil((length * edge) / longest / imageSize));
  const [columns, rowCount] = [tiles(picture.width), tiles(picture.height)];
  const resized = { width: columns * imageSize, height: rowCount * imageSize };
  const views: View[] = [];
  const pieces: PromptPiece[] = [];
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columns; column++) {
      const start = row > 0 && column === 0 ? "\n" : "";
      pieces.push(`${start}${mark}<row_${row + 1}_col_${column + 1}>`, views.length);
      views.push({ resized, left: column * imageSize, top: row * imageSize });
    }
  }
  pieces.push(`\n\n${mark}${wholeMark}`, views.length, mark);
  views.push(whole);
  return { views, pieces };
}
