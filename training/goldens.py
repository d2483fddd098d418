"""Rows that PyTorch computes from an exported projector, for the runtime to be compared with.

    python3 goldens.py ../public/models/omni-tiny-mmproj.gguf ../src/runtime/models/projector/goldens

Inputs are made by integer formulas, so that a test makes the same ones without files; README.md there says how.
"""
import os
import sys

import numpy as np
import torch

import projector

README = """# Rows of the embedded projector, as PyTorch computes them

Written by `training/goldens.py` from the weights of `public/models/omni-tiny-mmproj.gguf` as they are in the file (Q8_0 and F16 taken apart to f32); make them anew when that file changes. `rows.bin` holds f32, little-endian, row after row of {width}:

| rows | of |
| --- | --- |
{table}

Picture k (64 x 64, RGB bytes): channel c of pixel (x, y) is (x · (3 + 4k) + y · (5 + 2c) + 60 c) mod 256, but 40 + 70 c within (x - 24 - 8k)² + (y - 36)² < 200.

Clip k (16 kHz, mono) has {counts} samples; sample i is t(i · (7 + 6k + ⌊i / 4000⌋)) · (1 + i mod 3000) / 3000 + n(i), where t(j) = (|j mod 400 - 200| - 100) / 400 and n(i) = ((i · 7919) mod 211 - 105) / 20000, in f64, then rounded to f32.
"""
SAMPLES = (15000, 30000)


def picture(k):
    y, x, c = np.meshgrid(np.arange(64), np.arange(64), np.arange(3), indexing="ij")
    out = (x * (3 + 4 * k) + y * (5 + 2 * c) + 60 * c) % 256
    return np.where((x - 24 - 8 * k) ** 2 + (y - 36) ** 2 < 200, 40 + 70 * c, out).astype(np.uint8)


def clip(k):
    i = np.arange(SAMPLES[k])
    t = (np.abs(i * (7 + 6 * k + i // 4000) % 400 - 200) - 100) / 400
    return (t * (1 + i % 3000) / 3000 + (i * 7919 % 211 - 105) / 20000).astype(np.float32)


@torch.no_grad()
def main():
    path, folder = sys.argv[1:]
    p = projector.load(path)
    parts = [(f"picture {k}", p.image_rows(picture(k)[None])[0]) for k in range(2)] + [(f"clip {k}", p.hear(clip(k))) for k in range(2)]
    os.makedirs(folder, exist_ok=True)
    torch.cat([r for _, r in parts]).numpy().astype("<f4").tofile(os.path.join(folder, "rows.bin"))
    at, table = 0, []
    for name, r in parts:
        table.append(f"| {at} to {at + len(r) - 1} | {name} |")
        at += len(r)
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as f:
        f.write(README.format(width=p.f.out, table="\n".join(table), counts=" and ".join(f"{n:,}" for n in SAMPLES)))


if __name__ == "__main__":
    main()
