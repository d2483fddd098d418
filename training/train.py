"""Trains omni-tiny on conversations made on the fly. One core, bf16 products, f32 weights; stops at a wall-clock deadline.

    OMP_NUM_THREADS=1 python3 train.py --out runs --minutes 60 [--text DIR] [--emoji data.json]

Resumes from OUT/checkpoint.pt if it is there (same deadline). Matrices learn by Muon, embedding and norms by AdamW.
"""
import argparse
import os
import random
import time

import torch
import torch.nn.functional as nnf

from data import mix
from model import Config, forward, init, logits, parameters
from tokenizer import Tokenizer

LENGTHS = (128, 256, 512, 1024)  # a row holds whole conversations; the shortest that fits the longest one is used
TOKENS = 2048  # positions in a step
IGNORE = -100


class Packer:
    """Rows of whole conversations. A conversation sees only itself (mask), so it may begin anywhere in its row."""

    def __init__(self, tokenizer, rng):
        self.tokenizer, self.rng = tokenizer, rng
        self.rows = {n: [] for n in LENGTHS}  # finished rows
        self.open = {n: [] for n in LENGTHS}  # rows with room left

    def example(self):
        """-> input ids, and the target of each (IGNORE where the user speaks)."""
        if self.rng.random() < 0.01:
            ids = self.tokenizer.encode(mix.document(self.rng)) + [self.tokenizer.ids["<|endoftext|>"]]
            own = [1] * len(ids)
        else:
            turns = [(role, "".join(p["text"] for p in parts)) for role, parts in mix.conversation(self.rng)]
            ids, own = self.tokenizer.chat(turns)
        return ids[:-1], [i if o else IGNORE for i, o in zip(ids[1:], own[1:])]

    def add(self):
        ids, targets = self.example()
        n = next((n for n in LENGTHS if len(ids) <= n), None)
        if n is None:
            n = LENGTHS[-1]
            ids, targets = ids[:n], targets[:n]
        for row in self.open[n]:
            if row[0] + len(ids) <= n:
                row[0] += len(ids)
                row[1].append((ids, targets))
                if n - row[0] < 12:
                    self.open[n].remove(row)
                    self.rows[n].append(row)
                return
        self.open[n].append([len(ids), [(ids, targets)]])
        if len(self.open[n]) > 12:
            self.rows[n].append(self.open[n].pop(0))

    def batch(self):
        """-> ids (B,T), targets (B,T), mask (B,T,T) added to the scores."""
        while True:
            for n in reversed(LENGTHS):
                B = TOKENS // n
                if len(self.rows[n]) >= B:
                    rows, self.rows[n] = self.rows[n][:B], self.rows[n][B:]
                    return self.tensors(rows, n)
            self.add()

    def tensors(self, rows, T):
        ids = torch.zeros(len(rows), T, dtype=torch.long)
        targets = torch.full((len(rows), T), IGNORE)
        document = torch.full((len(rows), T), -1)
        for r, (_, examples) in enumerate(rows):
            at = 0
            for d, (i, t) in enumerate(examples):
                ids[r, at:at + len(i)] = torch.tensor(i)
                targets[r, at:at + len(i)] = torch.tensor(t)
                document[r, at:at + len(i)] = d
                at += len(i)
        sees = (document[:, :, None] == document[:, None, :]) & torch.ones(T, T, dtype=torch.bool).tril()
        return ids, targets, torch.zeros(len(rows), T, T, dtype=torch.bfloat16).masked_fill_(~sees, -1e9)


def orthogonal(g):
    """(N,R,C) with R <= C -> about the nearest matrices with orthonormal rows (Newton-Schulz, quintic, after Keller Jordan's Muon)."""
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)
    x = x.bfloat16()
    for _ in range(5):
        s = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * (s @ s)) @ x
    return x.float()


