"""Emoji: picture to name, name to picture, keyword to picture, groups; from emojibase-data (MIT), else a short list."""
import json

from . import vocabulary
from .common import item, pick, join, cap

NAME, WEIGHT = "emoji", 0.11

GROUPS = {0: "faces and feelings", 1: "people", 3: "animals and nature", 4: "food and drink", 5: "travel and places", 6: "activities", 7: "objects", 8: "symbols"}
SKIP = ("o’clock", "Japanese", "grinning cat", " cat", "monkey with", "ogre", "goblin", "-evil", "cherry blossom", "white flower", "anger", "speech", "hole", "dashing", "dizzy", "stew", "oden", "curry", "roasted", "rice ball", "cracker", "dango", "fish cake", "pot of")
KNOWN = set(vocabulary.words())  # keywords worth showing: plain words, no slang
# Of faces, animals, plants and food every early emoji; of the rest only these, which people use most.
PICKED = set("""👋👌✌👍👎👏🙏💪👀👂👃👄👶👦👧👨👩👴👵👮👸🎅🏃💃🚶 🌍🌋🏖🏝🏠🏥🏦🏨🏫🏰⛪⛺🎡🚂🚌🚑🚒🚓🚕🚗🚚🚜🚲⛵🚢✈🚁🚀⌛⌚⏰🌙☀⭐☁⚡❄⛄🔥💧🌊🌈☔ 🎃🎄🎆🎈🎉🎁🏆🥇⚽⚾🏀🏈🎾🎳🎣🎯🎮🎲🎨🎭
👓👔👕👖👗👜🎒👞👟👑🎩💍💎🔔🎵🎤🎧📻🎷🎸🎹🎺🎻📱☎🔋💻💾💿🎥📺📷🔍🕯💡🔦📖📚📰💰✉📦✏📝📅📌📎✂🔒🔑🔨🔧🔬🔭💊💉🚪🛏🚽🚿🛁🛒 ⚠🚫✅❌❓❗♻""")
FALLBACK = [("🐶", "dog face", 3, ["dog", "puppy"]), ("🐱", "cat face", 3, ["cat"]), ("🦊", "fox", 3, ["fox"]), ("🍕", "pizza", 4, ["cheese"]), ("🍎", "red apple", 4, ["apple"]),
            ("😀", "grinning face", 0, ["smile"]), ("😢", "crying face", 0, ["sad"]), ("🚗", "automobile", 5, ["car"]), ("🎁", "wrapped gift", 6, ["present"]), ("📖", "open book", 7, ["book"])]


class Table:
    """entries: [(emoji, name, group, keywords)]; keyword: word -> index of the emoji that fits it best."""

    def __init__(self):
        self.entries = FALLBACK
        self.index()

    def load(self, path):
        out = []
        for e in json.load(open(path, encoding="utf-8")):
            group, symbol = e.get("group"), e["emoji"]
            points = [c for c in symbol if c != "\ufe0f"]
            if group not in GROUPS or len(points) != 1 or any(word in e["label"] for word in SKIP):
                continue
            if points[0] not in PICKED and (group not in (0, 3, 4) or e["version"] > 1):
                continue
            symbol = points[0] if e["type"] == 1 else points[0] + "\ufe0f"  # the style mark only where the plain form is text
            out.append((symbol, e["label"], group, [t for t in e.get("tags", []) if t.isalpha() and len(t) > 2]))
        self.entries = out
        self.index()

    def index(self):
        best = {}
        for i, (symbol, label, group, tags) in enumerate(self.entries):
            ws = label.split()
            for w in set([label] + ws + tags):
                if len(w) < 3 or w in ("with", "the", "and", "face", "person", "sign", "man", "woman", "mark", "dark", "right", "left"):
                    continue
                score = (0 if w == label else 1 if label == w + " face" else 2 if w in ws else 3, len(ws), i)
                if w not in best or score < best[w][0]:
                    best[w] = (score, i)
        # A keyword that is only a tag must belong to few emoji, or it says little.
        use = {}
        for s, label, g, tags in self.entries:
            for t in set(tags):
                use[t] = use.get(t, 0) + 1
        self.keyword = {w: i for w, (score, i) in best.items() if score[0] < 3 or (use.get(w, 0) == 1 and w in KNOWN)}
        self.keywords = sorted(self.keyword)


