"""What to do with what is heard: answer it, write it down, name the digits; alone, with a written request, or about a picture."""
from . import seeing, speech
from .common import Item, cap, pick, text
from .quantities import SMALL
from .voices import HELD_OUT_VOICE

NAME = "listening"
WRITE = ["Transcribe.", "Transcribe this.", "Write down what you hear.", "What do you hear?", "Write what I say.", "What was said?"]
QUOTE = ["What did I say?", "What did you hear me say?"]


class Source:
    """clips: data.voices.Clips; digits: speech.SpokenDigits. held: held-out sentences by trained voices; voice: held-out sentences by the held-out voice."""

    def __init__(self, clips, digits):
        speech.sentences()
        self.clips, self.digits = clips, digits
        groups = {(k, s): [] for k in ("command", "sentence") for s in ("trained", "held", "voice")}
        self.pictures = []
        for t in clips.by_text:
            kind = "command" if t in speech.COMMANDS else "sentence"
            if t in speech.PICTURE_QUESTIONS:
                self.pictures.append(t)
                kind = "sentence"
            groups[kind, "held" if speech.held_out_text(t) else "trained"].append(t)
        for k in ("command", "sentence"):
            groups[k, "voice"] = groups[k, "held"]
        self.groups = {k: sorted(v) for k, v in groups.items()}
        self.sums = sorted(t for t in self.groups["command", "trained"] if speech.COMMANDS[t][0] == "sum")

    def say(self, rng, said, side):
        """-> audio part."""
        options = [i for i in self.clips.by_text[said] if (self.clips.meta[i][1] == HELD_OUT_VOICE) == (side == "voice")]
        x, _ = speech.augment(rng, self.clips.audio(pick(rng, options)), strong=1.0 if side == "trained" else 0.3)
        return {"type": "audio", "samples": x}


def item(skill, key, parts, answer, expect):
    return Item("listening/" + skill, key, [("user", parts), ("assistant", [text(answer)])], expect, True)


def write(rng, part, said, skill, key, expect):
    """'Transcribe.' and the like."""
    if rng.random() < 0.75:
        q, answer = pick(rng, WRITE), said
    else:
        q, answer = pick(rng, QUOTE), f"You said: {said}"
    return item(skill, key, [part, text(q)] if rng.random() < 0.8 else [text(q), part], answer, expect)


def command(rng, source, side):
    r = rng.random()
    said = pick(rng, source.sums) if side == "trained" and r < 0.3 else pick(rng, source.groups["command", side])
    skill, answers, expect = speech.COMMANDS[said]
    name = ("sum" if skill == "sum" else "command") + ("-voice" if side == "voice" else "")
    return item(name, said, [source.say(rng, said, side)], pick(rng, answers), expect)


def transcribe(rng, source, side):
    kind = "sentence" if rng.random() < 0.65 else "command"
    said = pick(rng, source.groups[kind, side])
    return write(rng, source.say(rng, said, side), said, "transcribe" + ("-voice" if side == "voice" else ""), said, said.rstrip(".?!"))


def digits(rng, source, side):
    import numpy as np
    held = side != "trained"
    n = rng.choices([1, 2, 3, 4], [0.5, 0.2, 0.2, 0.1])[0]
    ds, parts, person = [rng.randrange(10) for _ in range(n)], [], None
    for d in ds:
        x, person = source.digits.clip(rng, d, held, person)
        parts += [x, np.zeros(int(rng.uniform(0.03, 0.25) * speech.RATE), np.float32)]
    x, _ = speech.augment(rng, np.concatenate(parts), strong=0.3 if held else 1.0)
    part, said = {"type": "audio", "samples": x}, " ".join(SMALL[d] for d in ds)
    key = f"{said}{rng.random()}"
    skill = "digit-person" if n == 1 else "digits-person"
    if rng.random() < 0.5:
        return write(rng, part, cap(said) + ".", skill, key, said)
    numerals = "".join(map(str, ds))
    q = pick(rng, ["Which digit is this?", "Which digit did you hear?", "Which number did I say?"] if n == 1 else ["Which digits did you hear?", "Which number did I say?", "Which digits are these?"])
    return item(skill, key, [part, text(q)], f"It is **{numerals}**.", numerals)


def about_picture(rng, source, side):
    """A picture and a spoken question on it."""
    while True:
        i = seeing.sample(rng, False)
        q = next(p["text"] for p in i.turns[0][1] if p["type"] == "text")
        if q in source.pictures:
            break
    picture = next(p for p in i.turns[0][1] if p["type"] == "image")
    part = source.say(rng, q, "trained")
    return item("about-picture", i.key + q, [picture, part], i.turns[1][1][0]["text"], i.expect)


def sample(rng, source, side="trained"):
    r = rng.random()
    if r < 0.16 and source.digits.people:
        return digits(rng, source, side)
    if r < 0.26 and source.pictures and side != "voice":
        return about_picture(rng, source, side)
    return command(rng, source, side) if r < 0.64 else transcribe(rng, source, side)
