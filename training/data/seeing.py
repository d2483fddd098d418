"""Questions on pictures: what it is, colour, shape, how many, where, which of two, yes or no, numbers by hand."""
import numpy as np
from PIL import Image

from .common import Item, a, cap, join, pick, text
from . import pictures
from .pictures import COLOURS, SHAPES, SPRITES, Scene, draw_thing, emoji_split, emoji_thing, place, scatter

NAME = "seeing"
WHERE = {2: [["top left", "top right"], ["bottom left", "bottom right"]],
         3: [["top left", "top", "top right"], ["left", "middle", "right"], ["bottom left", "bottom", "bottom right"]]}
KINDS = {0: "a face or feeling", 1: "a person or part of the body", 3: "an animal or plant", 4: "a food or drink", 5: "a place or a way to travel", 6: "an activity", 7: "an object", 8: "a symbol"}
WHAT = ["What is this?", "What do you see?", "What does this picture show?", "What is in the picture?", "Name this.", "What's this?", "Tell me what you see.", "Describe this picture.", "What can you see?"]
DESCRIBE = ["What do you see?", "What is in the picture?", "Describe this picture.", "What is where?", "Which things do you see, and where?", "Describe what you see.", "What can you see?"]


def image(rng, scene, **more):
    return {"type": "image", "pixels": pictures.render(rng, scene, **more), "scene": scene}


def item(rng, skill, key, picture, question, answer, expect):
    parts = [picture, text(question)] if rng.random() < 0.8 else [text(question), picture]
    return Item("seeing/" + skill, key, [("user", parts), ("assistant", [text(answer)])], expect, True)


def told(t):
    """How an answer names a thing."""
    return f"**{t.name}** {t.symbol}" if t.kind == "emoji" else f"the digit **{t.name}**" if t.kind == "digit" else f"a **{t.said}**" if not t.said[0] in "aeiou" else f"an **{t.said}**"


def one(t):
    """How a question names a thing: 'a red star', 'the digit 4', 'cat face'."""
    return t.said if t.kind == "emoji" else f"the digit {t.said}" if t.kind == "digit" else a(t.said)


def name(rng, held):
    t = draw_thing(rng, rng.choices(["emoji", "shape", "digit"], [0.66, 0.2, 0.14])[0], held)
    q = pick(rng, WHAT + ({"emoji": ["Which emoji is this?", "What does this emoji show?"], "digit": ["Which digit is this?", "Which number is this?", "Read this."], "shape": ["Which shape is this?"]}[t.kind]) * 2)
    return item(rng, f"name-{t.kind}", t.symbol or f"{t.said}{t.look}", image(rng, place(rng, Scene([t]))), q, f"This is {told(t)}.", t.said)


def property_(rng, held):
    """Of one shape its colour or form; of one emoji its kind."""
    if rng.random() < 0.6:
        t = draw_thing(rng, "shape", held)
        picture = image(rng, place(rng, Scene([t])))
        if rng.random() < 0.5:
            q = pick(rng, ["What colour is it?", "What colour is this?", f"What colour is the {t.name}?", "Which colour do you see?", f"What color is the {t.name}?"])
            return item(rng, "colour", t.said, picture, q, f"It is **{t.colour}**.", t.colour)
        return item(rng, "shape", t.said, picture, pick(rng, ["What shape is this?", "Which shape is it?", f"What shape is the {t.colour} thing?"]), f"It is {a(t.name).replace(t.name, f'**{t.name}**')}.", t.name)
    entry = pick(rng, SPRITES.entries["unseen" if held else "trained"])
    t = emoji_thing(*entry[:3], pick(rng, pictures.STYLES))
    q = pick(rng, ["What kind of thing is this?", "What sort of thing is this?", "What kind of emoji is this?"])
    return item(rng, "kind", t.symbol, image(rng, place(rng, Scene([t]))), q, f"It is **{KINDS[t.group]}**.", KINDS[t.group])


def asked(rng, t):
    """A thing that the shown one may be, and whether it is."""
    yes = rng.random() < 0.5
    other = t if yes else draw_thing(rng, t.kind, avoid={t.said})
    if not yes and t.kind == "shape" and rng.random() < 0.5:  # a half-truth: same shape or colour
        other = pictures.Thing("shape", *rng.choice([(t.name, pick(rng, [c for c in COLOURS if c != t.colour])), (pick(rng, [s for s in SHAPES if s != t.name]), t.colour)]))
    return other, yes


