"""What is said to the model: spoken questions of the text skills, sentences to write down, spoken digits; and how rooms and microphones change a voice."""
import os
import random
import re
import tarfile
import wave
import zlib

import numpy as np
from scipy import fft

from . import arithmetic, facts, identity, quantities, smalltalk, words
from .common import Item, join, pick, text
from .quantities import in_words

RATE = 16000
PICTURE_QUESTIONS = ["What is this?", "What do you see?", "What does this picture show?", "Which emoji is this?", "What colour is it?", "What shape is this?", "How many things are there?", "Which digit is this?", "Which number is this?",
                     "What happens here?", "What moves?", "What appeared?", "Which way does it move?", "Tell me what you see.", "Describe this picture."]
SPEECH_FORMS = {"+": ["{a} plus {b}", "what is {a} plus {b}?", "how much is {a} plus {b}?", "what's {a} plus {b}?"], "-": ["{a} minus {b}", "what is {a} minus {b}?", "how much is {a} minus {b}?"],
                "×": ["{a} times {b}", "what is {a} times {b}?", "how much is {a} times {b}?"]}
PEOPLE = ("george", "jackson", "lucas", "theo")  # of the spoken digits; the first by hash is held out
HELD_OUT_PERSON = min(PEOPLE, key=lambda p: zlib.crc32(f"omni-tiny/speaker/{p}".encode()))
COLOURS = "red blue green yellow black white".split()
NOUNS = "ball cat dog book cup house tree bird car fish hat box".split()
STATES = "big small old new good cold warm clean lost empty".split()
PLACES = "on the table;in the garden;under the bed;in the box;near the river;at school;in the kitchen;behind the door".split(";")
ACTIONS = "is;sleeps;sits;waits;stands".split(";")
PEOPLE_NAMES = "Tom Anna Ben Mia Sam Leo Max Ella".split()
LIKES = "apples bread milk music stories books cats dogs cake soup rain snow tea".split()


def held_out_text(s):
    """One sentence in sixteen is only for evaluation; a sum by its numbers, in whatever wording. Questions on pictures are few and all trained."""
    if s in PICTURE_QUESTIONS:
        return False
    m = re.search(r"([a-z-]+) (plus|minus|times) ([a-z-]+)", s.lower())
    key = f"{m[1]} {m[2]} {m[3]}" if m else s.lower()
    return zlib.crc32(("omni-tiny/spoken/" + key).encode()) % 16 == 0


def spoken_sum(rng):
    op = pick(rng, ["+", "+", "-", "×"])
    a, b = (rng.randrange(0, 21), rng.randrange(0, 13)) if op == "+" else (rng.randrange(2, 11), rng.randrange(1, 11)) if op == "×" else (rng.randrange(1, 21), rng.randrange(0, 13))
    if op == "-" and a < b:
        a, b = b, a
    r = {"+": a + b, "-": a - b, "×": a * b}[op]
    said = pick(rng, SPEECH_FORMS[op]).format(a=in_words(a), b=in_words(b))
    return said[0].upper() + said[1:], "sum", f"{a} {op} {b} = **{r}**.", str(r)


SAYABLE = re.compile(r"[A-Za-z' ,?.!-]+")
ASKED = [(facts.capital, 5), (facts.animal, 4), (facts.colour, 3), (words.opposite, 5), (words.plural, 3), (words.past, 2), (quantities.neighbour, 3), (quantities.count, 1), (quantities.half, 1), (words.definition, 2), (smalltalk.sample, 3), (identity.sample, 2)]


def spoken_skill(rng):
    """A text skill's question as people say it, with its answer in writing; None if it can't be said."""
    i = rng.choices([f for f, _ in ASKED], [n for _, n in ASKED])[0](rng)
    if len(i.turns) != 2:
        return None
    question, answer = (parts[0]["text"] for _, parts in i.turns)
    question = re.sub(r"\d+", lambda m: in_words(int(m[0])) if int(m[0]) < 101 else m[0], question).replace('"', "")
    if not SAYABLE.fullmatch(question) or len(question.split()) > 9 or len(answer) > 100 or "..." in question:
        return None
    return question[0].upper() + question[1:], i.skill, answer, i.expect


def sentence(rng):
    n, c, s, p = pick(rng, NOUNS), pick(rng, COLOURS), pick(rng, STATES), pick(rng, PLACES)
    return pick(rng, [lambda: f"The {c} {n} is {p}.", lambda: f"The {n} is {c} and {s}.", lambda: f"The {s} {n} {pick(rng, ACTIONS)} {p}.", lambda: f"{pick(rng, PEOPLE_NAMES)} has {in_words(rng.randrange(2, 11))} {n}s." if n not in ("fish", "box") else f"I see a {c} {n}.",
                      lambda: f"{pick(rng, PEOPLE_NAMES)} likes {join(rng.sample(LIKES, rng.randrange(1, 3)))}.", lambda: f"I have a {c} {n} and a {pick(rng, COLOURS)} {pick(rng, NOUNS)}.", lambda: f"I like {pick(rng, LIKES)}.",
                      lambda: f"Where is the {c} {n}?", lambda: " ".join(in_words(rng.randrange(10)) for _ in range(rng.randrange(2, 6))).capitalize() + "."])()


COMMANDS, SENTENCES = {}, []  # text -> (skill, answers, expected word); texts
ALWAYS = {"Hello", "Hi", "Good morning", "Who are you?", "What is your name?", "What can you do?", "How are you?", "Thank you", "Goodbye", "Tell me a joke", "Can you hear me?", "Can you see?", "Where do you run?"}


def bare(s):
    return [w.strip("?.,!").lower() for w in s.split()]


