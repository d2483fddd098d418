"""What both encoders share: a stack of blocks that norm first (LayerNorm, dense attention, GELU MLP).

Legend: B inputs, N positions, D width, H heads, F feed-forward width, L blocks. Weights carry their GGUF names; a matrix is
(outputs, inputs).
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as nnf


@dataclass
class Encoder:
    D: int = 128
    L: int = 4
    H: int = 4
    F: int = 512
    eps: float = 1e-5


def norm_shapes(name, D):
    return {name + ".weight": (D,), name + ".bias": (D,)}


def linear_shapes(name, outputs, inputs):
    return {name + ".weight": (outputs, inputs), name + ".bias": (outputs,)}


def block_shapes(c, prefix, cross=False):
    """One block's weights; a cross-attention block has a norm of its own for what it attends to."""
    out = norm_shapes(prefix + "ln1", c.D)
    if cross:
        out |= norm_shapes(prefix + "ln_kv", c.D)
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        out |= linear_shapes(prefix + name, c.D, c.D)
    return out | norm_shapes(prefix + "ln2", c.D) | linear_shapes(prefix + "ffn_up", c.F, c.D) | linear_shapes(prefix + "ffn_down", c.D, c.F)


def init(shapes, depth, generator):
    """Norms 1, biases 0, matrices of the width that keeps a signal's size; tables of positions small."""
    w = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            one = ("ln" in name.split(".")[-2]) and name.endswith("weight")
            w[name] = torch.ones(shape) if one else torch.zeros(shape)
        else:
            fan = shape[-1] * (shape[-2] if len(shape) == 3 else 1)
            std = 0.02 if "position" in name else fan ** -0.5
            if "attn_out" in name or "ffn_down" in name:
                std *= (2 * depth) ** -0.5
            w[name] = torch.randn(shape, generator=generator) * std
    return w


def linear(w, name, x):
    return nnf.linear(x, w[name + ".weight"], w[name + ".bias"])


def norm(w, name, x, eps):
    return nnf.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)


def attention(c, q, k, v):
    """Every position sees every other. q (B,Nq,D), k and v (B,N,D) -> (B,Nq,D)."""
    split = lambda x: x.view(x.shape[0], x.shape[1], c.H, c.D // c.H).transpose(1, 2)
    scores = (split(q) * (c.D // c.H) ** -0.5) @ split(k).transpose(2, 3)
    return (scores.softmax(-1) @ split(v)).transpose(1, 2).reshape(q.shape)


def block(w, c, prefix, x, source=None):
    """x (B,N,D) attends to itself, or to `source` (B,M,D), then goes through the MLP."""
    h = norm(w, prefix + "ln1", x, c.eps)
    s = h if source is None else norm(w, prefix + "ln_kv", source, c.eps)
    x = x + linear(w, prefix + "attn_out", attention(c, linear(w, prefix + "attn_q", h), linear(w, prefix + "attn_k", s), linear(w, prefix + "attn_v", s)))
    h = norm(w, prefix + "ln2", x, c.eps)
    return x + linear(w, prefix + "ffn_down", nnf.gelu(linear(w, prefix + "ffn_up", h), approximate="tanh"))
