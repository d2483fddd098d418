"""Makes src/runtime/weights/testing/goldens/blocks.json: random blocks of each weight type that has any, and what GGML's
own Python code says they stand for. Needs `pip install gguf==0.19.0`."""

import base64
import json
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

# Where a block's f16 fields are; in MXFP4 the scale is an exponent byte.
HALVES = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [], "BF16": [0],
}  # fmt: skip

random = np.random.default_rng(1)
goldens = {}
for name, halves in HALVES.items():
    type = GGMLQuantizationType[name]
    weights, size = GGML_QUANT_SIZES[type]
    blocks = random.integers(0, 256, (max(2, 128 // weights), size), dtype=np.uint8)
    for half in halves:
        blocks[:, half + 1] &= 0xBB  # no infinities and NaN, with either sign
    if name == "MXFP4":
        blocks[:, 0] = [0, 1, 120, 250]
    values = quants.dequantize(blocks, type)
    goldens[name.lower()] = {
        "blocks": base64.b64encode(blocks.tobytes()).decode(),
        "values": base64.b64encode(values.astype("<f4").tobytes()).decode(),
    }
path = pathlib.Path(__file__).parents[2] / "src/runtime/weights/testing/goldens/blocks.json"
path.write_text(json.dumps(goldens, indent=1) + "\n")
