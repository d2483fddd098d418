"""Words and what they mean: definitions, opposites, plurals, past tenses, rhymes, groups, odd one out."""
from .common import item, pick, join, a, cap
from . import vocabulary

NAME, WEIGHT = "words", 0.08

ASKED = set("cat dog sun moon star computer robot emoji fable model token browser internet algorithm privacy planet volcano telescope island rainbow library book friend house school king queen doctor teacher water snow rain tree flower horse lion whale elephant honest brave kind patience courage apple bread car bicycle moral story".split())
# The often asked and every second one of the rest: what a short training can keep.
MEANINGS = [m for i, m in enumerate(vocabulary.meanings().items()) if i % 2 == 0 or m[0] in ASKED]
OPPOSITES, PLURALS, PASTS, RHYMES = (vocabulary.pairs(t) for t in (vocabulary.OPPOSITES, vocabulary.PLURALS, vocabulary.PASTS, vocabulary.RHYMES))
GROUPS = {g: [m.replace("-", " ") for m in ms.split()] for g, ms in vocabulary.GROUPS.items()}
NO_ARTICLE = set("water milk bread butter cheese rice salt sand sugar snow rain wood wool wind weather music money grass gold glass fog honey ice jam juice paint paper soap corn courage thunder medicine patience privacy data software autumn spring summer winter breakfast dinner lunch sleep dance tea happy hungry honest proud wise kind brave lazy angry tired greedy clever gentle scissors police english".split())
THE = {"sun", "moon", "earth", "sky", "internet", "sea", "world"}
NOT_NOUNS = set("happy hungry honest proud wise kind brave lazy angry tired greedy clever gentle dance".split())


def named(word):
    if word in NOT_NOUNS:
        return None
    return f"the {word.capitalize() if word == 'earth' else word}" if word in THE else word if word in NO_ARTICLE else a(word)


def definition(rng):
    word, meaning = pick(rng, MEANINGS)
    noun = named(word)
    forms = ['What does "{w}" mean?', "What does {w} mean?", "Define {w}.", 'Define "{w}".', "What is the meaning of {w}?", "Explain the word {w}.", 'What is meant by "{w}"?', "Can you explain what {w} means?", "Meaning of {w}?"]
    if noun:
        forms += ["What is {n}?", "What is {n}?", "What's {n}?", "Tell me what {n} is.", "Do you know what {n} is?", "Explain to me what {n} is.", "What is {n}, in simple words?"] * 1
    form = pick(rng, forms)
    question = form.format(w=word, n=noun)
    if noun and "{n}" in form:
        verb = "are" if word in ("scissors", "police", "data") else "is"
        answer = f"{cap(noun)} {verb} **{meaning.split(';')[0]}**."
    else:
        answer = f"**{cap(word)}** means: {meaning}."
    return item("words/definition", f"{word}/{form}", question, answer, meaning)


def which_word(rng):
    word, meaning = pick(rng, MEANINGS)
    if word in NOT_NOUNS:
        return definition(rng)
    form = pick(rng, ["What do you call {m}?", "Which word means {m}?", "What is the word for {m}?", "What is {m} called?"])
    return item("words/which-word", f"{word}/{form}", form.format(m=meaning), f"That is **{named(word)}**.", word)


def opposite(rng):
    x, y = pick(rng, OPPOSITES)
    if rng.random() < 0.4 and not any(p[0] == y for p in OPPOSITES):
        x, y = y, x
    form = pick(rng, ["What is the opposite of {x}?", "Opposite of {x}?", "What's the opposite of {x}?", 'Give me the opposite of "{x}".', "Which word is the opposite of {x}?", "What is the antonym of {x}?", "{X} is the opposite of what?", "Tell me the opposite of {x}."])
    return item("words/opposite", f"{x}/{form}", form.format(x=x, X=cap(x)), pick(rng, [f"The opposite of {x} is **{y}**."]), y)


def plural(rng):
    one, many = pick(rng, PLURALS)
    form = pick(rng, ["What is the plural of {x}?", "Plural of {x}?", 'What is the plural of "{x}"?', "One {x}, two ...?", "How do you say more than one {x}?", "What's the plural of {x}?", "Give the plural of {x}."])
    return item("words/plural", f"{one}/{form}", form.format(x=one), f"One {one}, two **{many}**." if "One" in form else f"The plural of {one} is **{many}**.", many)


