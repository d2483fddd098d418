"""Trains text model, encoders and fusion block together on seeing, listening and text. One or several processes, one core each.

    OMP_NUM_THREADS=1 python3 train_omni.py --out runs --minutes 50 --model ../public/models/omni-tiny.gguf --text DIR --emoji data.json \\
        --pictures NODE_MODULES --clips runs/clips --digits recordings.tar [--worker 0 --workers 2]

Starts from OUT/vision.pt, OUT/audio.pt and the text model; resumes from OUT/omni.pt. Workers train apart and average their weights
four times a minute, so that a slow core holds up none.
"""
import argparse
import os
import random

import numpy as np
import torch
import torch.nn.functional as nnf

import evaluate
import fusion
import lookup
import omni
import projector
import vision
from data import listening, mix, pictures, recall, seeing, speech, video
from data.common import pick, text
from data.voices import Clips
from model import forward, logits
from optimizer import Averager, Learner
from pretrain_vision import basis
from train import IGNORE

LENGTHS = (96, 192, 384)  # as in train.py: a row holds whole conversations
TOKENS = 1152  # positions in a step
SHARES = {"seeing": 0.44, "video": 0.16, "listening": 0.14, "text": 0.16, "recall": 0.1}


class Packer:
    def __init__(self, layout, rng, source, fixed={}):
        """fixed: shares that differ from SHARES; the others keep their proportions."""
        self.layout, self.rng, self.source = layout, rng, source
        rest = (1 - sum(fixed.values())) / sum(v for k, v in SHARES.items() if k not in fixed)
        self.shares = {k: fixed.get(k, v * rest) for k, v in SHARES.items()}
        self.rows = {n: [] for n in LENGTHS}
        self.open = {n: [] for n in LENGTHS}

    def conversation(self):
        rng = self.rng
        kind = rng.choices(list(self.shares), list(self.shares.values()))[0]
        if kind == "text":
            return mix.conversation(rng)
        if kind == "recall":
            return recall.sample(rng).turns
        i = seeing.sample(rng) if kind == "seeing" else video.sample(rng) if kind == "video" else listening.sample(rng, self.source)
        turns = list(i.turns)
        # A second question costs few positions: the rows are there already.
        if kind == "seeing":
            scene = next(p["scene"] for p in turns[0][1] if p["type"] == "image")
            turns = (rng.random() < 0.3 and seeing.in_words(rng, i)) or turns
            while rng.random() < 0.6:
                q, answer = seeing.follow(rng, scene)
                turns += [("user", [text(q)]), ("assistant", [text(answer)])]
        elif i.skill in ("listening/command", "listening/sum") and rng.random() < 0.5:
            turns += [("user", [text(pick(rng, listening.QUOTE))]), ("assistant", [text(f"You said: {i.key}")])]
        if rng.random() < 0.06:
            turns = list(mix.one(rng).turns) + turns
        if rng.random() < 0.15:
            turns.insert(0, ("system", [text(pick(rng, mix.SYSTEM))]))
        return turns

    def add(self):
        ids, own, media = self.layout.chat(self.conversation())
        example = (ids[:-1], [i if o else IGNORE for i, o in zip(ids[1:], own[1:])], media)
        n = next((n for n in LENGTHS if len(example[0]) <= n), None)
        if n is None:
            if media:
                return
            n = LENGTHS[-1]
            example = (example[0][:n], example[1][:n], media)
        for row in self.open[n]:
            if row[0] + len(example[0]) <= n:
                row[0] += len(example[0])
                row[1].append(example)
                if n - row[0] < 16:
                    self.open[n].remove(row)
                    self.rows[n].append(row)
                return
        self.open[n].append([len(example[0]), [example]])
        if len(self.open[n]) > 10:
            self.rows[n].append(self.open[n].pop(0))

    def batch(self):
        """-> ids (B,T) with ROW, targets (B,T), mask (B,T,T), media."""
        while True:
            for n in reversed(LENGTHS):
                B = TOKENS // n
                if len(self.rows[n]) >= B:
                    rows, self.rows[n] = self.rows[n][:B], self.rows[n][B:]
                    return self.tensors(rows, n)
            self.add()

    def tensors(self, rows, T):
        ids, targets = torch.zeros(len(rows), T, dtype=torch.long), torch.full((len(rows), T), IGNORE)
        document, media = torch.full((len(rows), T), -1), []
        for r, (_, examples) in enumerate(rows):
            at = 0
            for d, (i, t, m) in enumerate(examples):
                ids[r, at:at + len(i)] = torch.tensor(i)
                targets[r, at:at + len(i)] = torch.tensor(t)
                document[r, at:at + len(i)] = d
                media += m
                at += len(i)
        sees = (document[:, :, None] == document[:, None, :]) & torch.ones(T, T, dtype=torch.bool).tril()
        return ids, targets, torch.zeros(len(rows), T, T).masked_fill_(~sees, -1e9), media