class Muon:
    """Momentum whose update is made orthogonal; matrices of one shape go through Newton-Schulz together."""

    def __init__(self, named):
        self.groups = {}
        for name, p in named:
            self.groups.setdefault(tuple(sorted(p.shape)), []).append((name, p))
        self.momentum = {name: torch.zeros_like(p) for name, p in named}

    @torch.no_grad()
    def step(self, lr, momentum):
        for group in self.groups.values():
            updates = []
            for name, p in group:
                m = self.momentum[name].mul_(momentum).add_(p.grad, alpha=1 - momentum)
                u = p.grad * (1 - momentum) + m * momentum  # Nesterov
                updates.append(u if u.shape[0] <= u.shape[1] else u.T)
            for (name, p), u in zip(group, orthogonal(torch.stack(updates))):
                u = u if p.shape[0] <= p.shape[1] else u.T
                p.mul_(1 - 0.02 * lr).add_(u, alpha=-lr * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def pace(done):
    """Share of the full learning rate at share `done` of the time: flat, then down in a line to nearly nothing."""
    return 1.0 if done < 0.35 else max(0.01, 1 - (done - 0.35) / 0.65)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=60)
    a.add_argument("--deadline", type=float, default=0, help="Unix time to end at, instead of --minutes")
    a.add_argument("--text")
    a.add_argument("--emoji")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--lr", type=float, default=0.016)
    args = a.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    print(*mix.load_sources(args.text, args.emoji), sep=", ")
    tokenizer = Tokenizer.load(os.path.join(args.out, "tokenizer.json"))
    c = Config(V=len(tokenizer.tokens))
    w = {k: v.requires_grad_() for k, v in init(c, args.seed).items()}
    average = {k: v.detach().clone() for k, v in w.items()}  # exponential moving average: what is exported
    muon = Muon([(k, v) for k, v in w.items() if k.startswith("blk") and v.ndim == 2])
    others = [v for k, v in w.items() if not (k.startswith("blk") and v.ndim == 2)]
    adam = torch.optim.AdamW(others, lr=1e-3, betas=(0.9, 0.98), eps=1e-10, weight_decay=0)
    state = {"step": 0, "tokens": 0, "targets": 0, "started": time.time(), "seconds": 0.0}
    state["deadline"] = args.deadline or state["started"] + args.minutes * 60
    path = os.path.join(args.out, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path)
        state = saved["state"]
        if args.deadline:
            state["deadline"] = args.deadline
        for k in w:
            w[k].data.copy_(saved["weights"][k])
        average, muon.momentum = saved["average"], saved["muon"]
        adam.load_state_dict(saved["adam"])
    packer = Packer(tokenizer, random.Random(args.seed * 1000003 + state["step"]))
    print(f"{parameters(c)} parameters, {(state['deadline'] - time.time()) / 60:.1f} minutes left", flush=True)

    def save():
        torch.save({"config": vars(c), "state": state, "weights": {k: v.detach() for k, v in w.items()}, "average": average, "muon": muon.momentum, "adam": adam.state_dict()}, path + ".new")
        os.replace(path + ".new", path)

    last_save, last_print, running = time.time(), time.time(), None
    while time.time() < state["deadline"]:
        before = time.time()
        ids, targets, mask = packer.batch()
        wanted = (targets != IGNORE).reshape(-1).nonzero()[:, 0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = forward(w, c, ids, mask).reshape(-1, c.D)[wanted]  # logits only where the loss counts
            scores = logits(w, hidden)
        loss = nnf.cross_entropy(scores.float(), targets.reshape(-1)[wanted])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        done = (time.time() - state["started"]) / (state["deadline"] - state["started"])
        rate = pace(done) * min(1, (state["step"] + 1) / 60)
        muon.step(args.lr * rate, min(0.95, 0.85 + 0.1 * state["step"] / 200))
        adam.param_groups[0]["lr"] = 0.15 * args.lr * rate
        adam.step()
        for p in w.values():
            p.grad = None
        keep = min(0.995, 1 - 1 / (state["step"] + 1))
        with torch.no_grad():
            for k in w:
                average[k].lerp_(w[k], 1 - keep)
        state["step"] += 1
        state["tokens"] += ids.numel()
        state["targets"] += len(wanted)
        state["seconds"] += time.time() - before
        running = loss.item() if running is None else 0.97 * running + 0.03 * loss.item()
        if time.time() - last_print > 15:
            last_print = time.time()
            print(f"step {state['step']} loss {running:.4f} rate {rate:.3f} {state['tokens'] / 1e6:.2f} M tokens {state['tokens'] / state['seconds']:.0f}/s done {done:.3f}", flush=True)
        if time.time() - last_save > 180:
            last_save = time.time()
            save()
    save()
    print(f"end: step {state['step']} loss {running:.4f} tokens {state['tokens']} targets {state['targets']}")


if __name__ == "__main__":
    main()
