"""Numbers as things: counting, comparing, ordering, even and odd, digits and words, clock, calendar, money."""
from .common import item, pick, join, cap

NAME, WEIGHT = "quantities", 0.13

SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()


def in_words(n):
    if n < 0:
        return "minus " + in_words(-n)
    if n < 20:
        return SMALL[n]
    if n < 100:
        return TENS[n // 10] + ("-" + SMALL[n % 10] if n % 10 else "")
    if n < 1000:
        return SMALL[n // 100] + " hundred" + (" and " + in_words(n % 100) if n % 100 else "")
    return in_words(n // 1000) + " thousand" + (" " + in_words(n % 1000) if n % 1000 else "")


def count(rng):
    down = rng.random() < 0.2
    lo = pick(rng, [1, 1, 1, rng.randrange(0, 90)])
    hi = lo + rng.randrange(2, 20)
    a, b = (hi, lo) if down else (lo, hi)
    if not down and rng.random() < 0.15:
        step = pick(rng, [2, 5, 10])
        b = step * rng.randrange(3, 11)
        q = pick(rng, ["Count by {s}s up to {b}.", "Count in steps of {s} to {b}."]).format(s=step, b=b)
        return item("quantities/count", f"by{step}:{b}", q, ", ".join(map(str, range(step, b + 1, step))) + ".", ", ".join(map(str, range(step, b + 1, step))))
    q = pick(rng, ["Count from {a} to {b}.", "Can you count from {a} to {b}?", "Count {a} to {b}", "List the numbers from {a} to {b}."] + ([] if a != 1 else ["Count to {b}.", "Can you count up to {b}?"])).format(a=a, b=b)
    if down:
        q = pick(rng, ["Count down from {a} to {b}.", "Count backwards from {a} to {b}."]).format(a=a, b=b)
    numbers = ", ".join(map(str, range(a, b - 1, -1) if down else range(a, b + 1)))
    return item("quantities/count", f"{a}..{b}", q, numbers + ".", numbers)


def neighbour(rng):
    n = pick(rng, [rng.randrange(1, 20), rng.randrange(1, 200), rng.randrange(1, 1000)])
    after = rng.random() < 0.6
    q = pick(rng, ["What number comes after {n}?", "What is the next number after {n}?", "Which number follows {n}?", "What comes after {n}?"] if after
             else ["What number comes before {n}?", "Which number is just before {n}?", "What comes before {n}?"]).format(n=n)
    m = n + 1 if after else n - 1
    return item("quantities/next", f"{n}{'>' if after else '<'}", q, f"**{m}** comes {'after' if after else 'before'} {n}.", str(m))


def parity(rng):
    n = pick(rng, [rng.randrange(0, 100), rng.randrange(0, 1000)])
    kind = "even" if n % 2 == 0 else "odd"
    r = rng.random()
    if r < 0.5:
        return item("quantities/even-odd", f"parity{n}", pick(rng, ["Is {n} even or odd?", "Is {n} odd or even?", "Even or odd: {n}?"]).format(n=n), f"{n} is **{kind}**.", kind)
    asked = pick(rng, ["even", "odd"])
    return item("quantities/even-odd", f"parity{n}{asked}", pick(rng, ["Is {n} {k}?", "Is {n} an {k} number?", "Is the number {n} {k}?"]).format(n=n, k=asked),
                f"**{'Yes' if asked == kind else 'No'}**, {n} is {kind}.", "Yes" if asked == kind else "No")


def compare(rng):
    top = pick(rng, [20, 100, 1000])
    if rng.random() < 0.6:
        a, b = rng.sample(range(top), 2)
        big = rng.random() < 0.6
        w = (max if big else min)(a, b)
        o = (min if big else max)(a, b)
        word = pick(rng, ["bigger", "larger", "greater"] if big else ["smaller", "less"])
        q = pick(rng, ["Which is {w}, {a} or {b}?", "Which number is {w}: {a} or {b}?", "What is {w}, {a} or {b}?"]).format(w=word, a=a, b=b)
        if rng.random() < 0.3:
            q = f"Is {a} {word} than {b}?"
            yes = (a > b) == big
            return item("quantities/compare", f"{a}?{b}{big}q", q, f"**{'Yes' if yes else 'No'}**, {a} is {'bigger' if a > b else 'smaller'} than {b}.", "Yes" if yes else "No")
        return item("quantities/compare", f"{a}?{b}{big}", q, f"**{w}** is {word} than {o}.", str(w))
    ns = rng.sample(range(top), rng.randrange(3, 6))
    listed = ", ".join(map(str, ns))
    r = rng.random()
    if r < 0.35:
        return item("quantities/largest", "max" + listed, pick(rng, ["What is the largest of {l}?", "Which is the biggest: {l}?", "Find the largest number: {l}"]).format(l=listed), f"The largest is **{max(ns)}**.", str(max(ns)))
    if r < 0.6:
        return item("quantities/largest", "min" + listed, pick(rng, ["What is the smallest of {l}?", "Which is the smallest: {l}?"]).format(l=listed), f"The smallest is **{min(ns)}**.", str(min(ns)))
    up = ", ".join(map(str, sorted(ns)))
    return item("quantities/sort", "sort" + listed, pick(rng, ["Sort these numbers: {l}", "Put these numbers in order: {l}", "Order {l} from smallest to largest."]).format(l=listed), up + ".", up)


def words(rng):
    n = pick(rng, [rng.randrange(0, 21), rng.randrange(0, 100), rng.randrange(0, 1000)])
    if rng.random() < 0.55:
        q = pick(rng, ["Write {n} in words.", "How do you write {n} in words?", "{n} in words?", "How do you say {n} in words?", "Spell out the number {n}."]).format(n=n)
        return item("quantities/number-words", f"w{n}", q, f"{n} is **{in_words(n)}**.", in_words(n))
    q = pick(rng, ["Write {w} in digits.", "Write {w} as a number.", "What is {w} in digits?", "{w} in digits?"]).format(w=in_words(n))
    return item("quantities/number-words", f"d{n}", q, f"{cap(in_words(n))} is **{n}**.", str(n))


def pattern(rng):
    start, step = rng.randrange(0, 30), pick(rng, [1, 2, 2, 3, 4, 5, 5, 10, 10, 7])
    seq = [start + i * step for i in range(4)]
    if rng.random() < 0.15:
        seq, step = [2 ** i * pick(rng, [1]) for i in range(1, 5)], 0
    nxt = seq[-1] + step if step else seq[-1] * 2
    listed = ", ".join(map(str, seq))
    q = pick(rng, ["What comes next: {l}?", "Continue: {l}, ...", "{l}, what is next?", "What is the next number in {l}?"]).format(l=listed)
    return item("quantities/pattern", "seq" + listed, q, f"**{nxt}**. " + (f"Each number is {step} more than the one before." if step else "Each number is twice the one before."), str(nxt))


def calendar(rng):
    r = rng.random()
    if r < 0.3:
        i = rng.randrange(7)
        after = rng.random() < 0.6
        d = DAYS[(i + (1 if after else -1)) % 7]
        t = pick(rng, ["What day comes {w} {d}?", "Which day is {w} {d}?", "What is the day {w} {d}?", "If today is {d}, what day is {t}?"])
        q = t.format(w="after" if after else "before", d=DAYS[i], t="tomorrow" if after else "yesterday")
        a = f"If today is {DAYS[i]}, {'tomorrow' if after else 'yesterday'} is **{d}**." if t.startswith("If") else f"**{d}** comes {'after' if after else 'before'} {DAYS[i]}."
        return item("quantities/calendar", q, q, a, d)
    if r < 0.55:
        i = rng.randrange(12)
        after = rng.random() < 0.6
        m = MONTHS[(i + (1 if after else -1)) % 12]
        q = pick(rng, ["What month comes {w} {m}?", "Which month is {w} {m}?"]).format(w="after" if after else "before", m=MONTHS[i])
        return item("quantities/calendar", q, q, f"**{m}** comes {'after' if after else 'before'} {MONTHS[i]}.", m)
    if r < 0.7:
        i = rng.randrange(12)
        q = pick(rng, ["How many days are in {m}?", "How many days does {m} have?"]).format(m=MONTHS[i])
        extra = " (29 in a leap year)" if i == 1 else ""
        return item("quantities/calendar", q, q, f"{MONTHS[i]} has **{LENGTHS[i]} days**{extra}.", f"{LENGTHS[i]} days")
    if r < 0.82:
        i = rng.randrange(12)
        q = pick(rng, ["What is the {o} month of the year?", "Which month is the {o}?", "What's the {o} month?"]).format(o=ORDINALS[i])
        return item("quantities/calendar", q, q, f"The {ORDINALS[i]} month is **{MONTHS[i]}**.", MONTHS[i])
    q, a, e = pick(rng, [("List the days of the week.", join(DAYS) + ".", "Thursday"), ("What are the days of the week?", "The days of the week are " + join(DAYS) + ".", "Thursday"),
                         ("List the months of the year.", join(MONTHS) + ".", "October"), ("What are the months of the year?", "The months are " + join(MONTHS) + ".", "October"),
                         ("How many days are in a week?", "A week has **7 days**.", "7"), ("How many months are in a year?", "A year has **12 months**.", "12"),
                         ("How many days are in a year?", "A year has **365 days**, and 366 in a leap year.", "365"), ("How many hours are in a day?", "A day has **24 hours**.", "24"),
                         ("How many minutes are in an hour?", "An hour has **60 minutes**.", "60"), ("How many seconds are in a minute?", "A minute has **60 seconds**.", "60"),
                         ("How many weeks are in a year?", "A year has about **52 weeks**.", "52"), ("How many years are in a century?", "A century has **100 years**.", "100"),
                         ("What are the seasons?", "The four seasons are spring, summer, autumn and winter.", "winter"), ("How many seasons are there?", "There are **four** seasons: spring, summer, autumn and winter.", "four"),
                         ("What are the days of the weekend?", "The weekend is **Saturday and Sunday**.", "Saturday and Sunday"), ("How many cents are in a dollar?", "A dollar has **100 cents**.", "100"),
                         ("How many things are in a dozen?", "A dozen is **12**.", "12"), ("How many centimetres are in a metre?", "A metre has **100 centimetres**.", "100"),
                         ("How many metres are in a kilometre?", "A kilometre has **1000 metres**.", "1000"), ("How many grams are in a kilogram?", "A kilogram has **1000 grams**.", "1000")])
    return item("quantities/calendar", q + "#", q, a, e)


def half(rng):
    n = rng.randrange(1, 51)
    q, a = pick(rng, [("half of {d}", n), ("double {n}", 2 * n), ("twice {n}", 2 * n), ("{n} squared", n * n if n < 21 else None), ("10 percent of {t}", n), ("50% of {d}", n)])
    if a is None:
        return half(rng)
    e = q.format(n=n, d=2 * n, t=10 * n)
    return item("quantities/half-double", e, pick(rng, ["What is {e}?", "What's {e}?", "How much is {e}?"]).format(e=e), f"{cap(e)} is **{a}**.", str(a))


KINDS = [count, count, count, neighbour, parity, compare, compare, words, words, words, pattern, calendar, calendar, half]


def sample(rng):
    return pick(rng, KINDS)(rng)
