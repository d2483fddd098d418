"""Letters of words: spelling, length, first and last letter, reversing, capitals, vowels, the alphabet."""
from .common import item, pick
from . import vocabulary

NAME, WEIGHT = "spelling", 0.125

# Short words that people ask about; all of vocabulary.words() needs a longer training.
WORDS = sorted({w for w in [*vocabulary.meanings(), *(m for ms in vocabulary.GROUPS.values() for m in ms.split()), *(w for p in vocabulary.pairs(vocabulary.OPPOSITES) for w in p)] if w.isalpha() and w.islower() and 2 < len(w) <= 8})
ABC = "abcdefghijklmnopqrstuvwxyz"
SAY = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def spaced(word):
    return "-".join(word.upper())


def spell(rng):
    w = pick(rng, WORDS)
    q = pick(rng, ["How do you spell {w}?", 'Spell "{w}".', "Spell {w}.", "Can you spell {w}?", "Spell the word {w}.", 'How is "{w}" spelled?', "How do I spell {w}?", "What is the spelling of {w}?"]).format(w=w)
    return item("spelling/spell", "spell" + w, q, f"**{spaced(w)}**", spaced(w))


def length(rng):
    w = pick(rng, WORDS)
    q = pick(rng, ["How many letters are in {w}?", 'How many letters does "{w}" have?', "How many letters are there in the word {w}?", "Count the letters in {w}.", "How long is the word {w}?"]).format(w=w)
    return item("spelling/length", "length" + w, q, f"{spaced(w)}: **{len(w)}** letters.", str(len(w)))


def place(rng):
    w = pick(rng, WORDS)
    which, letter = pick(rng, [("first", w[0]), ("last", w[-1]), ("second", w[1]), ("first", w[0]), ("last", w[-1])] + ([("third", w[2])] if len(w) > 2 else []))
    q = pick(rng, ["What is the {p} letter of {w}?", 'What is the {p} letter in "{w}"?', "Which letter is {p} in {w}?", "{P} letter of {w}?"]).format(p=which, P=which.capitalize(), w=w)
    return item("spelling/letter", which + w, q, f"The {which} letter of {w} is **{letter.upper()}**.", letter.upper())


def reverse(rng):
    w = pick(rng, [x for x in WORDS if len(x) <= 6])
    q = pick(rng, ["Reverse the word {w}.", "Spell {w} backwards.", "What is {w} backwards?", 'Write "{w}" backwards.', "Say {w} backwards."]).format(w=w)
    return item("spelling/reverse", "reverse" + w, q, f"{spaced(w)} backwards is **{spaced(w[::-1])}**.", spaced(w[::-1]))


def capitals(rng):
    w = pick(rng, WORDS)
    q = pick(rng, ["Write {w} in capital letters.", "Write {w} in capitals.", "Put {w} in uppercase.", "{w} in uppercase?"]).format(w=w)
    return item("spelling/capitals", "upper" + w, q, f"**{w.upper()}**", w.upper())


def contains(rng):
    w = pick(rng, WORDS)
    letter = pick(rng, w if rng.random() < 0.65 else ABC)
    n = w.count(letter)
    if rng.random() < 0.5:
        q = pick(rng, ["Is there {a} {l} in {w}?", "Does {w} have {a} {l}?", "Does the word {w} contain the letter {l}?"]).format(a="an" if letter in "aefhilmnorsx" else "a", l=letter.upper(), w=w)
        return item("spelling/contains", letter + "in" + w, q, f"{spaced(w)}: **{'yes' if n else 'no'}**.", "yes" if n else "no")
    q = pick(rng, ["How many times does {l} appear in {w}?", "How many {l}s are in {w}?", "How many {l}'s are there in {w}?"]).format(l=letter.upper() if rng.random() < .5 else letter, w=w)
    return item("spelling/contains", letter + "times" + w, q, f"{spaced(w)}: **{n}**.", str(n))


def alphabet(rng):
    i = int(rng.random() * 26)
    r = rng.random()
    if r < 0.35:
        after = i < 25 and (i == 0 or rng.random() < 0.65)
        l = ABC[i + 1] if after else ABC[i - 1]
        q = pick(rng, ["What letter comes {w} {l}?", "Which letter is {w} {l}?", "What comes {w} {l} in the alphabet?"]).format(w="after" if after else "before", l=ABC[i].upper())
        return item("spelling/alphabet", q, q, f"**{l.upper()}** comes {'after' if after else 'before'} {ABC[i].upper()}.", l.upper())
    if r < 0.6:
        vowel = ABC[i] in "aeiou"
        q = pick(rng, ["Is {l} a vowel?", "Is {l} a vowel or a consonant?", "Is the letter {l} a vowel?"]).format(l=ABC[i].upper())
        return item("spelling/alphabet", q, q, f"{ABC[i].upper()} is a **{'vowel' if vowel else 'consonant'}**.", "vowel" if vowel else "consonant")
    if r < 0.85:
        w = pick(rng, [x for x in WORDS if x[0] == ABC[i]] or WORDS)
        q = pick(rng, ["Give me a word that starts with {l}.", "Say a word beginning with {l}.", "Which word starts with {l}?", "Tell me a word that begins with the letter {l}."]).format(l=w[0].upper())
        return item("spelling/starts-with", q + w, q, f"**{w.capitalize()}** starts with {w[0].upper()}.")
    q, a = pick(rng, [("Say the alphabet.", " ".join(ABC.upper())), ("What is the alphabet?", " ".join(ABC.upper())), ("How many letters are in the alphabet?", "The English alphabet has **26** letters."), ("What are the vowels?", "The vowels are **A, E, I, O and U**."),
                      ("Which letters are vowels?", "The vowels are **A, E, I, O and U**."), ("What is the last letter of the alphabet?", "The last letter of the alphabet is **Z**."), ("What is the first letter of the alphabet?", "The first letter of the alphabet is **A**.")])
    return item("spelling/alphabet", q + "#", q, a)


KINDS = [spell] * 6 + [length] * 3 + [place] * 3 + [reverse] + [capitals] + [contains] * 2 + [alphabet] * 2


def sample(rng):
    return pick(rng, KINDS)(rng)
