"""How the encoders and the joint model learn in f32: Muon for blocks' matrices, AdamW for the rest, a moving average, checkpoints."""
import os
import time

import torch
import torch.distributed

from train import pace

SYNC = 15  # seconds between averages of workers


def orthogonal(g):
    """(N,R,C) with R <= C -> about the nearest matrices with orthonormal rows; as train.py's, in f32 (bf16 is slow on CPUs without it)."""
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        s = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * (s @ s)) @ x
    return x


class Learner:
    """w: name -> tensor, all trained. muon: which names go to Muon; adam: [(which names, share of lr)], first that fits."""

    def __init__(self, w, minutes, path, lr, muon=lambda n, p: ".blk." in n and p.ndim == 2, adam_lr=0.15, groups=((lambda n: True, 1.0),), extra=None, deadline=0):
        self.w, self.path, self.lr, self.adam_lr = {k: v.requires_grad_() for k, v in w.items()}, path, lr, adam_lr
        self.average = {k: v.detach().clone() for k, v in w.items()}
        self.muon = [(k, v) for k, v in w.items() if muon(k, v)]
        self.momentum = {k: torch.zeros_like(v) for k, v in self.muon}
        rest = [(k, v) for k, v in w.items() if k not in self.momentum]
        split = [[] for _ in groups]
        for k, v in rest:
            split[next(i for i, (fits, _) in enumerate(groups) if fits(k))].append(v)
        self.adam = torch.optim.AdamW([{"params": s, "share": share} for s, (_, share) in zip(split, groups) if s], lr=1e-3, betas=(0.9, 0.98), eps=1e-9, weight_decay=0)
        self.step, self.started, self.extra = 0, time.time(), extra or {}
        self.deadline = deadline or self.started + 60 * minutes
        self.last_save = self.last_print = self.started
        self.loss = None
        if os.path.exists(path):
            saved = torch.load(path)
            self.step, self.started = saved["step"], saved["started"]
            self.deadline = deadline or saved["deadline"]
            for k in w:
                w[k].data.copy_(saved["weights"][k])
            self.average, self.momentum = saved["average"], saved["momentum"]
            shares = [g["share"] for g in self.adam.param_groups]
            self.adam.load_state_dict(saved["adam"])
            for g, share in zip(self.adam.param_groups, shares):
                g["share"] = share

    def left(self):
        return self.deadline - time.time()

    def done(self):
        """Share of the time that has passed."""
        return (time.time() - self.started) / (self.deadline - self.started)

    def save(self):
        out = {"step": self.step, "started": self.started, "deadline": self.deadline, "weights": {k: v.detach() for k, v in self.w.items()}, "average": self.average, "momentum": self.momentum, "adam": self.adam.state_dict(), **self.extra}
        torch.save(out, self.path + ".new")
        os.replace(self.path + ".new", self.path)
        self.last_save = time.time()

    def update(self, loss):
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.w.values() if p.grad is not None], 1.0)
        rate = pace(self.done()) * min(1, (self.step + 1) / 60)
        with torch.no_grad():
            groups = {}
            for k, p in self.muon:
                if p.grad is not None:
                    groups.setdefault(tuple(sorted(p.shape)), []).append((k, p))
            for group in groups.values():
                updates = []
                for k, p in group:
                    m = self.momentum[k].mul_(0.95).add_(p.grad, alpha=0.05)
                    u = p.grad * 0.05 + m * 0.95
                    updates.append(u if u.shape[0] <= u.shape[1] else u.T)
                for (k, p), u in zip(group, orthogonal(torch.stack(updates))):
                    u = u if p.shape[0] <= p.shape[1] else u.T
                    p.mul_(1 - 0.02 * self.lr * rate).add_(u, alpha=-self.lr * rate * max(1, p.shape[0] / p.shape[1]) ** 0.5)
        for g in self.adam.param_groups:
            g["lr"] = self.adam_lr * self.lr * rate * g["share"]
        self.adam.step()
        for p in self.w.values():
            p.grad = None
        self.step += 1
        keep = min(0.995, 1 - 1 / self.step)
        with torch.no_grad():
            for k, v in self.w.items():
                self.average[k].lerp_(v, 1 - keep)
        self.loss = loss.item() if self.loss is None else 0.98 * self.loss + 0.02 * loss.item()
        if time.time() - self.last_save > 120:
            self.save()

    def report(self, text, every=15):
        if time.time() - self.last_print > every:
            self.last_print = time.time()
            print(f"step {self.step} loss {self.loss:.3f} {text}, {self.left() / 60:.1f} minutes left", flush=True)


class Averager:
    """Several processes train apart and average their weights at the same times, so that a slow core holds up none."""

    def __init__(self, worker, workers, learner):
        self.learner, self.several, self.steps = learner, workers > 1, 0
        begin = torch.tensor([time.time()], dtype=torch.float64)
        if self.several:
            torch.distributed.init_process_group("gloo", init_method="tcp://127.0.0.1:29511", rank=worker, world_size=workers)
            torch.distributed.broadcast(begin, 0)
        self.next = begin.item() + SYNC

    @torch.no_grad()
    def step(self):
        """To be called after each step: averages when it is time, each worker counting by its steps since the last time."""
        self.steps += 1
        if not self.several or time.time() < self.next or self.learner.deadline - self.next <= SYNC:
            return
        w = self.learner.w
        flat = torch.cat([v.reshape(-1) for v in w.values()] + [torch.ones(1)]) * self.steps
        torch.distributed.all_reduce(flat)
        flat /= flat[-1].item()
        at = 0
        for v in w.values():
            v.copy_(flat[at:at + v.numel()].view(v.shape))
            at += v.numel()
        self.next, self.steps = self.next + SYNC, 0
