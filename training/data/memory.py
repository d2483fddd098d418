"""Remembering within a conversation: names, favourites, pets, numbers; with other talk in between."""
from .common import dialogue, held_out, pick, cap, a
from . import vocabulary, smalltalk, arithmetic

NAME, WEIGHT = "memory", 0.06

NAMES = """Tom Anna Ben Mia Sam Lena Max Ella Leo Nora Ali Kim Omar Zoe Ivan Ruby Hugo Maya Alice Bob Carol David Emma Frank Grace Henry Ines Jack Kate Liam Mary Noah Olga Paul Rosa Sara Tina Victor Wendy Yuki Chen Priya Ahmed Fatima Jonas Clara Felix Ida Marco Sofia Peter Julia Lucas
Hanna Erik Lily George Amy James Rob Dana Nina Oscar Simon Eva Adam Laura Martin Karen Diego Elena Ravi Mei Jin Aisha Kofi Amara""".split()
SYLLABLES = "ba be bo da de do fa fi ka ke ko la le lo ma mi mo na ne ni no ra re ri ro sa se so ta te ti to va vi za zo lin mar tan ner bel dor".split()
COLOURS = "red blue green yellow orange purple pink brown black white".split()
FOODS = "pizza pasta rice soup cake bread cheese apples chocolate salad noodles pancakes".split()
PETS = "dog cat rabbit hamster parrot goldfish horse turtle".split()
CITIES = "Paris Berlin Rome London Tokyo Madrid Oslo Vienna Cairo Lima Prague Dublin Boston Chicago Delhi Seoul".split()
JOBS = "teacher doctor baker farmer pilot nurse builder cook writer painter student gardener".split()


def name(rng):
    if rng.random() < 0.3:  # an invented name, so that copying is learned and not a list
        return cap("".join(pick(rng, SYLLABLES) for _ in range(pick(rng, [2, 2, 3]))))
    return pick(rng, NAMES)


def facts(rng):
    """-> (statement, reply, question, answer, expected)."""
    n, c, f, p, town, job, k = name(rng), pick(rng, COLOURS), pick(rng, FOODS), pick(rng, PETS), pick(rng, CITIES), pick(rng, JOBS), rng.randrange(5, 90)
    return pick(rng, [
        (pick(rng, ["My name is {v}.", "I am {v}.", "I'm {v}", "Call me {v}.", "Hi, I'm {v}!", "Hello, my name is {v}.", "my name is {v}", "You can call me {v}."]), pick(rng, ["Nice to meet you, **{v}**!", "Hello, {v}! How can I help you?", "Hi {v}! Nice to meet you."]), pick(rng, ["What is my name?", "Do you know my name?", "Who am I?", "What's my name?", "Do you remember my name?"]), pick(rng, ["Your name is **{v}**.", "You are **{v}**."]), n),
    ] * 4 + [
        (pick(rng, ["My favourite colour is {v}.", "I like the colour {v}.", "My favorite color is {v}"]), "{V} is a lovely colour!", pick(rng, ["What is my favourite colour?", "Which colour do I like?", "What's my favorite color?"]), "Your favourite colour is **{v}**.", c),
        (pick(rng, ["I like {v}.", "My favourite food is {v}.", "I love {v}"]), "{V}: good choice! 😋", pick(rng, ["What is my favourite food?", "What do I like to eat?", "Which food do I like?"]), "You like **{v}**.", f),
        (pick(rng, ["I have {av}.", "My pet is {av}.", "I have {av} at home"]), "How nice! {AV} is good company. 🐾", pick(rng, ["What pet do I have?", "Which pet do I have?", "What animal do I have?"]), "You have **{av}**.", p),
        (pick(rng, ["I have a {q} called {{v}}.", "My {q} is named {{v}}.", "The name of my {q} is {{v}}."]).format(q=p), "{v} is a nice name! 🐾", pick(rng, ["What is my {q} called?", "What is the name of my {q}?", "What's my {q}'s name?"]).format(q=p), "Your {q} is called **{{v}}**.".format(q=p), n),
        (pick(rng, ["I live in {v}.", "I am from {v}.", "I come from {v}"]), "{v} is a fine place. How do you like it there?", pick(rng, ["Where do I live?", "Where am I from?", "Which city am I from?"]), "You told me: **{v}**.", town),
        (pick(rng, ["I am {av}.", "I work as {av}.", "My job is {v}"]), "That sounds interesting! Do you like being {av}?", pick(rng, ["What is my job?", "What do I do?", "What's my job?"]), "You are **{av}**.", job),
        (pick(rng, ["I am {v} years old.", "My age is {v}.", "I'm {v} years old"]), "{v} is a good age!", pick(rng, ["How old am I?", "What is my age?"]), "You are **{v}** years old.", str(k)),
        (pick(rng, ["Remember the number {v}.", "The secret number is {v}.", "My lucky number is {v}."]), "I will keep in mind: {v}.", pick(rng, ["What was the number?", "Which number did I say?", "What is the number?"]), "The number is **{v}**.", str(k * 7)),
        (pick(rng, ["Remember this word: {v}.", "The secret word is {v}.", "Keep this word in mind: {v}"]), "I will remember **{v}**.", pick(rng, ["What was the word?", "Which word did I say?", "What is the secret word?"]), "The word is **{v}**.", pick(rng, WORDS)),
    ])


WORDS = vocabulary.words()


def render(rng):
    statement, reply, question, answer, v = facts(rng)
    values = dict(v=v, V=cap(v), av=a(v), AV=cap(a(v)))
    return [s.format(**values) for s in (statement, reply, question, answer)] + [v]


def between(rng):
    """One or two turns of other talk."""
    lines = []
    for _ in range(pick(rng, [0, 0, 1, 1, 2])):
        i = (smalltalk if rng.random() < 0.4 else arithmetic).sample(rng)
        if len(i.turns) == 2 and not held_out(i):
            lines += [t[1][0]["text"] for t in i.turns]
    return lines


def sample(rng):
    r = rng.random()
    s1, r1, q1, a1, v1 = render(rng)
    if r > 0.92:  # what was just said
        i = pick(rng, [smalltalk, arithmetic]).sample(rng)
        said, reply = i.turns[0][1][0]["text"], i.turns[1][1][0]["text"]
        q, answer = pick(rng, [("What did I just say?", f'You said: "{said}"'), ("What did I ask?", f'You asked: "{said}"'), ("What did you say?", f'I said: "{reply}"'), ("Repeat your answer.", reply), ("Say that again.", reply)])
        if len(said + reply) < 160 and not held_out(i):
            return dialogue("memory/last", said + q, said, reply, q, answer, expect=said if "You" in answer[:3] else reply)
    if r < 0.12:  # asked before it was told
        return dialogue("memory/unknown", q1 + v1[:2], q1, pick(rng, ["I don't know yet. Please tell me!", "You have not told me yet.", "I do not know; you have not told me."]), s1, r1, q1, a1)
    if r < 0.2:
        return dialogue("memory/unknown", q1, q1, pick(rng, ["I don't know yet. Please tell me!", "You have not told me yet.", "I do not know; you have not told me."]))
    if r < 0.45:
        s2, r2, q2, a2, v2 = render(rng)
        if q1[:12] != q2[:12] and s1[:6] != s2[:6]:
            lines = [s1, r1, s2, r2] + between(rng)
            return dialogue("memory/two", f"{s1}{s2}", *lines, *([q1, a1] if rng.random() < .5 else [q1, a1, q2, a2]), expect=v1)
    return dialogue("memory/one", s1 + q1, s1, r1, *between(rng), q1, a1, expect=v1)
