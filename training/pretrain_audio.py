"""Teaches the audio encoder alone to say which word sounds at each position, and (for flite's and espeak's clips) how far into it. Its heads are thrown away.

    OMP_NUM_THREADS=1 python3 pretrain_audio.py --out runs --minutes 30 --clips runs/clips --digits recordings.tar --model ../public/models/omni-tiny.gguf

As pretrain_vision.py does, it aims a feature times a fixed basis at the embedding of the word. Resumes from OUT/audio.pt.
"""
import argparse
import os
import random

import numpy as np
import torch
import torch.nn.functional as nnf

import audio
import evaluate
import projector
from data import speech
from data.quantities import SMALL
from data.voices import Clips
from encoder import init
from optimizer import Averager, Learner
from pretrain_vision import basis, named

WARPS = 9


def warped_filters():
    """Mel filters for longer and shorter vocal tracts: frequencies stretched by 0.88 to 1.12."""
    hz = np.arange(audio.FRAME // 2 + 1)
    out = []
    for f in np.linspace(0.88, 1.12, WARPS):
        at = np.clip(hz * f, 0, hz[-1])
        out.append(np.stack([np.interp(at, hz, row) for row in audio.FILTERS[80]]).astype(np.float32))
    return out


FILTERS = warped_filters()


class Sounds:
    """Trained clips and digits, and which words they hold."""

    def __init__(self, clips, digits, c):
        self.clips, self.digits, self.c = clips, digits, c
        self.trained = [i for i, m in enumerate(clips.meta) if not speech.held_out_text(m[0])]
        rare = {}
        for i in self.trained:
            for w in {x[0] for x in clips.meta[i][4]}:
                rare.setdefault(w, []).append(i)
        self.words = ["-"] + sorted(rare)
        self.by_word = rare

    def voice(self, rng):
        """-> samples, [(word, start, end)]: one in three clips for a word chosen evenly, so that rare words are heard."""
        if self.digits.people and rng.random() < 0.2:
            parts, times, at, person = [], [], 0.0, None
            for _ in range(rng.randrange(1, 5)):
                d = rng.randrange(10)
                x, person = self.digits.clip(rng, d, person=person)
                gap = rng.uniform(0.02, 0.3)
                times.append((SMALL[d], at, at + len(x) / speech.RATE))
                parts += [x, np.zeros(int(gap * speech.RATE), np.float32)]
                at += len(x) / speech.RATE + int(gap * speech.RATE) / speech.RATE
            return np.concatenate(parts), times
        i = rng.choice(self.by_word[rng.choice(self.words[1:])]) if rng.random() < 0.4 else rng.choice(self.trained)
        return self.clips.audio(i), self.clips.meta[i][4]

    def examples(self, rng, number, count=3):
        """Windows of one augmented clip -> [(log-mel (W,80), and for each position (W/4) the word and how far into it, in fifths), ...]."""
        x, times = speech.augment(rng, *self.voice(rng))
        size, out = self.c.window * audio.HOP, []
        filters = FILTERS[rng.randrange(WARPS)] if rng.random() < 0.6 else None
        for _ in range(min(count, 1 + len(x) // size)):
            start = rng.randrange(-size // 3, max(1, len(x) - size // 2))
            window = np.zeros(size, np.float32)
            a, b = max(0, start), min(len(x), start + size)
            window[a - start:b - start] = x[a:b]
            word, part = np.zeros(self.c.N, np.int64), np.full(self.c.N, -1)
            at = start / audio.RATE + (np.arange(self.c.N) + 0.5) * 4 * audio.HOP / audio.RATE
            for w, s, e in times:
                inside = (at >= s) & (at < e)
                # A word cut off by the window's end is only guessed; its first half is not asked.
                word[inside] = number[w] if e < at[-1] + 0.1 or at[-1] - s > 0.6 * (e - s) else -1
                part[inside] = np.minimum(4, (at[inside] - s) / max(0.04, e - s) * 5).astype(np.int64)
            out.append((audio.log_mel(window[None], filters)[0], word, part))
        return out


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=30)
    a.add_argument("--clips", required=True)
    a.add_argument("--digits")
    a.add_argument("--model", required=True)
    a.add_argument("--batch", type=int, default=96)
    a.add_argument("--deadline", type=float, default=0)
    a.add_argument("--start", help="take the encoder's weights from this projector file")
    a.add_argument("--worker", type=int, default=0)
    a.add_argument("--workers", type=int, default=1)
    args = a.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(4)
    model, c = evaluate.Model(args.model), audio.Audio()
    sounds = Sounds(Clips(args.clips), speech.SpokenDigits(args.digits), c)
    number = {w: i for i, w in enumerate(sounds.words)}
    aim, to_text = named(model, sounds.words), basis(model.w["token_embd.weight"], c.D)
    w = init(audio.shapes(c), c.L, torch.Generator().manual_seed(4))
    w |= {"head.weight": torch.randn(len(sounds.words), c.D) * 0.05, "head.part": torch.randn(5, c.D) * 0.05, "head.scale": torch.tensor([12.0])}
    if args.start:
        w.update({k: v for k, v in projector.load(args.start).w.items() if k in w})
    path = os.path.join(args.out, "audio.pt" if args.worker == 0 else f"audio{args.worker}.pt")
    learner = Learner(w, args.minutes, path, lr=0.012, groups=((lambda n: True, 1.0),), deadline=args.deadline)
    averager = Averager(args.worker, args.workers, learner)
    rng = random.Random(6 + args.worker + 1000 * learner.step)
    right, seen = 0.0, 1e-9
    print(f"{len(sounds.words)} words, {len(sounds.trained)} clips", flush=True)
    while learner.left() > 0:
        batch = []
        while len(batch) < args.batch:
            batch += sounds.examples(rng, number)
        batch = batch[:args.batch]
        x, word, part = (torch.from_numpy(np.stack([b[i] for b in batch])) for i in range(3))
        word, part = word.reshape(-1), part.reshape(-1)
        f = audio.encode(w, c, x).reshape(-1, c.D)
        keep = (word > 0) | ((word == 0) & (torch.rand(len(word)) < 0.3))
        f, word, part = f[keep], word[keep], part[keep]
        scores = f @ w["head.weight"].T
        said = nnf.normalize(f @ to_text.T, dim=1) * w["head.scale"]
        loss = nnf.cross_entropy(scores, word) + 0.5 * nnf.cross_entropy(said @ aim.T, word) + 0.3 * nnf.cross_entropy(f @ w["head.part"].T, part, ignore_index=-1)
        learner.update(loss)
        averager.step()
        with torch.no_grad():
            hit = (scores.argmax(1) == word)[word > 0].float()
            right, seen = 0.98 * right + hit.sum().item(), 0.98 * seen + len(hit)
        learner.report(f"positions right {right / seen:.3f}, {learner.step * args.batch} windows")
    learner.save()


if __name__ == "__main__":
    main()