def is_it(rng, t, other, yes):
    """Question and answer: the name first, so that yes or no only has to compare two names."""
    q = pick(rng, ["Is this {s}?", "Is it {s}?", "Does this picture show {s}?"]).format(s=one(other))
    return q, f"This is {told(t).replace('**', '')}: **{'yes' if yes else 'no'}**."


def yes_no(rng, held):
    t = draw_thing(rng, None, held)
    other, yes = asked(rng, t)
    return item(rng, "yes-no", f"{t.said}{other.said}", image(rng, place(rng, Scene([t]))), *is_it(rng, t, other, yes), "Yes" if yes else "No")


def which(rng, held):
    """One of two names; for held-out pictures also of two emoji that were never seen."""
    if not held and SPRITES.emoji and rng.random() < 0.35:
        return which_word(rng)
    if held and rng.random() < 0.5 or not held and rng.random() < 0.6:
        entry = pick(rng, SPRITES.entries["unseen" if held else "trained"])
        t = emoji_thing(*entry[:3], pick(rng, pictures.STYLES))
        skill = "which-unseen" if held else "which"
    else:
        t, skill = draw_thing(rng, None, held), "which"
    other = draw_thing(rng, t.kind, avoid={t.said})
    while t.kind == "emoji" and other.group == t.group:
        other = draw_thing(rng, "emoji", avoid={t.said})
    while skill == "which-unseen" and (other.group == t.group or emoji_split(other.symbol) != "unseen"):
        other = emoji_thing(*pick(rng, SPRITES.entries["unseen"])[:3], "")
    x, y = (t, other) if rng.random() < 0.5 else (other, t)
    q = pick(rng, ["Is this {x} or {y}?", "Which is it, {x} or {y}?", "Do you see {x} or {y}?"]).format(x=x.said, y=y.said)
    picture = image(rng, place(rng, Scene([t])))
    if not held and rng.random() < 0.4:  # hardly to be made out: the answer is still one of the two
        small = Image.fromarray(picture["pixels"]).resize((rng.randrange(6, 18),) * 2, Image.BOX)
        picture["pixels"] = np.asarray(small.resize((pictures.SIZE,) * 2, Image.BILINEAR))
    return item(rng, skill, f"{t.said}{other.said}", picture, q, f"It is {told(t)}.", t.said)


def which_word(rng):
    """One of two words that are not the emoji's names: what is seen must be held against both, as with an emoji that was never named."""
    entries = [e for e in SPRITES.entries["trained"] if e[3]]
    a, b = pick(rng, entries), pick(rng, entries)
    while b[2] == a[2]:
        b = pick(rng, entries)
    seen, other = pick(rng, a[3]), pick(rng, b[3])
    if seen == other or seen in b[3] or other in a[3]:
        return which_word(rng)
    x, y = (seen, other) if rng.random() < 0.5 else (other, seen)
    q = pick(rng, ["Is this {x} or {y}?", "Which is it, {x} or {y}?", "Do you see {x} or {y}?", "Which fits better, {x} or {y}?"]).format(x=x, y=y)
    t = emoji_thing(*a[:3], pick(rng, pictures.STYLES))
    return item(rng, "which-word", f"{t.said}{seen}{other}", image(rng, place(rng, Scene([t]))), q, f"It is **{seen}**.", seen)


def several(rng, held, n=None):
    """A few different things in cells; one of them held out if asked."""
    side = 2 if rng.random() < 0.6 else 3
    n = n or rng.randrange(2, 5 if side == 2 else 6)
    things = [draw_thing(rng, None, held)]
    while len(things) < n:
        things.append(draw_thing(rng, None, avoid={t.said for t in things} | {t.name for t in things}))
    rng.shuffle(things)
    return scatter(rng, things, side)


def call(t):
    return f"the digit {t.said}" if t.kind == "digit" else f"the {t.said}"


def spots(scene):
    """'at the top left' for each thing."""
    names = [WHERE[scene.side][r][c] for r, c in scene.cells]
    return [f"in the {n}" if n == "middle" else f"at the {n}" for n in names]


def shown(scene):
    """'a red star at the top left' for each thing, in reading order."""
    return [f"{told(t).replace('**', '')} {at}" for t, at in zip(scene.things, spots(scene))]


def described(scene):
    return "I see " + join(shown(scene))


