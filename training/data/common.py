"""What every skill shares: the Item, the held-out split, and small helpers for varied wording.

A skill module has NAME, WEIGHT (its share of training conversations) and sample(rng) -> Item.
A turn's content is a list of typed parts ({"type": "text", ...}), so that images, audio, speech and
drawings can join later as further part types without changing a skill's interface.
"""
from dataclasses import dataclass
import zlib


def text(value):
    return {"type": "text", "text": value}


@dataclass
class Item:
    skill: str  # "arithmetic/add": module, then what is measured
    key: str  # what is held out: operands, or a fact with its paraphrase
    turns: list  # [(role, [part, ...]), ...]; ends with the assistant
    expect: str | None = None  # what a right reply must hold; None: not measured
    plain: bool = False  # the wording matters: do not vary the user's text


def item(skill, key, question, answer, expect=None, plain=False):
    return Item(skill, key, [("user", [text(question)]), ("assistant", [text(answer)])], expect, plain)


def dialogue(skill, key, *lines, expect=None):
    """User and assistant lines in turn."""
    turns = [(("user", "assistant")[i % 2], [text(line)]) for i, line in enumerate(lines)]
    return Item(skill, key, turns, expect, True)


def held_out(i):
    """One item in sixteen is for evaluation only; fixed by its key, so no run can leak. "sum/" keys hold across skills."""
    key = i.key if i.key.startswith("sum/") else f"{i.skill}/{i.key}"
    return zlib.crc32(("omni-tiny/" + key).encode()) % 16 == 0


def pick(rng, options):
    return options[int(rng.random() * len(options))]


def a(noun):
    return ("an " if noun[0].lower() in "aeiou" and not noun.startswith(("uni", "use", "one")) else "a ") + noun


def cap(s):
    return s[:1].upper() + s[1:]


def join(words, last="and"):
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" {last} " + words[-1]


def table(rows):
    """'a|b|c; d|e|f' -> [['a','b','c'], ...]."""
    return [[cell.strip() for cell in row.split("|")] for row in rows.replace("\n", " ").split(";") if row.strip()]


OPENERS = ["Hey, ", "OmniTab, ", "Hi! ", "Hello. ", "Ok, "]
ASKING = ["Can you tell me: ", "I have a question: ", "Quick question: ", "Tell me: "]


def casual(rng, s):
    """The small differences between people: capitals, a missing question mark, a friendly opening."""
    r = rng.random()
    if r < 0.08 and s[0].isalpha():
        opener = pick(rng, OPENERS + ASKING if "?" in s else OPENERS)
        s = opener + (s if opener[-2] in "!." or s.startswith(("I ", "I'")) else s[0].lower() + s[1:])
    elif r < 0.12 and len(s) < 80:
        s = s.rstrip("?.! ") + pick(rng, [", please.", ", please?", " please"])
    if "\ufe0f" in s and rng.random() < 0.5:
        s = s.replace("\ufe0f", "")  # keyboards differ in sending the emoji-style mark
    if rng.random() < 0.25:
        s = s[0].lower() + s[1:]
    if rng.random() < 0.05:
        s = s.lower()
    if rng.random() < 0.22:
        s = s.rstrip("?.! ") or s
    return s
