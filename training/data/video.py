"""Questions on films of 4 to 8 pictures: what moved where, what appeared or went away, in which order, what changed."""
from . import pictures
from .common import Item, cap, pick, text
from .pictures import COLOURS, SIZE, Scene, draw_thing, pair_held_out, render
from .seeing import WHERE, call, told

NAME = "video"
WAYS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}


def film(rng, things_of, count):
    """things_of(i) -> things with boxes in frame i; one background for all."""
    import numpy as np
    noise = np.random.default_rng(rng.getrandbits(32))
    frames, aspect = [things_of(i) for i in range(count)], min(1, pictures.camera(rng))
    for t in (t for f in frames for t in f):
        x, y, w, h = t.box
        t.box = (int(x + w * (1 - aspect) / 2), y, max(8, int(w * aspect)), h)
    ground = pictures.background(rng, noise, {t.colour for f in frames for t in f if t.colour})
    return {"type": "video", "frames": [render(rng, Scene(f), ground=ground, jitter=False) for f in frames]}


def item(rng, skill, key, video, question, answer, expect):
    parts = [video, text(question)] if rng.random() < 0.85 else [text(question), video]
    return Item("video/" + skill, key, [("user", parts), ("assistant", [text(answer)])], expect, True)


def at(t, x, y, w, h):
    return pictures.Thing(**{**vars(t), "box": (int(min(SIZE - w, max(0, x))), int(min(SIZE - h, max(0, y))), int(w), int(h))})


def spot(x, y, size):
    """Which ninth of the picture a square's centre is in."""
    row, column = (min(2, int((v + size / 2) * 3 / SIZE)) for v in (y, x))
    return WHERE[3][row][column]


def move(rng, held):
    t, way, n = draw_thing(rng, None, held), pick(rng, list(WAYS)), rng.randrange(4, 9)
    dx, dy = WAYS[way]
    size = rng.uniform(20, 32)
    span = SIZE - size
    lo, hi = rng.uniform(0, 0.15) * span, rng.uniform(0.75, 1) * span
    across = rng.uniform(0.1, 0.9) * span
    if dx + dy < 0:
        lo, hi = hi, lo

    rests = [rng.uniform(0, 0.45) if rng.random() < 0.3 else 0 for _ in range(2)]  # shares of the film in which it stays where it begins or ends

    def frame(i):
        done = min(1, max(0, (i / (n - 1) - rests[0]) / (1 - sum(rests))))
        along = lo + (hi - lo) * done + rng.uniform(-1.5, 1.5)
        return [at(t, along if dx else across, along if dy else across, size, size)]

    video, r = film(rng, frame, n), rng.random()
    key = f"{t.said}{way}{n}"
    to = f"to the **{way}**" if dx else f"**{way}**"
    # From where to where first: then the way only has to compare two places.
    ends = [spot(*((e, across) if dx else (across, e)), size) for e in (lo, hi)]
    path = f"goes from the {ends[0]} to the {ends[1]}"
    if r < 0.4:
        return item(rng, "way", key, video, pick(rng, [f"Which way does {call(t)} move?", "Which way does it move?", f"Where does {call(t)} go?", "In which direction does it move?"]), f"It {path}, so {to}.", way)
    if r < 0.6:
        return item(rng, "what-moves", key, video, pick(rng, ["What moves?", "Which thing moves?"]), f"It is {told(t)}.", t.said)
    return item(rng, "happens", key, video, pick(rng, ["What happens?", "What happens here?", "Describe the video.", "What do you see in the video?"]), f"{cap(call(t))} {path}: it moves {to}.", f"moves {to}".replace("*", ""))