def counted(scene, things=None, what=None):
    """The answer to how many: what counts, all that is there with a number at each name that counts, then how many they are."""
    n, out = 0, shown(scene)
    for i, t in enumerate(scene.things):
        if things is None or any(t is x for x in things):
            n += 1
            name = told(t).replace("**", "")
            out[i] = out[i].replace(name, f"{name} ({n})", 1)
    return (f"{cap(what)} (n): " if what else "") + f"I see {join(out)}: **{n}**."


def found(scene, i):
    """The answer to where: all that is there, then what was said of the thing in the very same words: that is to look up, not to think."""
    return f"{described(scene)}: **{shown(scene)[i]}**."


def read(scene):
    """The answer to which number: its digits, then the number."""
    return f"I see {join([told(t).replace('**', '') for t in scene.things])}: **{''.join(t.name for t in scene.things)}**."


def describe(rng, held):
    """All that is there, and where; not measured."""
    s = several(rng, held)
    return item(rng, "describe", "", image(rng, s), pick(rng, DESCRIBE), described(s) + ".", None)


def where(rng, held):
    s = several(rng, held)
    r = rng.random()
    i = rng.randrange(len(s.things))
    t, at = s.things[i], spots(s)[i]
    spot = at.split(" ", 2)[2]
    picture = image(rng, s)
    key = f"{t.said}@{spot}{len(s.things)}"
    if r < 0.55:
        q = pick(rng, ["Where is {t}?", "Where do you see {t}?", "In which place is {t}?"]).format(t=call(t))
        return item(rng, "where", key, picture, q, found(s, i), spot)
    q = pick(rng, ["What is {w}?", "What do you see {w}?", "Which thing is {w}?"]).format(w=at)
    return item(rng, "at-place", key, picture, q, f"{cap(at)} is {told(t)}.", t.said)


def count(rng, held):
    """How many things, or how many of one sort among others."""
    n = rng.randrange(1, 7)
    same = draw_thing(rng, rng.choices(["emoji", "shape", "digit"], [0.3, 0.6, 0.1])[0], held)
    extra = rng.randrange(0, min(3, 8 - n)) if rng.random() < 0.5 else 0
    things = []
    for _ in range(n):
        t = pictures.Thing(**vars(same))
        if t.kind == "digit":
            t.look = draw_thing(rng, "digit").look[:1] + (rng.randrange(len(SPRITES.digits[int(t.name)][0])),)
            t.look = (0, t.look[1])
        things.append(t)
    for _ in range(extra):
        things.append(draw_thing(rng, "shape", avoid={same.said, same.name}))
    while any(t.name == same.name for t in things[n:]):
        things[n:] = [draw_thing(rng, "shape", avoid={same.said, same.name}) for _ in range(extra)]
    rng.shuffle(things)
    side = 2 if len(things) < 4 and rng.random() < 0.5 else 3
    scene = scatter(rng, things, side)
    picture = image(rng, scene)
    total = n + extra
    if extra == 0 and rng.random() < 0.4 or rng.random() < 0.25:
        q = pick(rng, ["How many things are there?", "How many things do you see?", "Count the things."])
        return item(rng, "count", f"{same.said}{n}+{extra}", picture, q, counted(scene), str(total))
    what = {"shape": pick(rng, [same.name, same.said]), "emoji": same.said, "digit": f"digit {same.said}"}[same.kind]
    plural = what + ("es" if what.endswith("ss") else "s") if same.kind == "shape" else what
    q = f"How many {plural} are there?" if same.kind == "shape" else pick(rng, ["How often do you see {w}?", "How many times is {w} there?"]).format(w=("the " if same.kind == "digit" else "") + what)
    return item(rng, "count", f"{same.said}{n}+{extra}", picture, q, counted(scene, [t for t in things if t.name == same.name], what if same.kind == "shape" else told(same).replace("**", "")), str(n))


def number(rng, held):
    """Digits side by side, in one colour."""
    colour = pick(rng, list(COLOURS))
    things = [draw_thing(rng, "digit", held) for _ in range(rng.randrange(2, 4))]
    for t in things:
        t.colour = colour
    digits, scene = "".join(t.name for t in things), place(rng, Scene(things, "row"))
    q = pick(rng, ["Which number is this?", "Read the number.", "What number do you see?", "Which digits are these?"])
    return item(rng, "number", digits + str(things[0].look), image(rng, scene), q, read(scene), digits)


