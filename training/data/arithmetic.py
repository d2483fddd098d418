"""Arithmetic: the four operations in digits and in words, worked steps for larger numbers, word problems."""
from .common import item, pick
from .quantities import in_words

NAME, WEIGHT = "arithmetic", 0.3

ASK = ["What is {e}?", "{e} = ?", "{e}", "What's {e}?", "How much is {e}?", "Calculate {e}.", "Work out {e}.", "Can you compute {e}?",
       "{e}=", "Solve {e}.", "What does {e} equal?", "What do you get for {e}?", "Do you know {e}?", "Please calculate {e}.", "Tell me {e}."]
OPS = {"+": ["{a} + {b}", "{a}+{b}", "{a} plus {b}", "{a} and {b} added together", "the sum of {a} and {b}"],
       "-": ["{a} - {b}", "{a}-{b}", "{a} minus {b}", "{a} take away {b}", "the difference between {a} and {b}"],
       "×": ["{a} × {b}", "{a} * {b}", "{a}*{b}", "{a} x {b}", "{a} times {b}", "{a} multiplied by {b}", "the product of {a} and {b}"],
       "÷": ["{a} ÷ {b}", "{a} / {b}", "{a}/{b}", "{a} divided by {b}"]}
NAMES = ["Tom", "Anna", "Ben", "Mia", "Sam", "Lena", "Max", "Ella", "Leo", "Nora", "Ali", "Kim", "Omar", "Zoe", "Ivan", "Ruby", "Hugo", "Maya"]
THINGS = ["apples", "pens", "books", "coins", "eggs", "balls", "stamps", "cards", "cookies", "stones", "flowers", "toys", "shells", "cups", "keys", "pears"]


def sum_key(a, op, b, form):
    """Held out by operands, in whatever wording; the small sums that everything builds on are held out by wording only."""
    if op in "+×":
        a, b = min(a, b), max(a, b)
    small = max(a, b) < 10 if op in "+-" else op == "÷" or b <= 12
    return f"{form}/{a}{op}{b}" if small else f"sum/{a}{op}{b}"


def number(rng, digits):
    return rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10 ** digits)


def sum_steps(a, b):
    """'7 + 5 = 12, 4 + 8 + 1 = 13, ...': column addition from the right."""
    steps, carry = [], 0
    while a or b:
        terms = [str(a % 10), str(b % 10)] + (["1"] if carry else [])
        total = a % 10 + b % 10 + carry
        steps.append(" + ".join(terms) + f" = {total}")
        a, b, carry = a // 10, b // 10, total // 10
    return ", ".join(steps)


def difference_steps(a, b):
    """'523 - 100 = 423, 423 - 70 = 353, ...': one place of b after the other; empty if b has only one."""
    parts = [int(d) * 10 ** (len(str(b)) - 1 - i) for i, d in enumerate(str(b)) if d != "0"]
    steps = []
    for p in parts:
        steps.append(f"{a} - {p} = {a - p}")
        a -= p
    return ", ".join(steps) if len(parts) > 1 else ""


def product_steps(a, b):
    """a × b with one digit in b, by place: '20 × 7 + 3 × 7 = 140 + 21'."""
    parts = [int(d) * 10 ** (len(str(a)) - 1 - i) for i, d in enumerate(str(a)) if d != "0"]
    return " + ".join(f"{p} × {b}" for p in parts) + " = " + " + ".join(str(p * b) for p in parts)


def problem(rng):
    """-> skill, a, op, b, result, working."""
    r = rng.random()
    if r < 0.33:
        size = rng.random()
        if size < 0.85:
            a, b = number(rng, pick(rng, [1, 1, 2, 2, 2])), number(rng, pick(rng, [1, 1, 2, 2]))
            return "add", a, "+", b, a + b, sum_steps(a, b) if min(a, b) > 9 else ""
        a, b = number(rng, 3), number(rng, pick(rng, [1, 2, 3, 3]))
        if rng.random() < 0.3:
            a, b = b, a
        return "add3", a, "+", b, a + b, sum_steps(a, b)
    if r < 0.6:
        if rng.random() < 0.88:
            a, b = number(rng, pick(rng, [1, 2, 2, 2])), number(rng, pick(rng, [1, 1, 2]))
            if a < b and rng.random() < 0.8:
                a, b = b, a
            return "subtract", a, "-", b, a - b, difference_steps(a, b) if a >= b else ""
        a, b = number(rng, 3), number(rng, pick(rng, [1, 2, 3]))
        a, b = max(a, b), min(a, b)
        return "subtract3", a, "-", b, a - b, difference_steps(a, b)
    if r < 0.84:
        if rng.random() < 0.72:
            a, b = rng.randrange(0, 13), pick(rng, range(13))
            return "times-table", a, "×", b, a * b, ""
        a, b = number(rng, pick(rng, [2, 2, 3])), rng.randrange(2, 10)
        steps = product_steps(a, b) if len(str(a).strip("0")) > 1 else ""
        if rng.random() < 0.2:
            return "multiply", b, "×", a, a * b, steps
        return "multiply", a, "×", b, a * b, steps
    b, q = rng.randrange(1, 13), rng.randrange(0, 13)
    return "divide", b * q, "÷", b, q, ""