TABLE = Table()


def meaning(rng):
    symbol, label, group, tags = pick(rng, TABLE.entries)
    form = pick(rng, ["What does {e} mean?", "What is {e}?", "{e}?", "What does the emoji {e} mean?", "What is this emoji: {e}", "Explain {e}", "{e} meaning", "Which emoji is this? {e}", "What does {e} show?", "Describe {e}.", "Tell me about {e}", "Name this emoji: {e}", "{e}"])
    also = [t for t in tags if t in KNOWN and t not in label.split()][:2]
    answer = f"{symbol} is **{label}**."
    r = (len(label) + len(form)) % 3
    if also and r == 1:
        answer += f" Related: {join([f'*{t}*' for t in also])}."
    elif r == 2:
        answer += f" It belongs to {GROUPS[group]}."
    return item("emoji/meaning", f"{symbol}/{form}", form.format(e=symbol), answer, label)


def find(rng):
    if rng.random() < 0.6:
        symbol, label, group, tags = pick(rng, TABLE.entries)
        word = label
    else:
        word = pick(rng, TABLE.keywords)
        symbol, label, group, tags = TABLE.entries[TABLE.keyword[word]]
    form = pick(rng, ["What is the emoji for {w}?", "Emoji for {w}", "Give me an emoji for {w}.", "Which emoji means {w}?", "Show me the {w} emoji.", "{w} emoji", "Is there an emoji for {w}?", "What emoji should I use for {w}?", "Send me a {w} emoji.", "Emoji: {w}", "Which emoji shows {w}?", "I need an emoji for {w}."])
    answer = symbol if "Send" in form or "Show" in form else f"{cap(word)}: {symbol}"
    return item("emoji/find", f"{symbol}{word}/{form}", form.format(w=word), answer, symbol)


def several(rng):
    group = pick(rng, list(GROUPS)[:7])
    n = pick(rng, [2, 3, 3, 4, 5])
    members = [e for e in TABLE.entries if e[2] == group]
    chosen = rng.sample(members, min(n, len(members)))
    words = {0: "face", 1: "people", 3: pick(rng, ["animal", "nature"]), 4: "food", 5: "travel", 6: "activity", 7: "object"}
    q = pick(rng, ["Give me {n} {g} emoji.", "Show me {n} {g} emojis.", "List {n} {g} emoji."]).format(n=["zero", "one", "two", "three", "four", "five"][n] if rng.random() < .5 else n, g=words[group])
    if rng.random() < 0.4:
        return item("emoji/list", q, q, "\n".join(f"- {s} {l}" for s, l, *_ in chosen))
    return item("emoji/list", q, q, " ".join(e[0] for e in chosen))


def count(rng):
    symbol, label, *_ = pick(rng, TABLE.entries)
    n = rng.randrange(1, 10)
    if rng.random() < 0.5:
        q = pick(rng, ["How many {e} are there? {r}", "Count the emoji: {r}", "{r} How many?"]).format(e=symbol, r=symbol * n)
        return item("emoji/count", f"{symbol}{n}", q, f"There {'is' if n == 1 else 'are'} **{n}**.", str(n))
    q = pick(rng, ["Write {e} {n} times.", "Repeat {e} {n} times."]).format(e=symbol, n=n)
    return item("emoji/repeat", f"{symbol}r{n}", q, symbol * n, symbol * n)


def group_of(rng):
    symbol, label, group, tags = pick(rng, TABLE.entries)
    yes = rng.random() < 0.5
    words = {0: "a face or feeling", 1: "a person or part of the body", 3: "an animal or plant", 4: "a food or drink", 5: "a place or a way to travel", 6: "an activity", 7: "an object", 8: "a symbol"}
    kind = pick(rng, ["What kind of emoji is {e}?", "What sort of thing is {e}?", "To which group does {e} belong?"])
    return item("emoji/group", f"{symbol}/{kind}", kind.format(e=symbol), f"{symbol} is **{words[group]}**: {label}.", words[group])


def sample(rng):
    r = rng.random()
    return meaning(rng) if r < 0.42 else find(rng) if r < 0.84 else group_of(rng) if r < 0.9 else count(rng) if r < 0.95 else several(rng)
