"""Held-out pictures, films and speech: writes the fixed set that is committed, and measures exported files on it.

    python3 evaluate_media.py --write eval --emoji data.json --pictures NODE_MODULES --clips runs/clips --digits recordings.tar     once; needs opusenc
    OMP_NUM_THREADS=1 python3 evaluate_media.py --set eval ../public/models [--nearest ... the same sources]                        needs opusdec

The set is three files. items.json: [{skill, turns, answer, expect}], where a turn's part names tiles of pictures.png (64 x 64, by
rows, 16 a row) or a span [first sample, samples] of speech.opus at 16 kHz. Everything in it is held out from training: drawing
styles, emoji, pairs of shape and colour, handwritten digits, sentences, a synthesis voice (skills ending in -voice), a person.
"""
import argparse
import collections
import json
import os
import random
import re
import subprocess

import numpy as np
import torch
from PIL import Image

import audio
import evaluate
import omni
from data import listening, mix, pictures, seeing, speech, video
from data.voices import Clips

TILE, ACROSS = 64, 16
WANTED = {"seeing/name-emoji": 44, "seeing/name-shape": 18, "seeing/name-digit": 24, "seeing/colour": 12, "seeing/shape": 12, "seeing/kind": 27, "seeing/yes-no": 24, "seeing/which": 16, "seeing/which-unseen": 24, "seeing/where": 24,
          "seeing/at-place": 20, "seeing/count": 24, "seeing/number": 12, "seeing/which-colour": 8, "seeing/which-shape": 8, "seeing/is-there": 16,
          "video/way": 12, "video/what-moves": 8, "video/happens": 8, "video/appears": 8, "video/disappears": 8, "video/order": 8, "video/first-last": 8, "video/recolour": 8, "video/resize": 8,
          "listening/sum": 16, "listening/command": 20, "listening/transcribe": 20, "listening/digit-person": 30, "listening/digits-person": 12, "listening/about-picture": 12,
          "listening/sum-voice": 16, "listening/command-voice": 20, "listening/transcribe-voice": 20}
FAMILY = {"seeing": lambda rng, source, held: seeing.sample(rng, held), "video": lambda rng, source, held: video.sample(rng, held),
          "listening": lambda rng, source, held: listening.sample(rng, source, "trained" if not held else "voice" if rng.random() < 0.5 else "held")}


def choose(source, seed=41):
    """The set: different keys, and at first different answers, so that each emoji comes once as far as they go."""
    got, keys = collections.defaultdict(list), set()
    calm = pictures.develop
    pictures.develop = lambda rng, noise, picture: (np.asarray(picture) & 0xF0) | 8  # no grain and fewer shades: small files
    for family, sample in FAMILY.items():
        rng, names = random.Random(seed), [k for k in WANTED if k.startswith(family)]
        for tries in range(30000):
            if all(len(got[k]) >= WANTED[k] for k in names):
                break
            i = sample(rng, source, True)
            full = i.expect is None or len(got[i.skill]) >= WANTED.get(i.skill, 0)
            if full or (i.skill, i.key) in keys or tries < 2500 and i.expect in [x.expect for x in got[i.skill]] and len({x.expect for x in got[i.skill]}) < 8 + 40 * i.skill.endswith("emoji"):
                continue
            keys.add((i.skill, i.key))
            got[i.skill].append(i)
    pictures.develop = calm
    return [i for k in WANTED for i in got[k]]


