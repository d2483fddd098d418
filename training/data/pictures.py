"""Makes pictures: emoji, coloured shapes and handwritten digits on varied backgrounds, with what stands where.

Sources (optional, see README): emoji pictures in two drawing styles, MNIST digits. Shapes are drawn here.
"""
from dataclasses import dataclass, field
import json
import math
import os
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import emoji
from .common import pick

SIZE, PATCH = 64, 8
SHAPES = ["circle", "square", "triangle", "star", "heart", "diamond", "cross", "ring"]
COLOURS = {"red": (220, 35, 40), "orange": (245, 140, 20), "yellow": (245, 215, 40), "green": (40, 160, 65), "blue": (35, 85, 215), "purple": (130, 50, 170), "pink": (245, 130, 185),
           "brown": (120, 75, 40), "black": (20, 20, 22), "white": (248, 248, 248), "grey": (130, 132, 136)}
STYLES = ("google", "twitter")


def share(key, parts):
    """A number below `parts`, fixed by the key."""
    return zlib.crc32(("omni-tiny/" + key).encode()) % parts


def emoji_split(symbol):
    """By base code point: 'unseen' (1 in 16) is never trained in any picture; 'restyled' (2 in 16) is trained in the first drawing style only and asked in the second."""
    part = share(f"picture/{ord(symbol[0]):x}", 16)
    return "unseen" if part == 0 else "restyled" if part < 3 else "trained"


def pair_held_out(shape, colour):
    """One in eight pairs of shape and colour is never trained, in pictures or films."""
    return share(f"pair/{colour} {shape}", 8) == 0


@dataclass
class Thing:
    kind: str  # "emoji", "shape" or "digit"
    name: str  # label, shape or digit
    colour: str = ""  # of shapes and digits
    symbol: str = ""  # of emoji
    group: int = -1
    look: tuple = ()  # style, or which handwritten digit
    box: tuple = (0, 0, 0, 0)  # x, y, width, height in pixels

    @property
    def said(self):
        return f"{self.colour} {self.name}" if self.kind == "shape" else self.name


class Sprites:
    """emoji: (code point, style) -> RGBA picture; digits: list by digit of (trained, held out) arrays of 28 x 28 alpha."""

    def __init__(self):
        self.emoji, self.digits, self.entries = {}, [], {"trained": [], "restyled": [], "unseen": []}

    def load(self, folder):
        """folder: a node_modules with emoji-datasource-google, emoji-datasource-twitter and mnist; emoji.TABLE is loaded before. What is missing is left out."""
        for entry in emoji.TABLE.entries:
            symbol, files = entry[0], {}
            code = "-".join(f"{ord(c):04x}" for c in symbol if c != "\ufe0f")
            for style in STYLES:
                base = os.path.join(folder, f"emoji-datasource-{style}", "img", style, "64", code)
                files[style] = next((f for f in (base + ".png", base + "-fe0f.png") if os.path.exists(f)), None)
            if all(files.values()):
                for style, file in files.items():
                    self.emoji[symbol[0], style] = Image.open(file).convert("RGBA")
                self.entries[emoji_split(symbol)].append(entry)
        for d in range(10):
            file = os.path.join(folder, "mnist", "src", "digits", f"{d}.json")
            if os.path.exists(file):
                data = (np.array(json.load(open(file))["data"], np.float32).reshape(-1, 28, 28) * 255).astype(np.uint8)
                held = np.array([share(f"mnist/{d}/{i}", 16) == 0 for i in range(len(data))])
                self.digits.append((data[~held], data[held]))
        return f"emoji pictures {len(self.emoji)}, digits {sum(len(a) + len(b) for a, b in self.digits)}"


SPRITES = Sprites()


def ramp(rng, colour):
    return tuple(int(min(255, max(0, c + rng.uniform(-14, 14)))) for c in colour)


def outline(name, n):
    """Corners of a shape in a square of side n."""
    at = lambda angle, r: (n / 2 + r * n / 2 * math.sin(angle), n / 2 - r * n / 2 * math.cos(angle))
    if name == "triangle":
        return [(n / 2, n * 0.04), (n * 0.97, n * 0.92), (n * 0.03, n * 0.92)]
    if name == "diamond":
        return [(n / 2, 0), (n * 0.86, n / 2), (n / 2, n), (n * 0.14, n / 2)]
    if name == "star":
        return [at(i * math.pi / 5, 1 if i % 2 == 0 else 0.42) for i in range(10)]
    if name == "cross":
        a, b = n * 0.32, n * 0.68
        return [(a, 0), (b, 0), (b, a), (n, a), (n, b), (b, b), (b, n), (a, n), (a, b), (0, b), (0, a), (a, a)]
    curve = []
    for i in range(48):  # the usual heart curve
        t = i * 2 * math.pi / 48
        x, y = 16 * math.sin(t) ** 3, 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        curve.append((n / 2 + x * n / 34, n * 0.46 - y * n / 32))
    return curve


