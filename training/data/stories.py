"""Short fables: made from parts in the manner of Aesop, and Aesop's own (public domain) where the text is given."""
import json

from .common import item, pick, a, dialogue

NAME, WEIGHT = "stories", 0.05

AESOP = []  # (title, fable, lesson)
# Few enough to be learned by heart in a short training.
TOLD = ["The Fox and the Grapes", "The Crow and the Pitcher", "The Ant and the Dove", "The Dog and His Reflection", "The Goose and the Golden Egg", "The Two Goats", "The Wolf in Sheep's Clothing", "The Lion and the Mouse", "The Hare and the Tortoise", "The North Wind and the Sun"]
BEASTS = "fox crow lion mouse wolf hare tortoise ant bear frog cat dog goat donkey owl rabbit hen duck sheep monkey horse pig sparrow bee squirrel hedgehog swan crab deer goose".split()
WHO = {"fox": "clever", "lion": "proud", "mouse": "tiny", "wolf": "hungry", "hare": "quick", "tortoise": "slow", "ant": "busy", "bear": "strong", "owl": "wise", "donkey": "stubborn", "cat": "lazy", "crow": "vain", "bee": "busy"}
TRAITS = ["proud", "lazy", "greedy", "young", "old", "hungry", "vain", "kind", "clever", "boastful", "quiet", "careless", "patient", "small"]
PLACES = ["in a green forest", "by a wide river", "on a quiet farm", "at the edge of a village", "near an old mill", "under a tall oak", "on a sunny hill", "beside a cool pond", "in a deep valley", "by the sea"]
FOODS = ["ripe figs", "sweet berries", "golden corn", "fresh apples", "nuts", "honey", "cheese", "soft bread", "red cherries", "grain"]
TIMES = ["One day", "One hot summer day", "One cold morning", "Once", "One evening", "Long ago", "In the spring", "One rainy day"]

