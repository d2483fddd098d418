"""Teaches a text model to find again what followed the same words before, with meaningless tokens: minutes, before the joint training.

A text model of this size learns to continue a copy by place, not by content: asked for one of five things that it has just listed,
it gave the place of any of them (24 of 60 right, two things being the most common). Whole rows of such lookups change that within
200 steps (52 of 60); in conversations, where a long answer holds one lookup, it had not come in 15,000.
"""
import random

import torch
import torch.nn.functional as nnf

from model import forward, logits

ROWS = 12


def rows(rng, vocabulary):
    """Pairs of a key and a value with the same filler between, twice: the second time in another order.

    -> ids (ROWS,T), places of the second time's tokens that the first time tells, (P,), and what each counts.
    """
    n, key, filler, value = rng.randrange(3, 11), rng.randrange(1, 4), rng.randrange(0, 4), rng.randrange(1, 3)
    some = lambda *shape: torch.randint(0, vocabulary, shape)
    k, v = some(ROWS, n, key), some(ROWS, n, value)
    if rng.random() < 0.5:  # from few, as names of places are
        pool = some(ROWS, 12)
        v = torch.stack([torch.stack([p[torch.randperm(12)[:n]] for p in pool]) for _ in range(value)], 2)
    first = torch.cat([k, some(ROWS, 1, filler).expand(ROWS, n, filler), v], 2)
    second = torch.stack([x[torch.randperm(n)] for x in first])
    start = rng.randrange(0, 6)
    length, at = key + filler + value, start + n * (key + filler + value) + 2
    ids = torch.cat([some(ROWS, start), first.flatten(1), some(ROWS, 2), second.flatten(1)], 1)
    counts = torch.tensor([0.0] + [1.0] * (key - 1) + [0.3] * filler + [2.0] * value).repeat(n)  # a key's first token is anyone's guess
    places = torch.arange(at, at + n * length)
    return ids, places[counts > 0], counts[counts > 0]


def learn(w, c, vocabulary=2528, steps=400, lr=0.001):
    """Changes the text model's weights, but for the embeddings. w: name -> tensor, c: config, as evaluate.Model has them; vocabulary: ordinary tokens, ids below it."""
    rng = random.Random(6)
    own = {k: v.detach().clone().requires_grad_(k != "token_embd.weight") for k, v in w.items()}
    adam = torch.optim.AdamW([v for v in own.values() if v.requires_grad], lr=lr, betas=(0.9, 0.98), weight_decay=0)
    for step in range(steps):
        ids, places, counts = rows(rng, vocabulary)
        T = ids.shape[1]
        mask = torch.full((T, T), -1e9).triu(1)[None].expand(ROWS, T, T)
        got = logits(own, forward(own, c, ids, mask)[:, places - 1].reshape(-1, c.D))
        loss = nnf.cross_entropy(got, ids[:, places].reshape(-1), reduction="none") * counts.repeat(ROWS)
        (loss.sum() / (counts.sum() * ROWS)).backward()
        torch.nn.utils.clip_grad_norm_([v for v in own.values() if v.requires_grad], 1.0)
        adam.param_groups[0]["lr"] = lr * min(1, (step + 1) / 50)
        adam.step()
        adam.zero_grad()
        if step % 50 == 49:
            hit = (got.argmax(-1) == ids[:, places].reshape(-1)).float().mean().item()
            print(f"lookup: step {step + 1}, {hit:.2f} of what can be known", flush=True)
    for k, v in own.items():
        w[k].data.copy_(v.detach())
