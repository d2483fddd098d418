/**
 * `gemma3`: Gemma 3's projector. A picture is one square view through SigLIP; squares of 4 x 4 rows become their mean, RMSNorm, and
 * a matrix. Its tokens see each other both ways. Source: Gemma Team 2025, arXiv:2503.19786; marks as in transformers'
 * processing_gemma3.py, which llama.cpp's mtmd has without the empty lines; names of tensors as there.
 */

import { averagePool2d } from "../../../kernels/encoder/groupRows.ts";
import { matmulColumns } from "../../../kernels/encoder/matmulColumns.ts";
import { rmsNormRows } from "../../../kernels/encoder/rmsNormRows.ts";
import { unsupportedModel } from "../../errors.ts";
import type { GgufHeader } from "../../weights/types.ts";
import { Keys } from "../config.ts";
import { layerWeights, rows } from "../encoder/layers.ts";
import type { ProjectorSpec } from "./types.ts";
import { recordVision, vectorRequest, visionConfig, visionRequests, visionWeights } from "./vision.ts";

const normName = "mm.soft_emb_norm.weight";
const projectionName = "mm.input_projection.weight";
const marks = ["\n\n<start_of_image>", "<end_of_image>\n\n"] as const;

export function gemma3(header: GgufHeader): ProjectorSpec {
  const keys = new Keys(header.metadata, "clip.vision");
  const config = visionConfig(header, "bilinear");
  const outputWidth = keys.size("projection_dim", 65_536);
  const factor = keys.size("projector.scale_factor", 16, 4);
  const { imageSize, side, width: D, epsilon } = config;
  if (side % factor !== 0 || outputWidth % 4 !== 0)
    throw unsupportedModel(
      `${side} patches to a side, ${factor} by ${factor} of which become a row of ${outputWidth} numbers, are not supported.`,
      "clip.vision.projector.scale_factor",
    );
  const R = (side / factor) ** 2;
  const whole = { resized: { width: imageSize, height: imageSize }, left: 0, top: 0 };
  return {
    type: "gemma3",
    outputWidth,
    tensors: [
      ...visionRequests(header, config),
      vectorRequest(normName, D),
      // Its rows belong to inputs.
      vectorRequest(projectionName, D, outputWidth),
    ],
    build: (loaded) => {
      const weights = visionWeights(header, config, loaded);
      const { vector, table } = layerWeights(loaded);
      return {
        image: {
          viewSize: { width: imageSize, height: imageSize },
          rows: R,
          patches: side ** 2,
          attention: "bidirectional",
          placeholder: "<start_of_image>",
          plan: () => ({ views: [whole], pieces: [marks[0], 0, marks[1]] }),
          // Frames take as many tokens as pictures.
          video: { framesPerSecond: 1, mostFrames: 16, pieces: () => [marks[0], 0, marks[1]] },
          record: (rec, inputs) => {
            const features = recordVision(rec, config, weights, inputs);
            const tensor = (name: string, columns: number) =>
              inputs.arena.tensor(`vision ${name}`, "f32", [R, columns]);
            const [pooled, normed, out] = [
              tensor("pooled", D),
              tensor("pooled normed", D),
              tensor("rows", outputWidth),
            ];
            const grid = { height: side, width: side };
            const outputs = { of: "outputs" } as const;
            averagePool2d(rec, { x: features, width: D, out: pooled, rows, grid, factor }, "vision");
            const norm = { x: pooled, weight: vector(normName), epsilon, out: normed, rows: outputs };
            rmsNormRows(rec, norm, "vision pooled");
            const weight = table(projectionName, outputWidth);
            matmulColumns(rec, { x: normed, weight, out, rows: outputs }, "vision projection");
            return [out];
          },
        },
      };
    },
  };
}
