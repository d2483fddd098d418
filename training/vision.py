"""The picture encoder: a small ViT over 8 x 8 patches of a 64 x 64 picture.

Legend: S picture size, P patch size, N = (S / P)^2 patches; others as in encoder.py.
"""
from dataclasses import dataclass

import numpy as np
import torch

from encoder import Encoder, block, block_shapes, linear, linear_shapes, norm, norm_shapes


@dataclass
class Vision(Encoder):
    S: int = 64
    P: int = 8
    mean: float = 0.5
    std: float = 0.5

    @property
    def N(self):
        return (self.S // self.P) ** 2


def shapes(c):
    out = linear_shapes("v.patch_embd", c.D, 3 * c.P * c.P)
    out["v.position_embd.weight"] = (c.N, c.D)
    for i in range(c.L):
        out |= block_shapes(c, f"v.blk.{i}.")
    return out | norm_shapes("v.post_ln", c.D)


def pixels(c, pictures):
    """RGB bytes (B,S,S,3) -> what the encoder takes, (B,3,S,S)."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
    return (x / 255 - c.mean) / c.std


def encode(w, c, x, kept=None):
    """Pixels (B,3,S,S) -> features (B,N,D), patches by rows. kept (B,K): the only patches there are, -> (B,K,D)."""
    B, G = len(x), c.S // c.P
    patches = x.view(B, 3, G, c.P, G, c.P).permute(0, 2, 4, 1, 3, 5).reshape(B, c.N, 3 * c.P * c.P)  # (channel, row, column)
    x = linear(w, "v.patch_embd", patches) + w["v.position_embd.weight"]
    if kept is not None:
        x = x.gather(1, kept[:, :, None].expand(-1, -1, c.D))
    for i in range(c.L):
        x = block(w, c, f"v.blk.{i}.", x)
    return norm(w, "v.post_ln", x, c.eps)