# (moral, sentences); {x} {y}: the two animals, {X} {Y} capitalised, {p} place, {f} food, {t} time.
PLOTS = [
    ("Slow and steady wins the race.", ["{t}, a {ax} {x} laughed at a slow {y} {p}.", '"You will never get anywhere," said the {X}.|"How slow you are!" cried the {X}.', '"Let us race to the hill," answered the {Y}.|The {Y} only said, "Then let us have a race."', "The {X} ran ahead, felt sure of winning, and lay down to sleep.|The {X} was soon far ahead and stopped to eat {f}.", "But the {Y} kept on, step by step, without a rest.", "When the {X} came at last, the {Y} was already there.|At the end of the day it was the {Y} who stood on the hill first."]),
    ("A kindness is never wasted.", ["{t}, {p}, a {x} found {ay} caught in a net.|{t}, a {x} heard {ay} crying for help {p}.", '"Please help me," said the {Y}, "and one day I will help you."', "The {X} smiled, but was kind and set the {Y} free.|The {X} took pity and let the {Y} go free.", "Not long after, the {X} fell into a deep pit.|Some days later the {X} was in danger too.", "The {Y} heard the call, came running, and brought a rope.|The {Y} remembered, came at once, and helped.", '"You see," said the {Y}, "even I can help a friend."|So the {X} was saved by a small friend.']),
    ("Do not be greedy.", ["A {x} found a pot full of {f} {p}.|{t}, a {ax} {x} found {f} in a narrow jar.", "It put in its paw and took as much as it could hold.", "But the full paw would not come out again, and the {X} began to cry.", '"Let half of it go," said {ay} who was passing by, "and your paw will come out."|A wise {y} saw it and said, "Take only half, and you will be free."', "The {X} let go of half, and at once it was free.|The {X} would not let go, and so it got nothing at all."]),
    ("Do not trust those who flatter you.", ["A {x} sat {p} with a piece of cheese.|{t}, a {ax} {x} was about to eat {f} {p}.", "A {ay2} {y} saw it and wanted the food.", '"How fine you look!" said the {Y}. "Surely you can sing as well."|"What a beautiful voice you must have," said the {Y}.', "The {X} was so pleased that it opened its mouth to sing.", "The food fell down, and the {Y} ate it all.|Down fell the food, and the {Y} ran off with it."]),
    ("Prepare today for the needs of tomorrow.", ["All summer long {ax1} {x} gathered {f} {p}.|{t}, a {x} was carrying {f} home {p}.", '"Come and play," said the {Y}. "Winter is far away."', '"I am getting ready," answered the {X}, and went on working.', "Then the snow came, and the {Y} had nothing to eat.|When winter came, the {Y} was cold and hungry.", 'The {X} shared a little and said, "Next year, work a little before you play."|The {Y} saw the full store of the {X} and was sorry.']),
    ("Nobody believes a liar, even when he tells the truth.", ["A {ax} {x} lived {p} and liked to play tricks.", '"Help! A wolf is coming!" it cried, and the {Y} came running.', "But there was no wolf, and the {X} only laughed.", "It did the same the next day, and the {Y} was angry.", "Then a wolf came indeed. The {X} called and called.", "But the {Y} stayed at home and thought it was a trick.|But nobody came to help."]),
    ("It is easy to despise what you cannot get.", ["{t}, a hungry {x} saw {f} high above {p}.", "It jumped and jumped, but could not reach them.|It tried again and again, but they hung too high.", '"Why do you not take them?" asked {ay}.', '"They are surely sour," said the {X}, and walked away with its nose in the air.|"I am not hungry," said the {X}. "And they are not ripe."']),
    ("In unity is strength.", ["Three friends, a {x}, {ay} and a dove, lived {p}.", "As long as they stayed together, no wolf dared to come near.", "{t} they began to quarrel about {f}, and each went its own way.", "Soon the wolf came for the {X}, who was alone.", 'The {Y} heard it and called, "Let us stand together again!"', "When the three stood side by side, the wolf ran away."]),
    ("Look before you leap.", ["{t}, a {x} fell into a well {p} and could not get out.", "A thirsty {y} looked down. \"Is the water good?\" it asked.", '"The best in the land," said the {X}. "Jump in!"', "The {Y} jumped without thinking, and the {X} climbed out over its back.", '"Next time," called the {X}, "look how you will get out before you jump in."']),
    ("Be content with what you have.", ["A {x} was crossing a bridge {p} with {f} in its mouth.", "It looked down and saw another {x} in the water, with even more.", "It was only its own picture in the water, but the {X} did not know that.", "It opened its mouth to take the other's food, and its own fell into the river.", '"Now you have none," said {ay} on the bank.|A {y} on the bank saw it and shook its head.']),
    ("Good thinking helps more than strength.", ["{t}, a thirsty {x} found a jar with a little water at the bottom.", "Its neck was too short to reach the water.", '"Break it," said the {Y}, who was strong, but the jar was too hard.', "Then the {X} picked up small stones and dropped them in, one by one.", "The water rose higher and higher, until the {X} could drink.|Slowly the water came up, and both of them could drink."]),
    ("Do as you would have others do to you.", ["A {x} asked {ay} to dinner {p}, and served soup in a flat dish.", "The {Y} could not eat a drop of it and went home hungry.", "Some days later the {Y} asked the {X} to dinner.", "This time the food was in a tall, narrow jar, and the {X} could not reach it.", '"I learned it from you," said the {Y}.|Then the {X} understood how unkind it had been.']),
    ("Pride comes before a fall.", ["A {ax} {x} lived {p} and boasted all day.|{t}, a boastful {x} stood high on a rock {p}.", '"There is no one as fine as I am," it said to the {Y}.', '"Be careful," said the {Y}. "The rock is loose."|"Mind your step," said the {Y} kindly.', "But the {X} held its head so high that it did not see the edge.", "Down it fell into the mud, and the {Y} helped it out."]),
    ("True friends help when there is danger.", ["A {x} and {ay} walked {p}, when a great bear came out of the trees.", "The {X} ran away at once and hid.", "The {Y} could not run so fast, so it lay down and did not move.", "The bear sniffed at it, thought it was dead, and went away.", '"What did the bear whisper to you?" asked the {X}.', '"That one should not trust a friend who runs away," said the {Y}.']),
    ("Honesty is the best policy.", ["{t}, a poor {x} lost its axe in the river {p}.", "A wise {y} dived down and brought up an axe of gold. \"Is this yours?\"", '"No," said the {X}. "Mine was old and made of iron."', "The {Y} was so pleased that it gave back the old axe, and the golden one as well.", "So the {X} went home rich, because it had told the truth."]),
    ("Help comes to those who help themselves.", ["{t}, a {x} was pulling a cart with {f} {p}, and the wheel sank into the mud.", 'The {X} sat down and cried, "Who will help me?"', '"Push the wheel yourself first," said {ay}, "and then I will push too."', "The {X} stood up and pushed with all its strength.", "With the help of the {Y}, the cart came free."]),
]