def sentences(count=2600, words_known=270, seed=23):
    """All texts that voices speak, the same in every run. Fills COMMANDS and SENTENCES.

    Of the questions that can be said only those are kept whose words are among the most frequent: each word is then heard often.
    """
    if SENTENCES:
        return list(COMMANDS) + SENTENCES + PICTURE_QUESTIONS
    rng, pool, use = random.Random(seed), {}, {}
    for _ in range(20000):
        got = spoken_skill(rng)
        if got and got[0].count("-") < 2:
            said, skill, answer, expect = got
            known = pool.setdefault(said, (skill, [], expect))
            if answer not in known[1]:
                known[1].append(answer)
    for said in pool:
        for w in set(bare(said)):
            use[w] = use.get(w, 0) + 1
    vocabulary = set(sorted(use, key=lambda w: (-use[w], w))[:words_known])
    kept = [t for t in pool if t in ALWAYS or set(bare(t)) <= vocabulary]
    closed = [t for t in kept if pool[t][2] is None]  # small talk
    open_ = [t for t in kept if pool[t][2] is not None]
    for said in rng.sample(open_, min(len(open_), int(count * 0.38))) + closed:
        COMMANDS[said] = pool[said]
    while len(COMMANDS) < count * 0.68:
        said, skill, answer, expect = spoken_sum(rng)
        COMMANDS[said] = (skill, [answer], expect)
    chosen = {}
    while len(chosen) < count * 0.32:
        chosen[sentence(rng)] = True
    SENTENCES.extend(s for s in chosen if s not in COMMANDS)
    return list(COMMANDS) + SENTENCES + PICTURE_QUESTIONS


class SpokenDigits:
    """Free Spoken Digit Dataset (CC BY-SA 4.0): person -> digit -> clips at 16 kHz in -1..1."""

    def __init__(self, path=None):
        self.people = {}
        if not path or not os.path.exists(path):
            return
        from scipy.signal import resample_poly
        with tarfile.open(path) as tar:
            for m in sorted(tar.getmembers(), key=lambda m: m.name):
                if m.name.endswith(".wav"):
                    digit, person, _ = os.path.basename(m.name)[:-4].split("_")
                    with wave.open(tar.extractfile(m)) as f:
                        if f.getframerate() != 8000 or f.getsampwidth() != 2 or f.getnchannels() != 1:
                            raise ValueError(f"{m.name} is not 16-bit mono at 8 kHz")
                        x = np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float32) / 32768
                    x = resample_poly(x, 2, 1).astype(np.float32)
                    loudest = np.abs(x).max() + 1e-6
                    self.people.setdefault(person, {}).setdefault(int(digit), []).append(x * min(20, 0.6 / loudest))

    def clip(self, rng, digit, held=False, person=None):
        person = HELD_OUT_PERSON if held else person or pick(rng, [p for p in self.people if p != HELD_OUT_PERSON])
        return pick(rng, self.people[person][digit]), person


def augment(rng, x, times=(), strong=1.0):
    """A voice as another room and microphone give it: speed, pitch, noise, echo, tone, loudness, silence around. times: [(word, start s, end s)] -> the same, moved."""
    noise = np.random.default_rng(rng.getrandbits(32))
    rate = rng.uniform(1 - 0.17 * strong, 1 + 0.2 * strong) if rng.random() < 0.7 else 1.0
    if rate != 1:
        x = np.interp(np.arange(int(len(x) / rate)) * rate, np.arange(len(x)), x).astype(np.float32)
    before = rng.uniform(0.0, 0.7)
    x = np.concatenate([np.zeros(int(before * RATE), np.float32), x, np.zeros(int(rng.uniform(0.1, 0.5) * RATE), np.float32)])
    times = [(w, s / rate + before, e / rate + before) for w, s, e in times]
    if rng.random() < 0.35 * strong:  # echo: a decaying tail of noise
        n = int(rng.uniform(0.05, 0.3) * RATE)
        tail = noise.normal(0, 1, n).astype(np.float32) * np.exp(-np.arange(n, dtype=np.float32) * (5 / n))
        tail *= rng.uniform(0.1, 0.5) / np.sqrt((tail ** 2).sum())
        tail[0] = 1
        size = fft.next_fast_len(len(x) + n, real=True)
        x = fft.irfft(fft.rfft(x, size) * fft.rfft(tail, size), size)[:len(x)]
    if rng.random() < 0.45 * strong:  # tone: a tilt, and at times a telephone's band
        size = fft.next_fast_len(len(x), real=True)
        f = fft.rfft(x, size)
        hz = np.linspace(0, RATE / 2, len(f))
        gain = 10 ** (rng.uniform(-9, 9) / 20 * np.log2(np.maximum(hz, 60) / 1000) / 3)
        if rng.random() < 0.4:
            gain *= 1 / (1 + (hz / rng.uniform(3200, 5000)) ** 8)
        x = fft.irfft(f * gain.astype(np.float32), size)[:len(x)]
    x = x * (0.5 / (np.abs(x).max() + 1e-6)) * 10 ** (rng.uniform(-24, 4) / 20)
    if rng.random() < 0.75:
        level = np.sqrt((x ** 2).mean()) * 10 ** (-rng.uniform(8 if strong > 0.5 else 20, 45) / 20)
        hiss = noise.normal(0, 1, len(x)).astype(np.float32)
        if rng.random() < 0.5:  # hum: low tones louder
            low = np.cumsum(hiss)
            hiss[400:] = (low[400:] - low[:-400]) / 20
        x = x + hiss * level
    return np.clip(x, -1, 1).astype(np.float32), times