def write(folder, items):
    os.makedirs(folder, exist_ok=True)
    tiles, sound, at, out = [], [], 0, []
    for i in items:
        turns = []
        for role, parts in i.turns[:-1]:
            told = []
            for p in parts:
                if p["type"] in ("image", "video"):
                    frames = [p["pixels"]] if p["type"] == "image" else p["frames"]
                    told.append({"type": p["type"], "tiles": list(range(len(tiles), len(tiles) + len(frames)))})
                    tiles += frames
                elif p["type"] == "audio":
                    n = len(p["samples"])
                    told.append({"type": "audio", "span": [at, n]})
                    gap = -n % 1600 + 1600
                    sound.append(np.concatenate([p["samples"], np.zeros(gap, np.float32)]))
                    at += n + gap
                else:
                    told.append(p)
            turns.append([role, told])
        out.append({"skill": i.skill, "turns": turns, "answer": i.turns[-1][1][0]["text"], "expect": i.expect})
    sheet = np.zeros((-(-len(tiles) // ACROSS) * TILE, ACROSS * TILE, 3), np.uint8)
    for n, t in enumerate(tiles):
        sheet[n // ACROSS * TILE:][:TILE, n % ACROSS * TILE:][:, :TILE] = t
    Image.fromarray(sheet).save(os.path.join(folder, "pictures.png"), optimize=True)
    raw = (np.concatenate(sound) * 32767).astype("<i2").tobytes()
    subprocess.run(["opusenc", "--quiet", "--raw", "--raw-rate", "16000", "--raw-chan", "1", "--bitrate", "11", "--speech", "-", os.path.join(folder, "speech.opus")], input=raw, check=True)
    with open(os.path.join(folder, "items.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(x, ensure_ascii=False) for x in out) + "\n]\n")
    print(f"{len(out)} items, {len(tiles)} tiles, {at / 16000:.0f} s; " + ", ".join(f"{n} {os.path.getsize(os.path.join(folder, n)) >> 10} KB" for n in ("pictures.png", "speech.opus", "items.json")))


def load(folder):
    """-> items as the generators give them."""
    from data.common import Item
    sheet = np.asarray(Image.open(os.path.join(folder, "pictures.png")).convert("RGB"))
    tile = lambda n: sheet[n // ACROSS * TILE:][:TILE, n % ACROSS * TILE:][:, :TILE]
    raw = subprocess.run(["opusdec", "--quiet", "--rate", "16000", os.path.join(folder, "speech.opus"), "-"], stdout=subprocess.PIPE, check=True).stdout
    sound = np.frombuffer(raw, "<i2").astype(np.float32) / 32768  # without a file name, opusdec writes bare samples
    out = []
    for x in json.load(open(os.path.join(folder, "items.json"), encoding="utf-8")):
        turns = []
        for role, parts in x["turns"]:
            made = []
            for p in parts:
                if p["type"] == "image":
                    p = {"type": "image", "pixels": tile(p["tiles"][0])}
                elif p["type"] == "video":
                    p = {"type": "video", "frames": [tile(n) for n in p["tiles"]]}
                elif p["type"] == "audio":
                    p = {"type": "audio", "samples": sound[p["span"][0]:sum(p["span"])]}
                made.append(p)
            turns.append((role, made))
        turns.append(("assistant", [{"type": "text", "text": x["answer"]}]))
        out.append(Item(x["skill"], "", turns, x["expect"], True))
    return out


def right(i, reply):
    """Where the reference answer has the expected words in bold, the reply must have them so (a place with what is there); else as evaluate.right."""
    want = i.expect.lower()
    if i.skill == "seeing/where":  # 'a red star at the left'
        return re.search(rf"\*\*([^*]*(at|in) the )?{want}\*\*", reply.lower()) is not None
    if f"**{want}**" in i.turns[-1][1][0]["text"].lower() and i.expect not in ("Yes", "No"):
        return f"**{want}**" in reply.lower()
    return evaluate.right(i, reply)


def word_errors(want, got):
    """-> edits between the words, words wanted."""
    a, b = (re.sub(r"[^a-z' ]", " ", s.lower()).split() for s in (want, got))
    row = list(range(len(b) + 1))
    for x in a:
        last, row[0] = row[0], row[0] + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(last + (x != y), row[j] + 1, row[j + 1] + 1)
    return row[-1], len(a)


def look(i):
    """What the nearest neighbour compares: raw pixels (a film as four frames), or a mel spectrogram in 48 frames."""
    out = []
    for p in i.turns[0][1]:
        if p["type"] == "image":
            out.append(p["pixels"][::2, ::2].astype(np.float32).ravel() / 255)
        elif p["type"] == "video":
            f = p["frames"]
            out += [f[k * len(f) // 4][::2, ::2].astype(np.float32).ravel() / 255 for k in range(4)]
        elif p["type"] == "audio":
            mel = audio.log_mel(p["samples"][None])[0]
            loud = mel.mean(1) > mel.mean(1).min() + 0.3 * np.ptp(mel.mean(1))
            first, last = loud.argmax(), len(loud) - loud[::-1].argmax()
            mel = mel[first:max(last, first + 8)]
            at = np.linspace(0, len(mel) - 1, 48)
            out.append(np.stack([np.interp(at, np.arange(len(mel)), mel[:, b]) for b in range(0, 80, 2)]).astype(np.float32).ravel())
    return np.concatenate(out)


def gather(source, count, seed, tries=9000):
    """skill -> up to `count` items of things that are trained, newly made."""
    rng, got = random.Random(seed), collections.defaultdict(list)
    for family, sample in FAMILY.items():
        names = {re.sub("-voice$|-unseen$", "", k) for k in WANTED if k.startswith(family)}
        for _ in range(tries):
            if all(len(got[k]) >= count for k in names):
                break
            i = sample(rng, source, False)
            if i.skill in names and i.expect is not None and len(got[i.skill]) < count:
                got[i.skill].append(i)
    return got


def nearest(items, source, count, seed=5):
    """skill -> share right of the answer of the nearest of `count` trained items of the same skill."""
    score, trained = {}, gather(source, count, seed)
    for skill in dict.fromkeys(i.skill for i in items):
        known = trained[re.sub("-voice$|-unseen$", "", skill)]
        features = np.stack([look(k) for k in known])
        asked = [i for i in items if i.skill == skill]
        hits = [right(i, known[int(((features - look(i)) ** 2).sum(1).argmin())].turns[-1][1][0]["text"]) for i in asked]
        score[skill] = sum(hits) / len(hits)
    return score


def main():
    a = argparse.ArgumentParser()
    a.add_argument("models", nargs="?", help="folder of omni-tiny.gguf and omni-tiny-mmproj.gguf")
    a.add_argument("--set", default="eval")
    a.add_argument("--write")
    a.add_argument("--nearest", type=int, default=0, help="trained items of each skill to compare with")
    a.add_argument("--fresh", type=int, default=0, help="instead of the set: this many new items of each kind, of things that are trained")
    a.add_argument("--mistakes", type=int, default=0)
    a.add_argument("--json")
    for name in ("text", "emoji", "pictures", "clips", "digits"):
        a.add_argument("--" + name)
    args = a.parse_args()
    torch.set_num_threads(1)
    source = None
    if args.clips:
        mix.load_sources(args.text, args.emoji)
        pictures.SPRITES.load(args.pictures)
        source = listening.Source(Clips(args.clips), speech.SpokenDigits(args.digits))
    if args.write:
        return write(args.write, choose(source))
    items = [i for v in gather(source, args.fresh, 77).values() for i in v] if args.fresh else load(args.set)
    model = omni.Omni(os.path.join(args.models, "omni-tiny.gguf"), os.path.join(args.models, "omni-tiny-mmproj.gguf"))
    replies = model.answer([i.turns[:-1] for i in items])
    by, chance, errors, wrong = collections.defaultdict(list), collections.defaultdict(list), collections.Counter(), []
    answers = collections.defaultdict(list)
    for i in items:
        answers[i.skill].append(i.turns[-1][1][0]["text"])
    for i, reply in zip(items, replies):
        by[i.skill].append(right(i, reply))
        chance[i.skill].append(sum(right(i, r) for r in answers[i.skill]) / len(answers[i.skill]))
        if "transcribe" in i.skill:
            errors.update(dict(zip((i.skill + " errors", i.skill + " words"), word_errors(i.expect, reply.replace("You said:", "")))))
        if not by[i.skill][-1]:
            wrong.append((i.skill, [p.get("text") for p in i.turns[0][1] if p["type"] == "text"], reply, i.expect))
    near = nearest(items, source, args.nearest) if args.nearest else {}
    print("| Kind | Right | Share | Chance | Nearest neighbour |\n| --- | --- | --- | --- | --- |")
    for k, v in by.items():
        print(f"| {k} | {sum(v)} of {len(v)} | {100 * sum(v) / len(v):.0f} % | {100 * sum(chance[k]) / len(v):.0f} % | {f'{100 * near[k]:.0f} %' if k in near else ''} |")
    print(f"all: {sum(map(sum, by.values()))} of {len(items)}")
    for k in errors:
        if k.endswith(" words"):
            print(f"word error rate, {k[:-6]}: {100 * errors[k[:-6] + ' errors'] / errors[k]:.0f} %")
    for x in random.Random(1).sample(wrong, min(args.mistakes, len(wrong))):
        print(*x, sep=" | ")
    if args.json:
        json.dump([{"skill": i.skill, "reply": r, "right": bool(right(i, r))} for i, r in zip(items, replies)], open(args.json, "w"), indent=0, ensure_ascii=False)


if __name__ == "__main__":
    main()