def tale(rng, x=None, y=None):
    """-> title, text, moral."""
    x = x or pick(rng, BEASTS)
    while y is None or y == x:
        y = pick(rng, BEASTS)
    moral, sentences = pick(rng, PLOTS)
    trait, other = WHO.get(x) if rng.random() < 0.4 and x in WHO else pick(rng, TRAITS), WHO.get(y) or pick(rng, TRAITS)
    values = dict(x=x, y=y, X=x.capitalize(), Y=y.capitalize(), p=pick(rng, PLACES), f=pick(rng, FOODS), t=pick(rng, TIMES), ax=trait, ax1=a(trait), ay=a(y), ay2=other)
    body = " ".join(pick(rng, s.split("|")).format(**values) for s in sentences)
    for article in (" a ", "A "):  # 'a old owl' -> 'an old owl'
        for vowel in "aeio":
            body = body.replace(article + vowel, article.rstrip() + "n " + vowel)
    return f"The {x.capitalize()} and the {y.capitalize()}", body, moral


def made(rng):
    x, y = pick(rng, BEASTS), None
    r = rng.random()
    if r < 0.45:
        q = pick(rng, ["Tell me a story about {x}.", "Tell me a fable about {x}.", "Write a story about {x}.", "Can you tell me a story about {x}?", "A story about {x}, please.", "Make up a story about {x}.", "I want a story about {x}.", "Write a short fable about {x}.", "Story about {x}", "Tell a short story with {x} in it."]).format(x=a(x))
    elif r < 0.75:
        y = pick(rng, [b for b in BEASTS if b != x])
        q = pick(rng, ["Tell me a story about {x} and {y}.", "Write a fable about {x} and {y}.", "Tell me a fable with {x} and {y}.", "A short story about {x} and {y}", "Make up a fable about {x} and {y}."]).format(x=a(x), y=a(y))
    else:
        q = pick(rng, ["Tell me a story.", "Tell me a fable.", "Tell me a short story.", "Write a story.", "Can you tell me a story?", "I want to hear a story", "Make up a fable.", "Another story, please.", "Tell me a story like Aesop's.", "Story time!", "Tell me a bedtime story."])
    title, body, moral = tale(rng, x, y)
    ending = pick(rng, ["\n\n*Moral: {m}*", "\n\n**Moral:** {m}"]).format(m=moral)
    answer = (f"**{title}**\n\n" if rng.random() < 0.75 else "") + body + ending
    expect = x.capitalize() if r < 0.75 else None
    return item("stories/about" if r < 0.75 else "stories/any", f"{x}&{y}/{q[:14]}" if r < 0.75 else q + body[:20], q, answer, expect)


def follow_up(rng):
    first = made(rng)
    story = first.turns[1][1][0]["text"]
    moral = story.split("*")[-2 if story.endswith("*") else -1].replace("Moral: ", "").strip()
    title = story.split("**")[1] if story.startswith("**") else None
    q = pick(rng, ["What is the moral?", "What is the lesson of the story?", "What does it teach us?", "And the moral?"])
    answer = f"The moral is: *{moral}*"
    if title and rng.random() < 0.4:
        q, answer = pick(rng, [("What was the title?", f"The title is **{title}**."), ("Who was in the story?", f"The story is about {title.replace('The', 'the')}.")])
    return dialogue("stories/follow-up", first.key + q, first.turns[0][1][0]["text"], story, q, answer)


def original(rng):
    """Aesop's own text, whole if short, else its beginning is never cut: long ones only serve for their morals."""
    title, fable, lesson = pick(rng, AESOP)
    r = rng.random()
    if r < 0.25:
        q = pick(rng, ['What is the moral of "{t}"?', "What does the fable {t} teach?", "What is the lesson of {t}?", "Moral of {t}?"]).format(t=title)
        return item("stories/moral", q, q, f"The moral of **{title}** is: *{lesson}*")
    if len(fable) > 700:
        return original(rng)
    q = pick(rng, ["Tell me the fable of {t}.", 'Tell me "{t}".', "Tell me the story of {t}.", "Do you know {t}?", "How does {t} go?", "Tell me Aesop's fable {t}."]).format(t=title[0].lower() + title[1:] if "of {t}" else title)
    return item("stories/aesop", q, q, f"**{title}**\n\n{fable}\n\n*Moral: {lesson}*")


def load(path):
    for f in json.load(open(path, encoding="utf-8")):
        if f["title"] in TOLD:
            AESOP.append((f["title"], f["fable"].strip(), f["lesson"].strip().replace(" .", ".")))


def moral_of(rng):
    moral = pick(rng, PLOTS)[0]
    title, body, moral = tale(rng)
    q = pick(rng, ["What is the moral of this story? {b}", "Find the moral: {b}", "{b}\n\nWhat is the moral?"]).format(b=body)
    i = item("stories/find-moral", "moral" + body[:60], q, f"*{moral}*", moral)
    i.plain = True
    return i


def sample(rng):
    r = rng.random()
    if AESOP and r < 0.22:
        return original(rng)
    return follow_up(rng) if r > 0.93 else moral_of(rng) if r > 0.89 else made(rng)