def direct(rng):
    skill, a, op, b, result, working = problem(rng)
    if op == "÷" and b > 1 and rng.random() < 0.12:
        rest = rng.randrange(1, b)
        question = pick(rng, ASK).format(e=pick(rng, OPS["÷"]).format(a=a + rest, b=b))
        return item("arithmetic/remainder", f"{a + rest}÷{b}", question, f"{a + rest} ÷ {b} = **{result}** with a remainder of **{rest}**.", str(rest))
    shown = f"{a} {op} {b}"
    x, y = (in_words(a), in_words(b)) if a < 100 and b < 100 and rng.random() < 0.12 else (a, b)
    forms = OPS[op] if x == a else [f for f in OPS[op] if "{a} " in f and not set(f) & set("+-×*÷/") and " x " not in f]
    expression = pick(rng, forms).format(a=x, b=y)
    ask = ASK[0] if expression.startswith("the ") else pick(rng, ASK)
    question = ask.format(e=expression)
    key = sum_key(a, op, b, question)
    if x != a:
        return item("arithmetic/in-words", key, question, f"{x} {({'+': 'plus', '-': 'minus', '×': 'times', '÷': 'divided by'})[op]} {y} is **{in_words(result)}**.".capitalize(), in_words(result))
    if working and op != "×":
        return item("arithmetic/" + skill, key, question, f"{working}. So {shown} = **{result}**.", str(result))
    if working:
        return item("arithmetic/" + skill, key, question, f"{shown} = {working} = **{result}**.", str(result))
    answer = pick(rng, ["{s} = **{r}**.", "{s} = **{r}**.", "{s} = **{r}**.", "It is **{r}**: {s} = {r}."]).format(s=shown, r=result)
    return item("arithmetic/" + skill, key, question, answer, str(result))


def chain(rng):
    a, b, c = rng.randrange(1, 50), rng.randrange(1, 30), rng.randrange(1, 20)
    kind = int(rng.random() * 4)
    if kind == 0:
        e, mid, r = f"{a} + {b} + {c}", f"{a + b} + {c}", a + b + c
    elif kind == 1:
        e, mid, r = f"{a} + {b} - {c}", f"{a + b} - {c}", a + b - c
    elif kind == 2:
        b, c = rng.randrange(2, 11), rng.randrange(2, 11)
        e, mid, r = f"{a} + {b} × {c}", f"{a} + {b * c}", a + b * c
    else:
        a, b, c = rng.randrange(1, 11), rng.randrange(1, 11), rng.randrange(2, 10)
        e, mid, r = f"({a} + {b}) × {c}", f"{a + b} × {c}", (a + b) * c
    return item("arithmetic/two-steps", e, pick(rng, ASK).format(e=e), f"{e} = {mid} = **{r}**.", str(r))


STORIES = [
    ("+", "{n} has {a} {t} and gets {b} more. How many {t} does {n} have now?"),
    ("+", "{n} has {a} {t}. {m} has {b} {t}. How many {t} do they have together?"),
    ("+", "There are {a} {t} on the table and {b} {t} on the floor. How many {t} are there in all?"),
    ("+", "{n} found {a} {t} in the morning and {b} in the evening. How many {t} is that?"),
    ("-", "{n} has {a} {t} and gives {b} to {m}. How many {t} are left?"),
    ("-", "{n} had {a} {t} but lost {b} of them. How many {t} does {n} have now?"),
    ("-", "There were {a} {t} in a box. {n} took {b} out. How many {t} are still in the box?"),
    ("-", "{n} has {a} {t} and {m} has {b}. How many more {t} does {n} have than {m}?"),
    ("×", "{n} has {a} boxes with {b} {t} in each. How many {t} is that?"),
    ("×", "There are {a} children and each has {b} {t}. How many {t} are there?"),
    ("×", "One bag holds {b} {t}. How many {t} do {a} bags hold?"),
    ("÷", "{n} shares {a} {t} equally among {b} friends. How many does each get?"),
    ("÷", "{a} {t} are put into {b} boxes, the same number in each. How many {t} are in one box?"),
]


def word_problem(rng):
    op, template = pick(rng, STORIES)
    if op == "+":
        a, b = rng.randrange(1, 60), rng.randrange(1, 40)
        r = a + b
    elif op == "-":
        a = rng.randrange(3, 70)
        b = rng.randrange(1, a)
        r = a - b
    elif op == "×":
        a, b = rng.randrange(2, 11), rng.randrange(2, 11)
        r = a * b
    else:
        b, r = rng.randrange(2, 11), rng.randrange(1, 11)
        a = b * r
    n, m = rng.sample(NAMES, 2)
    t = pick(rng, THINGS)
    question = template.format(n=n, m=m, a=a, b=b, t=t)
    answer = pick(rng, ["{a} {o} {b} = {r}, so the answer is **{r} {t}**.", "{a} {o} {b} = **{r}** {t}."]).format(a=a, o=op, b=b, r=r, t=t if r != 1 else t.rstrip("s"))
    return item("arithmetic/word-problem", sum_key(a, op, b, template), question, answer, str(r), plain=True)


def check(rng):
    """'Is 7 + 5 = 13?': yes or no, with the right sum."""
    _, a, op, b, r, _ = problem(rng)
    if a > 99 or b > 99:
        a, b, op, r = a % 90 + 1, b % 90 + 1, "+", a % 90 + b % 90 + 2
    said = r if rng.random() < 0.5 else max(0, r + pick(rng, [-10, -2, -1, 1, 2, 10]))
    question = pick(rng, ["Is {s} = {w}?", "Is it true that {s} = {w}?", "{s} = {w}, right?", "Does {s} equal {w}?"]).format(s=f"{a} {op} {b}", w=said)
    answer = f"**Yes**, {a} {op} {b} = {r}." if said == r else f"**No**, {a} {op} {b} = {r}, not {said}."
    return item("arithmetic/check", sum_key(a, op, b, question), question, answer, "Yes" if said == r else "No")


def sample(rng):
    r = rng.random()
    return direct(rng) if r < 0.72 else chain(rng) if r < 0.8 else word_problem(rng) if r < 0.94 else check(rng)
