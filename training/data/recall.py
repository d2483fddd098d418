"""Finding again what a text says of a thing: pairs told anew in another order, which of some are there, which ones are meant.

Not measured and not part of the text model's own training: looking up what is seen rests on it (data/seeing.py's where, is-there
and count), and there is one such decision in a whole answer about a picture. Here nearly every word is one.
"""
from . import memory
from .common import Item, join, pick, text
from .pictures import SPRITES, draw_thing
from .seeing import WHERE, told

RELATIONS = ["{k} at the {v}", "{k} in the {v}", "{k}: {v}", "{k} is {v}", "{k} = {v}", "{k} has {v}", "{k} with {v}", "the {k} is at the {v}", "{k} ({v})", "{k} **{v}**", "{k} at the **{v}**"]
PLACES = [p for rows in WHERE[3] for p in rows]
AGAIN = ["The same in another order, please.", "Say that in another order.", "Tell me that again, mixed.", "Mix these."]
THERE = ["Which of these are there: {l}?", "Is each of these there: {l}?", "Look for {l}."]
MARK = ["Number each {x}.", "Count each {x}.", "Mark every {x}."]


def things(rng, n):
    """n different names, of things to show or of anything."""
    make = (lambda: told(draw_thing(rng)).replace("**", "")) if SPRITES.emoji and rng.random() < 0.6 else (lambda: pick(rng, memory.WORDS) if rng.random() < 0.6 else memory.name(rng))
    out = []
    while len(out) < n:
        x = make()
        if x not in out:
            out.append(x)
    return out


def values(rng, n):
    if n <= 9 and rng.random() < 0.5:
        return rng.sample(PLACES, n)
    if rng.random() < 0.5:
        return [str(x) for x in rng.sample(range(100), n)]
    return rng.sample(memory.WORDS, n)


def again(rng):
    n = rng.randrange(2, 10)
    pairs = list(zip(things(rng, n), values(rng, n)))
    said = pick(rng, RELATIONS)
    told_once = join([said.format(k=k, v=v) for k, v in pairs])
    rng.shuffle(pairs)
    return told_once, pick(rng, AGAIN), join([said.format(k=k, v=v) for k, v in pairs]) + "."


def groups(rng):
    """Words that mean nothing together, in groups of two to four; the groups anew in another order."""
    size, n = rng.randrange(2, 5), rng.randrange(4, 16)
    all_ = rng.sample(memory.WORDS, size * n)
    each = [" ".join(all_[i:i + size]) for i in range(0, size * n, size)]
    told_once = ", ".join(each)
    rng.shuffle(each)
    return told_once, pick(rng, AGAIN), ", ".join(each) + "."


def there(rng):
    n = rng.randrange(2, 8)
    names, said = things(rng, n + 4), pick(rng, RELATIONS)
    shown = {k: said.format(k=k, v=v) for k, v in zip(names, values(rng, n))}
    asked = names[n:] + rng.sample(names[:n], min(n, 4))
    rng.shuffle(asked)
    asked = asked[:rng.randrange(2, 7)]
    return join(list(shown.values())), pick(rng, THERE).format(l=join(asked)), "; ".join(shown.get(x, f"{x} nowhere") for x in asked) + "."


def marked(rng):
    n = rng.randrange(2, 5)
    names, places = things(rng, n), PLACES[:]
    shown = [pick(rng, names) for _ in range(rng.randrange(2, 9))]
    wanted, count, out = pick(rng, shown), 0, []
    spots = sorted(rng.sample(range(9), len(shown)))
    for x, p in zip(shown, spots):
        count += x == wanted
        out.append(x + f" ({count})" * (x == wanted) + f" at the {places[p]}")
    return join([f"{x} at the {places[p]}" for x, p in zip(shown, spots)]), pick(rng, MARK).format(x=wanted.removeprefix("a ").removeprefix("an ")), f"{wanted} (n): " + join(out) + f": **{count}**."


def sample(rng):
    kind = rng.choices([again, groups, there, marked], [0.4, 0.2, 0.22, 0.18])[0]
    shown, q, answer = kind(rng)
    shown = pick(rng, ["", "", "I see ", "List: ", "Picture: "]) + shown + "."
    return Item(f"recall/{kind.__name__}", shown, [("user", [text(f"{shown} {q}" if rng.random() < 0.7 else f"{q} {shown}")]), ("assistant", [text(answer)])], None, True)