def past(rng):
    now, then = pick(rng, PASTS)
    form = pick(rng, ["What is the past tense of {x}?", "Past tense of {x}?", 'What is the past tense of "{x}"?', "What's the past of {x}?", "Put {x} in the past tense.", "Today I {x}, yesterday I ...?"])
    if now in ("is", "are") and form.startswith("Today"):
        form = "Past tense of {x}?"
    return item("words/past", f"{now}/{form}", form.format(x=now), f"The past tense of {now} is **{then}**.", then)


def rhyme(rng):
    family = pick(rng, RHYMES)
    word = pick(rng, family)
    others = [w for w in family if w != word]
    form = pick(rng, ["What rhymes with {x}?", "Give me a rhyme for {x}.", "Which word rhymes with {x}?", 'What word rhymes with "{x}"?', "Find a rhyme for {x}."])
    return item("words/rhyme", f"{word}/{form}", form.format(x=word), f"**{cap(others[0])}** rhymes with {word}." if len(others) == 1 or rng.random() < 0.6 else f"{join([f'**{w}**' for w in others])} rhyme with {word}.", others[0])


def kind(rng):
    group = pick(rng, list(GROUPS))
    member = pick(rng, GROUPS[group])
    single = vocabulary.SINGULAR.get(group) or a(group[:-1])
    noun = member if group in ("colours", "drinks", "sports", "foods", "metals", "feelings", "school subjects", "languages", "clothes", "continents", "countries", "planets") else a(member)
    if group == "clothes":
        noun = a(member)
    if rng.random() < 0.5:
        form = pick(rng, ["What kind of thing is {n}?", "What sort of thing is {n}?", "Which group does {n} belong to: {x} or {y}?"])
        other = pick(rng, [g for g in GROUPS if g != group and member not in GROUPS[g]])
        x, y = (group, other) if rng.random() < 0.5 else (other, group)
        return item("words/group", f"{group}/{member}/{form}/{other}", form.format(n=noun, x=x, y=y), f"{cap(noun)} is **{single}**.", single)
    wrong = pick(rng, [g for g in GROUPS if member not in GROUPS[g] and not ({g, group} <= {"animals", "pets", "birds", "insects", "sea animals"}) and not ({g, group} <= {"foods", "fruits", "vegetables", "drinks"})])
    yes = rng.random() < 0.5
    asked = single if yes else vocabulary.SINGULAR.get(wrong) or a(wrong[:-1])
    q = pick(rng, ["Is {n} {g}?", "Would you say {n} is {g}?"]).format(n=noun, g=asked)
    return item("words/is-it", f"{member}?{asked}", q, f"**Yes**, {noun} is {single}." if yes else f"**No**, {noun} is {single}, not {asked}.", "Yes" if yes else "No")


def odd_one(rng):
    group, other = rng.sample([g for g in GROUPS if g not in ("pets", "foods", "drinks", "trees", "planets")], 2)
    if {group, other} <= {"animals", "birds", "insects", "sea animals", "fruits", "vegetables"} or (group in ("colours", "fruits") and other in ("colours", "fruits", "flowers")):
        return odd_one(rng)
    same = rng.sample(GROUPS[group], 3)
    odd = pick(rng, [m for m in GROUPS[other] if m not in GROUPS[group]])
    listed = same + [odd]
    rng.shuffle(listed)
    q = pick(rng, ["Which is the odd one out: {l}?", "Which one does not belong: {l}?", "Find the odd one out: {l}."]).format(l=join(listed, "or" if rng.random() < .5 else "and"))
    single = vocabulary.SINGULAR.get(other) or a(other[:-1])
    return item("words/odd-one-out", "odd" + ",".join(sorted(listed)), q, f"**{cap(odd)}**. The others are {group}, but {odd} is {single}.", odd)


KINDS = [definition] * 6 + [which_word] * 2 + [opposite] * 3 + [plural] * 2 + [past] * 2 + [rhyme] + [kind] * 3 + [odd_one] * 2


def sample(rng):
    return pick(rng, KINDS)(rng)
