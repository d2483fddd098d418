/**
 * `gemma3`: Google's Gemma 3. GeGLU, norms before and behind attention and feed-forward, embeddings times the root of their width,
 * five layers that see a window to each that sees all. Norm weights of files have their 1 in them.
 * Source: Gemma Team 2025, arXiv:2503.19786; names and defaults of metadata as in llama.cpp.
 */

import { unsupportedModel } from "../errors.ts";
import type { Architecture } from "./architectures.ts";
import { decoderConfig, Keys } from "./config.ts";

/** Of the 27B model, whose queries are scaled by the width for each head and not by the head's own. */
const largestLayers = 62;

export const gemma3: Architecture = {
  name: "gemma3",
  config: (header) => {
    const config = decoderConfig(header, "gemma3", { ropeMode: "neox", headNorm: true });
    const keys = new Keys(header.metadata, "gemma3");
    const capping = "final_logit_softcapping";
    if (keys.number(capping, 0) !== 0)
      throw unsupportedModel("Logits with a soft cap are not supported.", `gemma3.${capping}`);
    const { width, heads, layers, headWidth } = config;
    return {
      ...config,
      postNorms: true,
      gate: "geluTanh",
      embeddingScale: Math.fround(Math.sqrt(width)),
      queryScale: 1 / Math.sqrt(layers === largestLayers ? width / heads : headWidth),
      slidingWindow: {
        size: keys.size("attention.sliding_window", 2 ** 24),
        period: keys.size("attention.sliding_window_pattern", 1024, 6),
        thetaBase: keys.number("rope.freq_base_swa", 10_000),
      },
    };
  },
};
