"""Puts skills together: chooses a skill by weight, varies wording, adds system prompts and several turns."""
import os
import random

from . import arithmetic, chatter, emoji, facts, identity, instructions, memory, quantities, smalltalk, spelling, stories, unknown, words
from .common import casual, held_out, pick, text

SKILLS = [arithmetic, quantities, words, spelling, facts, emoji, stories, identity, smalltalk, memory, instructions, unknown, chatter]
# Skills whose items are a small closed set of phrases: all of them are trained, none is measured.
CLOSED = ("identity", "smalltalk", "chatter", "facts/science", "stories/aesop", "stories/moral", "stories/any", "quantities/calendar", "spelling/alphabet")

SYSTEM = ["You are OmniTab, a helpful assistant.", "You are a helpful assistant.", "You are OmniTab, a small assistant that runs in the browser.", "You are a friendly assistant.", "Be brief.", "Answer briefly.",
          "You are OmniTab.", "You are a helpful, honest assistant. If you do not know, say so.", "You are an AI assistant running in the user's browser tab.", "Be kind and helpful.", "Keep your answers short and simple.", "You are a helpful AI assistant. Answer the user's questions.", "Help the user."]


def load_sources(folder=None, emoji_file=None):
    """Reads what is there; without it the recipe runs on its own tables. Returns what was found, for the log."""
    found = []
    if folder and os.path.exists(os.path.join(folder, "aesop-for-children.json")):
        stories.load(os.path.join(folder, "aesop-for-children.json"))
        found.append(f"aesop {len(stories.AESOP)}")
    if folder and os.path.isdir(os.path.join(folder, "chatterbot")):
        chatter.load(os.path.join(folder, "chatterbot"))
        found.append(f"chatterbot {len(chatter.PAIRS)}")
    if emoji_file and os.path.exists(emoji_file):
        emoji.TABLE.load(emoji_file)
        found.append(f"emoji {len(emoji.TABLE.entries)} keywords {len(emoji.TABLE.keywords)}")
    return found


def skills():
    return [s for s in SKILLS if s is not chatter or chatter.PAIRS]


def one(rng, evaluation=False, skill=None):
    """One Item from the wanted side of the held-out split."""
    chosen = skill or rng.choices(skills(), [s.WEIGHT for s in skills()])[0]
    while True:
        i = chosen.sample(rng)
        closed = i.skill.startswith(CLOSED)
        if evaluation == (not closed and held_out(i)):
            break
        if evaluation and closed and chosen in (identity, smalltalk, chatter):
            break
    if not i.plain:
        first = i.turns[0][1][0]
        i.turns[0] = ("user", [text(casual(rng, first["text"]))])
    return i


def conversation(rng):
    """-> [(role, parts), ...]: mostly one question; at times several, at times a system prompt before."""
    turns = list(one(rng).turns)
    r = rng.random()
    more = 0 if r < 0.72 else 1 if r < 0.88 else 2 if r < 0.95 else 3 if r < 0.99 else rng.randrange(4, 12)
    for _ in range(more):
        turns += one(rng).turns
    if rng.random() < 0.3:
        turns.insert(0, ("system", [text(pick(rng, SYSTEM))]))
    return turns


def document(rng):
    """Plain text without chat marks, so that /v1/completions has something to go on."""
    if stories.AESOP and rng.random() < 0.6:
        title, fable, lesson = pick(rng, stories.AESOP)
        return f"{title}\n\n{fable}\n\n{lesson}"
    title, body, moral = stories.tale(rng)
    return f"{title}\n\n{body}\n\n{moral}"