def shape_sprite(rng, name, rgb, w, h):
    n = 4 * max(w, h)
    mask = Image.new("L", (n, n), 0)
    d = ImageDraw.Draw(mask)
    if name in ("circle", "ring"):
        d.ellipse((0, 0, n - 1, n - 1), fill=255)
        if name == "ring":
            e = n * rng.uniform(0.2, 0.3)
            d.ellipse((e, e, n - 1 - e, n - 1 - e), fill=0)
    elif name == "square":
        d.rectangle((n * 0.06, n * 0.06, n * 0.94, n * 0.94), fill=255)
    else:
        d.polygon(outline(name, n), fill=255)
    turn = rng.uniform(-12, 12) if name != "ring" and rng.random() < 0.5 else 0
    if turn:
        mask = mask.rotate(turn, Image.BILINEAR)
    out = Image.new("RGBA", (w, h), rgb + (255,))
    out.putalpha(mask.resize((w, h), Image.BOX))
    return out


def sprite(rng, thing, w, h, jitter=True):
    if thing.kind == "shape":
        return shape_sprite(rng, thing.name, ramp(rng, COLOURS[thing.colour]), w, h)
    if thing.kind == "digit":
        alpha = Image.fromarray(SPRITES.digits[int(thing.name)][thing.look[0]][thing.look[1]])
        out = Image.new("RGBA", (w, h), ramp(rng, COLOURS[thing.colour]) + (255,))
        out.putalpha(alpha.resize((w, h), Image.BILINEAR))
        return out
    picture = SPRITES.emoji[thing.symbol[0], thing.look[0]]
    if jitter and rng.random() < 0.4:
        picture = picture.rotate(rng.uniform(-14, 14), Image.BILINEAR)
    if jitter and rng.random() < 0.25:
        cut = [rng.randrange(0, 6) for _ in range(4)]
        picture = picture.crop((cut[0], cut[1], 64 - cut[2], 64 - cut[3]))
    return picture.resize((w, h), Image.BILINEAR, reducing_gap=2.0)


def far(a, b):
    return sum(abs(x - y) for x, y in zip(a, b)) > 170


def background(rng, noise, colours):
    """A calm background that none of the colours gets lost on -> picture."""
    for _ in range(12):
        r = rng.random()
        base = (255, 255, 255) if r < 0.35 else (rng.randrange(0, 40),) * 3 if r < 0.47 else tuple(rng.randrange(256) for _ in range(3))
        if all(far(base, COLOURS[c]) for c in colours):
            break
    else:
        base = (190, 225, 235) if all(far((190, 225, 235), COLOURS[c]) for c in colours) else (110, 90, 110)
    r = rng.random()
    if r < 0.65:
        return Image.new("RGB", (SIZE, SIZE), base)
    x = np.broadcast_to(np.array(base, np.float32), (SIZE, SIZE, 3))
    if r < 0.85:
        slope = np.linspace(-1, 1, SIZE)[:, None, None] * rng.uniform(-35, 35) + np.linspace(-1, 1, SIZE)[None, :, None] * rng.uniform(-35, 35)
        x = x + slope
    else:
        coarse = noise.normal(0, rng.uniform(8, 30), (8, 8, 3)).astype(np.float32)
        x = x + np.asarray(Image.fromarray(np.clip(coarse + 128, 0, 255).astype(np.uint8)).resize((SIZE, SIZE), Image.BICUBIC), np.float32) - 128
    return Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))


def develop(rng, noise, picture):
    """What a camera does: light, contrast, blur, grain -> RGB bytes (SIZE, SIZE, 3)."""
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    x = np.asarray(picture, np.float32)
    if rng.random() < 0.5:
        x = (x - 128) * rng.uniform(0.8, 1.1) + 128 + rng.uniform(-14, 14)
    if rng.random() < 0.3:
        x = x * np.array([rng.uniform(0.93, 1.07) for _ in range(3)], np.float32)
    if rng.random() < 0.35:
        x = x + noise.normal(0, rng.uniform(1, 9), x.shape)
    return np.clip(x, 0, 255).astype(np.uint8)


