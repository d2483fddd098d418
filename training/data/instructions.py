"""Doing as told: say, repeat, list, choose, one-word answers, formats (bold, list, table, code span)."""
from .common import item, pick, join, a, cap, dialogue
from . import vocabulary
from .memory import name
from .facts import CAPITALS, ANIMALS
from .words import OPPOSITES, GROUPS

NAME, WEIGHT = "instructions", 0.1

WORDS = vocabulary.words()
NUMBER = ["zero", "one", "two", "three", "four", "five", "six"]
SENTENCES = ["the {a} is in the {n}", "I like {n}s", "my {n} is {a}", "a {a} {n}", "where is the {n}", "the {n} and the {m}", "{n} {m}", "we saw a {a} {n} today", "this {n} is very {a}", "please give me the {n}"]
NOUNS = [w for w, m in vocabulary.meanings().items() if m.startswith(("a ", "an "))]
ADJECTIVES = "big small red blue green old new happy quiet bright cold warm little long short fast slow round".split()


def phrase(rng):
    r = rng.random()
    if r < 0.3:
        return pick(rng, WORDS)
    if r < 0.4:
        return name(rng)
    if r < 0.5:
        return " ".join(rng.sample(WORDS, rng.randrange(2, 5)))
    return pick(rng, SENTENCES).format(a=pick(rng, ADJECTIVES), n=pick(rng, NOUNS), m=pick(rng, NOUNS))


def say(rng):
    s = phrase(rng)
    form = pick(rng, ['Say "{s}".', "Say {s}.", 'Repeat after me: "{s}"', "Repeat: {s}", 'Write "{s}".', "Echo: {s}", "Say: {s}", "Please say {s}.", "Type the words: {s}"])
    answer = cap(s) + "."
    return item("instructions/say", f"say {s}", form.format(s=s), answer, s, plain=True)


def times(rng):
    w, n = pick(rng, WORDS), rng.randrange(2, 6)
    q = pick(rng, ["Say {w} {n} times.", "Write {w} {n} times.", "Repeat the word {w} {n} times."]).format(w=w, n=pick(rng, [n, NUMBER[n]]))
    answer = ", ".join([cap(w)] + [w] * (n - 1)) + "."
    return item("instructions/times", f"{w}*{n}", q, answer, answer)


def listing(rng):
    group = pick(rng, list(GROUPS))
    n = rng.randrange(2, 6)
    chosen = rng.sample(GROUPS[group], n)
    q = pick(rng, ["List {n} {g}.", "Name {n} {g}.", "Give me {n} {g}.", "Can you name {n} {g}?", "Tell me {n} {g}.", "Write down {n} {g}."]).format(n=pick(rng, [n, NUMBER[n]]), g=group)
    if rng.random() < 0.35:
        one = vocabulary.SINGULAR.get(group) or a(group[:-1])
        w = chosen[0]
        return item("instructions/list", f"{group}1", pick(rng, ["Name {o}.", "Give me an example of {o}.", "Tell me {o}."]).format(o=one), f"**{cap(w)}** is {one}.")
    style = int(rng.random() * 3)
    body = "\n".join(f"- {cap(w)}" for w in chosen) if style == 0 else "\n".join(f"{i + 1}. {cap(w)}" for i, w in enumerate(chosen)) if style == 1 else cap(join(chosen)) + "."
    if style == 1:
        q = q.rstrip(".?") + pick(rng, [" as a numbered list.", " in a numbered list."])
    elif style == 0 and rng.random() < 0.6:
        q = q.rstrip(".?") + pick(rng, [" as a list.", " as bullet points."])
    return item("instructions/list", f"{group}{n}{style}{q[:4]}", q, body)


def table_of(rng):
    n = rng.randrange(2, 5)
    r = rng.random()
    if r < 0.4:
        rows = [(cap(x), y) for x, y in rng.sample(CAPITALS, n) if not x.startswith("the")]
        q, head = pick(rng, ["Make a table of {n} countries and their capitals.", "Show {n} capitals in a table."]).format(n=NUMBER[n]), ("Country", "Capital")
    elif r < 0.7:
        rows = [(cap(x[0]), x[2]) for x in rng.sample(ANIMALS, n)]
        q, head = pick(rng, ["Make a table of {n} animals and their young.", "Show {n} animals and their babies in a table."]).format(n=NUMBER[n]), ("Animal", "Young")
    else:
        k = rng.randrange(2, 11)
        rows = [(f"{i} × {k}", str(i * k)) for i in range(1, 11)]
        q, head = pick(rng, ["Make a table of the {k} times table.", "Show me the {k} times table.", "Write the times table of {k}."]).format(k=k), ("Sum", "Result")
    body = f"| {head[0]} | {head[1]} |\n| --- | --- |\n" + "\n".join(f"| {x} | {y} |" for x, y in rows)
    return item("instructions/table", q, q, body)


def one_word(rng):
    land, city = pick(rng, [c for c in CAPITALS if " " not in c[1]])
    x, y = pick(rng, OPPOSITES)
    c, d = rng.randrange(1, 10), rng.randrange(1, 10)
    q, answer = pick(rng, [(f"What is the capital of {land}?", city), (f"What is the opposite of {x}?", cap(y)), (f"What is {c} + {d}?", str(c + d))])
    q = pick(rng, ["Answer in one word: {q}", "{q} Answer in one word.", "{q} Just the answer, please.", "In one word: {q}", "{q} Reply with one word only."]).format(q=q)
    return item("instructions/one-word", q, q, answer, answer)


def choose(rng):
    x, y = rng.sample(NOUNS, 2)
    q = pick(rng, ["Choose one: {x} or {y}?", "Pick one: {x} or {y}.", "{x} or {y}?", "Which do you choose, {x} or {y}?"]).format(x=x, y=y)
    return item("instructions/choose", f"{x}/{y}", q, f"I choose **{pick(rng, [x, y])}**.")


def formatted(rng):
    w = phrase(rng)
    q, answer = pick(rng, [(f"Write {w} in bold.", f"**{cap(w)}**"), (f"Write {w} in italics.", f"*{cap(w)}*"), (f"Put {w} in quotes.", f'"{cap(w)}"'), (f"Write {w} as code.", f"`{w}`"), (f"Make a heading: {w}", f"## {cap(w)}")])
    return item("instructions/format", q[:9] + w, q, answer, answer)


def sentence(rng):
    w = pick(rng, NOUNS)
    q = pick(rng, ["Write a sentence with the word {w}.", "Use {w} in a sentence.", "Make a sentence with {w}.", "Give me a sentence with {w}."]).format(w=w)
    answer = pick(rng, ["I can see {x} from my window.", "There is {x} in the picture.", "My friend has {x}.", "She drew {x} in her book.", "We talked about {x} all day.", "He told me a story about {x}."]).format(x=a(w))
    return item("instructions/sentence", "use " + w, q, answer, w)


def guess_game(rng):
    n = rng.randrange(1, 11)
    q = pick(rng, ["Pick a number from 1 to 10.", "Choose a number between 1 and 10.", "Say a random number from 1 to 10."])
    return item("instructions/random", q + str(n % 3), q, f"**{n}**")


KINDS = [say] * 11 + [times] * 3 + [listing] * 5 + [table_of] * 2 + [one_word] * 3 + [choose, formatted, formatted, sentence, sentence, guess_game]


def sample(rng):
    return pick(rng, KINDS)(rng)
