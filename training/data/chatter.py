"""Question and answer pairs of chatterbot-corpus (BSD-3-Clause), only those that are true, kind and in character."""
import os
import re

from .common import item, pick

NAME, WEIGHT = "chatter", 0.01

PAIRS = []  # (question, answer)
# Picked by hand: the start of each question whose answer is true, lasting and fit for children.
PICKED = """What was the name of the first artificial Earth satellite; What is the name of the nearest major galaxy; Dolphins use a sense; In a website browser address bar; What is the tiny piece at the end of a shoelace; What is the tallest breed of dog; What is the softest mineral;
How many ribs are in; What is the world’s biggest island; What is the smallest ocean; What color eyes do most humans; What is the largest type of deer; What is the name of the Earth’s largest ocean; What is the common name for dried plums; Which planet is the hottest;
Which country produces the most coffee; Which two countries share the longest; What is the smallest country; How many hearts does an octopus; How many eyes does a bee; Who was the first woman to win a Nobel; What is the painting; Ludwig Van Beethoven was born; What did the Crocodile swallow;
What’s the hardest rock; What is the national dish of Spain; Which horoscope sign has a crab; The Statue of Liberty was given; Where is the Sea of Tranquility; Which chess piece can only move diagonally; What is a community of ants; How many signs are there in the Zodiac; What object is said to bring bad luck;
What is the Jewish New Year; What is the first element; What does a Scoville; What is an ice hockey puck; How many red stripes; What is Japanese sake; As what type of beans; What is the only metal that is a liquid; What’s the most populous city in the United; What’s the brightest star; Carrots are a good source;
What is the most abundant metal; What is the most abundant element; What was the predecessor to the United Nations; A flamboyance; What color is a polar bear’s skin; What is the largest lizard; Europe is separated from Africa; Canberra is the capital; Which nuts are used; Botany is; Squab is; If a male donkey;
What is the largest planet in our; What has a gravitational pull; What vitamin does the sun; Nepal is located; What does a seismologist; What are the bones in the fingers; What particle in an atom; What is the biggest artery; What is the name of Jordan’s capital; The tuba is; Which is the main substance used to make a crayon;
Which artist painted; What grows from an acorn; What is the main ingredient in falafel; What currency is used in South Africa; Port-au-Prince is; What gas makes soda; What is the most populous city in Canada; Islamabad is; Where is the uvula; What type of lens has a thin middle; Which young girl helped; What is cytology;
What is bacteriology; What is crystallography; How far is the sun; How far is the moon; What is thermodynamics; What mammal; Which shakespeare; Who wrote""".replace("\n", " ").split("; ")
FILES = ["trivia", "science"]


def load(folder):
    """Each conversation is '- - question' then '  - answer' lines; later lines may continue an answer."""
    for stem in FILES:
        path = os.path.join(folder, stem + ".yml")
        if not os.path.exists(path):
            continue
        talks = []
        for line in open(path, encoding="utf-8"):
            line = line.rstrip("\n")
            if line.startswith("- - "):
                talks.append([line[4:]])
            elif line.startswith("  - ") and talks:
                talks[-1].append(line[4:])
            elif line.startswith("    ") and talks:
                talks[-1][-1] += " " + line.strip()
        for t in talks:
            if len(t) != 2:
                continue
            q, answer = (re.sub(r"\s+", " ", s.strip().strip("'\"").replace("''", "'")).strip() for s in t)
            if not any(q.lower().startswith(start.strip().lower()) for start in PICKED) or answer.startswith(("well,", "http")):
                continue
            PAIRS.append((q[0].upper() + q[1:], answer[0].upper() + answer[1:] + ("" if answer[-1] in ".!?" else ".")))


def sample(rng):
    q, answer = pick(rng, PAIRS)
    return item("chatter", q, q, answer, None)