def compare(rng, held):
    """Yes or no, and which, about several things."""
    s = several(rng, held)
    picture = image(rng, s)
    shapes = [t for t in s.things if t.kind == "shape"]
    r = rng.random()
    if shapes and r < 0.45:
        t = pick(rng, shapes)
        if sum(x.name == t.name for x in shapes) == 1 and rng.random() < 0.6:
            return item(rng, "which-colour", t.said, picture, pick(rng, [f"Which colour is the {t.name}?", f"What colour is the {t.name}?"]), f"The {t.name} is **{t.colour}**.", t.colour)
        if sum(x.colour == t.colour for x in shapes) == 1 and all(x.kind != "digit" or x.colour != t.colour for x in s.things):
            return item(rng, "which-shape", t.said, picture, pick(rng, [f"Which shape is {t.colour}?", f"What is {t.colour}?"]), f"The **{t.name}** is {t.colour}.", t.name)
    yes = rng.random() < 0.5
    t = pick(rng, s.things) if yes else draw_thing(rng, avoid={x.said for x in s.things})
    return item(rng, "is-there", f"{t.said}{yes}{len(s.things)}", picture, *is_there(rng, s, t, yes), "Yes" if yes else "No")


def is_there(rng, scene, t, yes):
    q = pick(rng, ["Is there {s}?", "Do you see {s}?", "Is {s} in the picture?"]).format(s=one(t))
    at = next(x for x, y in zip(shown(scene), scene.things) if y.said == t.said) if yes else f"{one(t)} nowhere"
    return q, f"{described(scene)}: {at}: **{'yes' if yes else 'no'}**."


TASKS = [(name, 0.11), (property_, 0.05), (yes_no, 0.1), (which, 0.09), (where, 0.17), (describe, 0.09), (count, 0.14), (number, 0.14), (compare, 0.11)]


def sample(rng, held=False):
    """held: with things that are never trained."""
    return rng.choices([t for t, _ in TASKS], [w for _, w in TASKS])[0](rng, held)


IN_WORDS = ("yes-no", "is-there", "where", "count")


def in_words(rng, i):
    """The same question with the picture told instead of shown, so that what to do with what is seen is learned apart from seeing it; None where it cannot be."""
    scene = next(p["scene"] for p in i.turns[0][1] if p["type"] == "image")
    if i.skill.split("/")[1] not in IN_WORDS or scene.layout == "row":
        return None
    said = described(scene)[6:] if scene.layout == "grid" else told(scene.things[0]).replace("**", "")
    q = next(p["text"] for p in i.turns[0][1] if p["type"] == "text")
    said = f"{pick(rng, ['Picture', 'In the picture', 'I see'])}: {said}. {q}"
    return [("user", [text(said)])] + i.turns[1:]


def follow(rng, scene):
    """A further question on a picture and its answer, so that one picture teaches more."""
    i = rng.randrange(len(scene.things))
    t = scene.things[i]
    if scene.layout == "row":
        return pick(rng, ["Which number is this?", "Read the number."]), read(scene)
    if scene.layout == "grid":
        at = spots(scene)[i]
        if rng.random() < 0.3:
            yes = rng.random() < 0.5
            return is_there(rng, scene, t if yes else draw_thing(rng, avoid={x.said for x in scene.things}), yes)
        return pick(rng, [(f"What is {at}?", f"{cap(at)} is {told(t)}.")] * 3 + [("How many things are there?", counted(scene)), (pick(rng, DESCRIBE), described(scene) + ".")]
                    + [(f"Where is {call(t)}?", found(scene, i))] * (3 * (sum(x.said == t.said for x in scene.things) == 1)))
    seen = t.kind != "emoji" or emoji_split(t.symbol) != "unseen"
    if seen and rng.random() < 0.5:
        return is_it(rng, t, *asked(rng, t))
    options = [(pick(rng, WHAT), f"This is {told(t)}.")] * 2
    if t.kind == "shape":
        options += [(pick(rng, ["What colour is it?", "Which colour is it?"]), f"It is **{t.colour}**."), ("What shape is it?", f"It is {a(t.name).replace(t.name, f'**{t.name}**')}.")]
    if not seen:
        options = [("What kind of thing is this?", f"It is **{KINDS[t.group]}**.")]
    elif t.kind == "emoji":
        options += [("What kind of thing is it?", f"It is **{KINDS[t.group]}**.")]
    return pick(rng, options)
