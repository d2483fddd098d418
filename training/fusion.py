"""The fusion block: learned queries look at the features of one or several modalities and become rows of the prompt.

Legend: Q queries, V width of the language model; others as in encoder.py.
"""
from dataclasses import dataclass

import torch

from encoder import Encoder, block, block_shapes, init as init_weights, linear, linear_shapes, norm, norm_shapes

VISION, AUDIO = 0, 1  # rows of f.kind
SHARP = 1.6  # how strongly an untrained query prefers near positions


@dataclass
class Fusion(Encoder):
    L: int = 1
    image_queries: int = 16
    audio_queries: int = 8
    out: int = 256


def shapes(c, vision, audio):
    out = {"f.kind.weight": (2, c.D), "f.position.image.weight": (vision.N, c.D), "f.position.audio.weight": (audio.N, c.D),
           "f.query.image.weight": (c.image_queries, c.D), "f.query.audio.weight": (c.audio_queries, c.D)}
    for i in range(c.L):
        out |= block_shapes(c, f"f.blk.{i}.", cross=True)
    return out | norm_shapes("f.post_ln", c.D) | linear_shapes("mm.0", c.out, c.D)


def code(places, width, longest):
    """Places (N, axes) in 0..longest -> (N, width): sines and cosines of each axis, so that near places have like codes."""
    per = width // (2 * places.shape[1])
    frequency = torch.pi / (longest * (1.5 / longest) ** (torch.arange(per) / max(1, per - 1)))
    angle = places[:, :, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], 2).flatten(1)


def grid(count, side):
    """Centres of count x count equal squares on a side x side grid of patches, by rows: (count^2, 2)."""
    at = (torch.arange(count) + 0.5) * side / count
    return torch.stack([at.repeat_interleave(count), at.repeat(count)], 1)


def init(c, vision, audio, generator, basis=None, centre=None):
    """Queries and positions share one code in every head, and attn_q and attn_k keep it: at first a query pools the features near it.

    basis (out, D) and centre (out,): what mm.0 starts from (the encoders' pretraining aims at them); None: random.
    """
    w = init_weights(shapes(c, vision, audio), c.L, generator)
    width = c.D // c.H
    patches, steps = vision.S // vision.P, audio.step // 4
    audio_places = audio.N - steps - 4 + (torch.arange(c.audio_queries) + 0.5) * (steps + 4) / c.audio_queries  # four positions back: a query hears what follows, too
    tables = {"f.position.image": code(grid(patches, patches), width, patches), "f.query.image": code(grid(round(c.image_queries ** 0.5), patches), width, patches),
              "f.position.audio": code(torch.arange(audio.N)[:, None] + 0.5, width, audio.N), "f.query.audio": code(audio_places[:, None], width, audio.N)}
    for name, table in tables.items():
        w[name + ".weight"] = table.repeat(1, c.H) * (0.3 if "query" in name else 0.7)
    w["f.kind.weight"] *= 0.1
    for i in range(c.L):
        noise = lambda: torch.randn(c.D, c.D, generator=generator) * 0.02
        p = f"f.blk.{i}."
        w[p + "attn_q.weight"] = torch.eye(c.D) * SHARP + noise()
        w[p + "attn_k.weight"] = torch.eye(c.D) * SHARP + noise()
        w[p + "attn_v.weight"] = torch.eye(c.D) + noise()
        w[p + "attn_out.weight"] = torch.eye(c.D) + noise()
        w[p + "ffn_down.weight"] *= 0.3
    if basis is not None:
        w["mm.0.weight"], w["mm.0.bias"] = basis.clone(), centre.clone()
    return w


def looks(w, c, features):
    """How much of each patch a picture's queries take in, in the first block: features (B,N,D) -> (B,H,Q,N), each row's sum 1."""
    split = lambda x: x.view(len(x), -1, c.H, c.D // c.H).transpose(1, 2)
    q = split(linear(w, "f.blk.0.attn_q", norm(w, "f.blk.0.ln1", w["f.query.image.weight"], c.eps))[None])
    k = split(linear(w, "f.blk.0.attn_k", norm(w, "f.blk.0.ln_kv", features + w["f.kind.weight"][VISION] + w["f.position.image.weight"], c.eps)))
    return (q @ k.transpose(2, 3) * (c.D // c.H) ** -0.5).softmax(-1)


def own(c, patches):
    """Which patches belong to each of a picture's queries, (Q,N) of 0 and 1: equal squares, by rows."""
    side = round(c.image_queries ** 0.5)
    at = torch.arange(patches) * side // patches
    cell = (at[:, None] * side + at).flatten()
    return (cell == torch.arange(c.image_queries)[:, None]).float()


def focus(w, c, features, share=0.8, steps=400):
    """Teaches a picture's queries to look at their own patches, so that a row tells what is at its place. Changes the tables of queries and positions, nothing else.

    What a picture shows outweighs where it shows it in the encoder's features: as it starts, a query takes a quarter of what it
    sees from its own patches and the rest from all over the picture, and pictures of one thing alone do not teach it otherwise.
    """
    names, mine = ("f.query.image.weight", "f.position.image.weight"), own(c, round(features.shape[1] ** 0.5))
    tables = {n: w[n].detach().clone().requires_grad_() for n in names}
    adam = torch.optim.Adam(tables.values(), lr=0.03)
    for _ in range(steps):
        some = features[torch.randint(len(features), (48,))]
        seen = (looks({**w, **tables}, c, some) * mine).sum(-1)
        if seen.mean() > share - 0.01:
            break
        adam.zero_grad()
        (-seen.clamp(max=share).log().mean()).backward()
        adam.step()
    for n, x in tables.items():
        w[n].data.copy_(x.detach())
    return seen.mean().item()


def rows(w, c, features, kind):
    """Features of one modality (B,N,D) -> rows of the prompt (B,Q,out)."""
    name = ("image", "audio")[kind]
    source = features + w["f.kind.weight"][kind] + w[f"f.position.{name}.weight"]
    x = w[f"f.query.{name}.weight"].expand(len(features), -1, -1)
    for i in range(c.L):
        x = block(w, c, f"f.blk.{i}.", x, source)
    return linear(w, "mm.0", norm(w, "f.post_ln", x, c.eps))