def appear(rng, held):
    """Something joins or leaves another thing."""
    stays, n = draw_thing(rng, None), rng.randrange(4, 8)
    comes = draw_thing(rng, None, held, avoid={stays.said})
    goes = rng.random() < 0.4
    when = rng.randrange(1, n - 1)
    size = rng.uniform(22, 30)
    sides = [(1, 16), (33, 16)] if rng.random() < 0.5 else [(16, 1), (16, 33)]
    rng.shuffle(sides)
    a, b = at(stays, *sides[0], size, size), at(comes, *sides[1], size, size)
    video = film(rng, lambda i: [pictures.Thing(**vars(t)) for t in ([a, b] if (i >= when) != goes else [a])], n)
    key = f"{stays.said}{comes.said}{goes}{when}"
    plain = lambda t: told(t).replace("**", "")
    both = " and ".join(plain(t) for t in ((a, b) if a.box[:2] < b.box[:2] else (b, a)))  # from the left, or from the top
    if goes:
        return item(rng, "disappears", key, video, pick(rng, ["What disappeared?", "What went away?", "What is gone at the end?"]), f"First {both}, at the end just {plain(stays)}: {told(comes)} went away.", comes.said)
    return item(rng, "appears", key, video, pick(rng, ["What appeared?", "What is new at the end?", "What came in?"]), f"First just {plain(stays)}, at the end {both}: {told(comes)} appeared.", comes.said)


def order(rng, held):
    """Different things one after the other."""
    k = rng.randrange(2, 4)
    things = [draw_thing(rng, None, held)]
    while len(things) < k:
        things.append(draw_thing(rng, None, avoid={t.said for t in things}))
    rng.shuffle(things)
    each = 2 if k < 4 else 1
    n = max(4, each * k)
    size = rng.uniform(30, 52)
    x, y = rng.uniform(0, SIZE - size), rng.uniform(0, SIZE - size)
    video = film(rng, lambda i: [at(things[min(k - 1, i * k // n)], x, y, size, size)], n)
    key = "/".join(t.said for t in things)
    r = rng.random()
    if r < 0.25:
        return item(rng, "first-last", key, video, pick(rng, ["What came first?", "What do you see first?"]), f"First came {told(things[0])}.", things[0].said)
    if r < 0.5:
        return item(rng, "first-last", key, video, pick(rng, ["What came last?", "What do you see last?"]), f"Last came {told(things[-1])}.", things[-1].said)
    listed = ", then ".join(told(t) for t in things)
    return item(rng, "order", key, video, pick(rng, ["In which order did things appear?", "What came after what?", "What do you see, in order?", "Name the things in order."]), f"First {listed}.", ", then ".join(told(t).replace("*", "") for t in things))


def change(rng, held):
    """One thing changes its colour or its size."""
    n, size = rng.randrange(4, 8), rng.uniform(30, 48)
    if rng.random() < 0.5:
        while True:
            t = draw_thing(rng, "shape", held)
            c = pick(rng, [c for c in COLOURS if c != t.colour])
            if not pair_held_out(t.name, c):
                break
        u = pictures.Thing(**{**vars(t), "colour": c})
        x, y, when = rng.uniform(0, SIZE - size), rng.uniform(0, SIZE - size), rng.randrange(2, n - 1)
        video = film(rng, lambda i: [at(t if i < when else u, x, y, size, size)], n)
        return item(rng, "recolour", t.said + c, video, pick(rng, ["What changed?", "What happens?", "Which colour does it become?"]), f"The {t.name} turns from **{t.colour}** to **{c}**.", f"from {t.colour} to {c}")
    t, grows = draw_thing(rng, None, held), rng.random() < 0.5
    small, big = rng.uniform(12, 18), rng.uniform(44, 60)

    def frame(i):
        s = small + (big - small) * (i if grows else n - 1 - i) / (n - 1)
        return [at(t, (SIZE - s) / 2, (SIZE - s) / 2, s, s)]

    word = "bigger" if grows else "smaller"
    return item(rng, "resize", f"{t.said}{grows}{n}", film(rng, frame, n), pick(rng, ["What happens?", "What changed?", "Does it get bigger or smaller?"]), f"{cap(call(t))} gets **{word}**.", word)


TASKS = [(move, 0.4), (appear, 0.22), (order, 0.2), (change, 0.18)]


def sample(rng, held=False):
    return rng.choices([t for t, _ in TASKS], [w for _, w in TASKS])[0](rng, held)
