"""The model: a Qwen3-type decoder. Config, weights with their shapes, and the forward pass on one screen.

Legend: B sequences, T tokens in this call, S positions so far, D width, H query heads, K key/value heads,
E head width, F feed-forward width, V vocabulary, L layers. Weights carry their GGUF names.
"""
from dataclasses import dataclass
import math

import torch
import torch.nn.functional as nnf


@dataclass
class Config:
    V: int = 2560
    D: int = 256
    L: int = 5
    H: int = 4
    K: int = 2
    E: int = 64
    F: int = 768
    context: int = 1024
    theta: float = 10000.0
    eps: float = 1e-6


def shapes(c):
    """Name -> shape of every weight; a matrix is (outputs, inputs), as GGUF stores it."""
    out = {"token_embd.weight": (c.V, c.D)}  # also the output matrix (tied)
    for i in range(c.L):
        b = f"blk.{i}."
        out[b + "attn_norm.weight"] = (c.D,)
        out[b + "attn_q.weight"] = (c.H * c.E, c.D)
        out[b + "attn_k.weight"] = (c.K * c.E, c.D)
        out[b + "attn_v.weight"] = (c.K * c.E, c.D)
        out[b + "attn_q_norm.weight"] = (c.E,)  # one RMS norm per head, shared by the heads
        out[b + "attn_k_norm.weight"] = (c.E,)
        out[b + "attn_output.weight"] = (c.D, c.H * c.E)
        out[b + "ffn_norm.weight"] = (c.D,)
        out[b + "ffn_gate.weight"] = (c.F, c.D)
        out[b + "ffn_up.weight"] = (c.F, c.D)
        out[b + "ffn_down.weight"] = (c.D, c.F)
    out["output_norm.weight"] = (c.D,)
    return out


def init(c, seed=1):
    g = torch.Generator().manual_seed(seed)
    w = {}
    for name, shape in shapes(c).items():
        if len(shape) == 1:
            w[name] = torch.ones(shape)
        else:
            std = 0.02 if name.startswith("token") else shape[1] ** -0.5
            if "output" in name or "down" in name:
                std *= (2 * c.L) ** -0.5  # keeps the residual stream's size independent of depth
            w[name] = torch.randn(shape, generator=g) * std
    return w


def parameters(c):
    return sum(math.prod(s) for s in shapes(c).values())


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rope_table(c, start, stop):
    """cos and sin, each (T,1,E/2), of positions start..stop-1."""
    frequency = c.theta ** (-torch.arange(0, c.E, 2, dtype=torch.float32) / c.E)
    angle = torch.arange(start, stop, dtype=torch.float32)[:, None, None] * frequency
    return angle.cos(), angle.sin()


def rope(x, cos, sin):
    """NEOX rotation: dimension e pairs with e + E/2. x is (B,T,heads,E)."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def forward(w, c, ids, mask, cache=None, rows=None):
    """ids (B,T) -> hidden states (B,T,D) after the last norm. mask (B,T,S) is added to every head's scores: 0 where a position may look, hugely negative elsewhere.

    cache: a list that keeps (k, v) of every layer, each (B,S,K,E), between calls; None in training.
    rows: (places (R,), vectors (R,D)): vectors that stand in the prompt instead of tokens; a place is b * T + t.
    """
    B, T = ids.shape
    start = cache[0][0].shape[1] if cache else 0
    cos, sin = rope_table(c, start, start + T)
    x = nnf.embedding(ids, w["token_embd.weight"])  # (B,T,D)
    if rows is not None:
        x = x.view(B * T, c.D).index_copy(0, *rows).view(B, T, c.D)
    kept = []
    for i in range(c.L):
        p = lambda name: w[f"blk.{i}.{name}.weight"]
        h = rms_norm(x, p("attn_norm"), c.eps)
        q = rms_norm((h @ p("attn_q").T).view(B, T, c.H, c.E), p("attn_q_norm"), c.eps)
        k = rms_norm((h @ p("attn_k").T).view(B, T, c.K, c.E), p("attn_k_norm"), c.eps)
        v = (h @ p("attn_v").T).view(B, T, c.K, c.E)
        q, k = rope(q * c.E ** -0.5, cos, sin), rope(k, cos, sin)
        if cache:
            k, v = torch.cat([cache[i][0], k], 1), torch.cat([cache[i][1], v], 1)
        kept.append((k, v))
        S, G = k.shape[1], c.H // c.K  # query head h reads key head h // G
        q = q.view(B, T, c.K, G, c.E).permute(0, 2, 3, 1, 4).reshape(B, c.K, G * T, c.E)
        scores = (q @ k.permute(0, 2, 3, 1)).view(B, c.H, T, S) + mask[:, None]
        scores = scores.softmax(-1).view(B, c.K, G * T, S) @ v.transpose(1, 2)
        attended = scores.view(B, c.K, G, T, c.E).permute(0, 3, 1, 2, 4).reshape(B, T, c.H * c.E)
        x = x + attended @ p("attn_output").T
        h = rms_norm(x, p("ffn_norm"), c.eps)
        x = x + (nnf.silu(h @ p("ffn_gate").T) * (h @ p("ffn_up").T)) @ p("ffn_down").T
    if cache is not None:
        cache[:] = kept
    return rms_norm(x, w["output_norm.weight"], c.eps)


def logits(w, hidden):
    """hidden (...,D) -> (...,V)."""
    return hidden @ w["token_embd.weight"].T
