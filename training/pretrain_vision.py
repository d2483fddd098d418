"""Teaches the picture encoder alone to say what covers each patch: name and colour. Its heads are thrown away.

    OMP_NUM_THREADS=1 python3 pretrain_vision.py --out runs --minutes 30 --emoji data.json --pictures NODE_MODULES --model ../public/models/omni-tiny.gguf

A patch's feature, times a fixed basis of the language model's embedding space, must point at the embedding of the words that
name it: so that the rows mean something to the language model from the start. Resumes from OUT/vision.pt. Several workers, a
core each, train apart and average their weights four times a minute.
"""
import argparse
import os
import random

import numpy as np
import torch
import torch.nn.functional as nnf

import evaluate
import projector
import vision
from data import mix, pictures
from encoder import init
from optimizer import Averager, Learner

KEPT = 36  # patches of a picture that are looked at until the last tenth: most of the others show nothing


def basis(table, width):
    """(V,D) embeddings -> (D,width): directions in which the ordinary tokens differ most, scaled so that a normed feature gives an embedding's size."""
    t = table[:2528] - table[:2528].mean(0)
    _, _, v = torch.linalg.svd(t, full_matrices=False)
    return v[:width].T.contiguous() * (table.norm(dim=1).mean() / width ** 0.5)


def named(model, words):
    """Mean embedding of the tokens of ' word', centred -> (words, D), each of length 1."""
    table = model.w["token_embd.weight"]
    rows = torch.stack([table[model.tokenizer.encode(" " + w)].mean(0) for w in words]) - table[:2528].mean(0)
    return nnf.normalize(rows, dim=1)


def scene(rng):
    r = rng.random()
    if r < 0.42:
        return pictures.place(rng, pictures.Scene([pictures.draw_thing(rng)]))
    if r < 0.52 and pictures.SPRITES.digits:
        return pictures.place(rng, pictures.Scene([pictures.draw_thing(rng, "digit") for _ in range(rng.randrange(2, 4))], "row"))
    side = 2 if rng.random() < 0.6 else 3
    return pictures.scatter(rng, [pictures.draw_thing(rng) for _ in range(rng.randrange(1, 5 if side == 2 else 7))], side)


def example(rng, names, colours):
    """-> picture, name and colour of each patch (64,); -1: not asked; name 0: nothing there."""
    s, covers = scene(rng), []
    picture = pictures.render(rng, s, covers=covers)
    c = np.stack([k * (2 if t.kind == "digit" else 1) for k, t in zip(covers, s.things)]).reshape(len(covers), -1)  # a digit is thin lines
    best, most = c.argmax(0), c.max(0)
    name = np.where(most > 0.25, np.array([names[t.name] for t in s.things])[best], np.where(most > 0.04, -1, 0))
    colour = np.where(most > 0.25, np.array([colours.get(t.colour, -1) for t in s.things])[best], -1)
    return picture, name, colour


def visible(name, count):
    """Names (B,N) of patches -> which `count` of each picture to look at: those that show something first, in any order."""
    return ((name != 0) + torch.rand(name.shape)).topk(count, dim=1).indices


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=30)
    a.add_argument("--emoji", required=True)
    a.add_argument("--pictures", required=True)
    a.add_argument("--model", required=True, help="the text model: whose embeddings to aim at")
    a.add_argument("--batch", type=int, default=96)
    a.add_argument("--deadline", type=float, default=0)
    a.add_argument("--start", help="take the encoder's weights from this projector file")
    a.add_argument("--worker", type=int, default=0)
    a.add_argument("--workers", type=int, default=1)
    args = a.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    print(*mix.load_sources(None, args.emoji), pictures.SPRITES.load(args.pictures), sep=", ")
    model = evaluate.Model(args.model)
    c = vision.Vision()
    sprites = pictures.SPRITES
    words = ["nothing"] + sorted({e[1] for k in ("trained", "restyled") for e in sprites.entries[k]}) + pictures.SHAPES + [str(d) for d in range(10)]
    names, colours = {w: i for i, w in enumerate(words)}, {w: i for i, w in enumerate(pictures.COLOURS)}
    aim, aim_colour, to_text = named(model, words), named(model, list(colours)), basis(model.w["token_embd.weight"], c.D)
    w = init(vision.shapes(c), c.L, torch.Generator().manual_seed(3))
    # Names share tokens ("face"): a head of its own beside the aimed one keeps them apart.
    w |= {"head.weight": torch.randn(len(words), c.D) * 0.05, "head.scale": torch.tensor([12.0])}
    if args.start:
        w.update({k: v for k, v in projector.load(args.start).w.items() if k in w})
    path = os.path.join(args.out, "vision.pt" if args.worker == 0 else f"vision{args.worker}.pt")
    learner = Learner(w, args.minutes, path, lr=0.012, deadline=args.deadline)
    averager = Averager(args.worker, args.workers, learner)
    rng = random.Random(5 + args.worker + 1000 * learner.step)
    right, seen = 0.0, 1e-9
    while learner.left() > 0:
        batch = [example(rng, names, colours) for _ in range(args.batch)]
        x = vision.pixels(c, np.stack([b[0] for b in batch]))
        name, colour = (torch.from_numpy(np.stack([b[i] for b in batch])) for i in (1, 2))
        kept = visible(name, KEPT if learner.done() < 0.9 else c.N)
        f = vision.encode(w, c, x, kept).reshape(-1, c.D)
        name, colour = (n.gather(1, kept).reshape(-1) for n in (name, colour))
        # Of empty patches one in four counts: they are most of a picture and easy.
        keep = (name > 0) | ((name == 0) & (torch.rand(len(name)) < 0.25))
        f, name, colour = f[keep], name[keep], colour[keep]
        said = nnf.normalize(f @ to_text.T, dim=1) * w["head.scale"]
        scores = f @ w["head.weight"].T
        has = colour >= 0
        loss = nnf.cross_entropy(scores, name) + 0.5 * nnf.cross_entropy(said @ aim.T, name) + (0.5 * nnf.cross_entropy(said[has] @ aim_colour.T, colour[has]) if has.any() else 0)
        learner.update(loss)
        averager.step()
        with torch.no_grad():
            hit = (scores.argmax(1) == name)[name > 0].float()
            right, seen = 0.98 * right + hit.sum().item(), 0.98 * seen + len(hit)
        learner.report(f"patches right {right / seen:.3f}, {learner.step * args.batch} pictures")
    learner.save()


if __name__ == "__main__":
    main()