@dataclass
class Scene:
    things: list
    layout: str = "one"  # "one", "grid" (things in cells) or "row" (digits of a number)
    side: int = 1  # cells a side
    cells: list = field(default_factory=list)  # (row, column) of each thing


def camera(rng):
    """Width by height of a thing that is as wide as high: a camera's picture of 4:3 or 16:9 is pressed into a square."""
    return math.exp(rng.gauss(0, 0.08)) if rng.random() < 0.6 else rng.uniform(0.56, 1.1)


def place(rng, scene, room=0.88):
    """Gives every thing its box."""
    aspect = camera(rng)
    if scene.layout == "one":
        t, s = scene.things[0], rng.uniform(26, 62)
        w, h = (int(min(SIZE, max(18, s * f))) for f in (aspect ** 0.5, aspect ** -0.5))
        t.box = (rng.randrange(0, SIZE - w + 1), rng.randrange(0, SIZE - h + 1), w, h)
        if rng.random() < 0.4:
            t.box = ((SIZE - w) // 2, (SIZE - h) // 2, w, h)
    elif scene.layout == "row":
        n = len(scene.things)
        w = min(30, 62 // n)
        h = int(min(44, w * rng.uniform(1.0, 1.5)))
        x, y = rng.randrange(0, SIZE - n * w + 1), rng.randrange(0, SIZE - h + 1)
        for i, t in enumerate(scene.things):
            t.box = (x + i * w, min(SIZE - h, max(0, y + rng.randrange(-2, 3))), w, h)
    else:
        cell = SIZE / scene.side
        for t, (row, column) in zip(scene.things, scene.cells):
            s = cell * rng.uniform(0.68, room)
            w, h = (int(min(cell, max(11, s * f))) for f in (aspect ** 0.5, aspect ** -0.5))
            t.box = (int(column * cell + rng.random() * (cell - w)), int(row * cell + rng.random() * (cell - h)), w, h)
    return scene


def render(rng, scene, ground=None, jitter=True, covers=None):
    """-> RGB bytes. covers: a list that receives each thing's share of every patch, (8,8)."""
    noise = np.random.default_rng(rng.getrandbits(32))
    canvas = (ground or background(rng, noise, [t.colour for t in scene.things if t.colour])).copy()
    for t in scene.things:
        x, y, w, h = t.box
        s = sprite(rng, t, w, h, jitter)
        canvas.paste(s, (x, y), s)
        if covers is not None:
            alpha = np.zeros((SIZE, SIZE), np.float32)
            alpha[y:y + h, x:x + w] = np.asarray(s.getchannel("A"), np.float32) / 255
            covers.append(alpha.reshape(8, PATCH, 8, PATCH).mean((1, 3)))
    return develop(rng, noise, canvas)


def draw_thing(rng, kind=None, held=False, avoid=()):
    """A thing to show. held: from what is never trained: an unseen or restyled emoji, a held-out pair, a held-out handwritten digit."""
    kind = kind or rng.choices(["emoji", "shape", "digit"], [0.5, 0.35, 0.15])[0]
    if kind == "emoji" and not SPRITES.emoji or kind == "digit" and not SPRITES.digits:
        kind = "shape"
    while True:
        if kind == "shape":
            name, colour = pick(rng, SHAPES), pick(rng, list(COLOURS))
            if pair_held_out(name, colour) != held:
                continue
            t = Thing("shape", name, colour)
        elif kind == "digit":
            d = rng.randrange(10)
            t = Thing("digit", str(d), pick(rng, list(COLOURS)), look=(int(held), rng.randrange(len(SPRITES.digits[d][held]))))
        else:
            split = "restyled" if held else "trained"
            if not held and rng.random() < len(SPRITES.entries["restyled"]) / (len(SPRITES.entries["restyled"]) + len(SPRITES.entries["trained"])):
                split = "restyled"
            symbol, label, group, _ = pick(rng, SPRITES.entries[split])
            t = emoji_thing(symbol, label, group, STYLES[1] if held else STYLES[0] if split == "restyled" else pick(rng, STYLES))
        if t.said not in avoid:
            return t


def emoji_thing(symbol, label, group, style):
    return Thing("emoji", label, symbol=symbol, group=group, look=(style,))


def scatter(rng, things, side):
    """Things in different cells of a side x side grid, in reading order."""
    cells = sorted(rng.sample([(r, c) for r in range(side) for c in range(side)], len(things)))
    return place(rng, Scene(things, "grid", side, cells))