def start_weights(model, out, file=None):
    """The text model's weights and a projector, new or from a file, whose encoders come from their pretraining, if it is there."""
    table = model.w["token_embd.weight"]
    p = projector.load(file) if file else projector.Projector(basis=basis(table, projector.vision.Vision().D), centre=table[:2528].mean(0))
    for name in ("vision.pt", "audio.pt"):
        path = os.path.join(out, name)
        if os.path.exists(path):
            p.w.update({k: v.clone() for k, v in torch.load(path)["average"].items() if k in p.w})
    return p, {k: v.clone() for k, v in model.w.items()}


def sharpen(p, rng):
    """See fusion.focus. -> the share of its own patches in what a query takes in."""
    shown = [next(x["pixels"] for x in seeing.sample(rng).turns[0][1] if x["type"] == "image") for _ in range(256)]
    with torch.no_grad():
        features = vision.encode(p.w, p.v, vision.pixels(p.v, np.stack(shown)))
    return fusion.focus(p.w, p.f, features)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=50)
    a.add_argument("--deadline", type=float, default=0)
    a.add_argument("--start", help="take the text model's weights from this checkpoint")
    a.add_argument("--projector", help="start from this file: fusion block, and encoders that have no pretraining here")
    for name in ("model", "text", "emoji", "pictures", "clips", "digits"):
        a.add_argument("--" + name)
    a.add_argument("--lr", type=float, default=0.006)
    a.add_argument("--shares", default="", help="of all conversations, as text=0.4,recall=0.2; the others keep their proportions")
    a.add_argument("--text-rate", type=float, default=2.0, help="the text model's rate beside the others'")
    a.add_argument("--worker", type=int, default=0)
    a.add_argument("--workers", type=int, default=1)
    args = a.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(8)
    print(*mix.load_sources(args.text, args.emoji), pictures.SPRITES.load(args.pictures), sep=", ")
    model = evaluate.Model(args.model)
    c = model.c
    p, w = start_weights(model, args.out, args.projector)
    path = os.path.join(args.out, "omni.pt" if args.worker == 0 else f"omni{args.worker}.pt")
    if args.start:
        w.update({k: v for k, v in torch.load(args.start)["weights"].items() if k in w})
    if not os.path.exists(path):  # else the checkpoint has both
        print(f"own patches: {sharpen(p, random.Random(7)):.2f} of what a query takes in")
        if not args.projector:  # whoever goes on from files has learned it, and it costs text skills
            lookup.learn(w, c)
    # The encoders stay as pretrained, and what leads from them to the text model changes slowly: at the text model's own rate
    # the rows lose their meaning in some hundred steps, and it learns to look away from them.
    fixed = {k: v for k, v in p.w.items() if k.startswith(("v.", "a."))}
    w |= {k: v for k, v in p.w.items() if k not in fixed}
    groups = ((lambda n: n.startswith("mm."), 0.08), (lambda n: n.startswith("f."), 0.2), (lambda n: n.startswith("token_embd"), 0.1), (lambda n: True, args.text_rate))
    learner = Learner(w, args.minutes, path, lr=args.lr, muon=lambda n, x: False, adam_lr=0.2, groups=groups, extra={"config": vars(c), "fixed": fixed}, deadline=args.deadline)
    p.w = learner.w | fixed
    rng = random.Random(90 + args.worker + 1000 * learner.step)
    packer = Packer(omni.Layout(model.tokenizer, p), rng, listening.Source(Clips(args.clips), speech.SpokenDigits(args.digits)), {k: float(v) for k, v in (x.split("=") for x in args.shares.split(",") if x)})
    averager = Averager(args.worker, args.workers, learner)
    while learner.left() > 0:
        ids, targets, mask, media = packer.batch()
        wanted = (targets != IGNORE).reshape(-1).nonzero()[:, 0]
        places = (ids.view(-1) == omni.ROW).nonzero()[:, 0]
        rows = (places, omni.media_rows(p, media)) if media else None
        hidden = forward(w, c, ids.clamp(min=0), mask, rows=rows).reshape(-1, c.D)[wanted]
        learner.update(nnf.cross_entropy(logits(w, hidden), targets.view(-1)[wanted]))
        averager.step()
        learner.report(f"worker {args.worker}, {learner.step * TOKENS / 1e6:.2f} M positions")
    learner.save()


if __name__ == "__main__":
    main()
