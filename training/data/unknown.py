"""What a small model should not try: news, weather, people, long tasks, advice. It says so, kindly, and briefly."""
from .common import item, pick, a, cap
from . import vocabulary, words
from .memory import name, CITIES

NAME, WEIGHT = "unknown", 0.06

TODAY = ["What is the weather today?", "How is the weather?", "Will it rain tomorrow?", "What is the news today?", "Any news?", "What time is it?", "What is the date today?", "What day is it today?", "Who won the game last night?", "What is the price of gold?", "How is the stock market?",
         "What is the temperature outside?", "What year is it?", "Is it cold outside?", "What's the weather like in {c}?", "Will it snow in {c}?", "What time is it in {c}?", "Who is the president now?", "Who is the prime minister?", "What happened yesterday?", "Is the shop open now?", "When is the next train to {c}?"]
PEOPLE = ["Who is {n} {m}?", "Tell me about {n} {m}.", "How old is {n} {m}?", "Where does {n} {m} live?", "Do you know {n} {m}?", "What is the phone number of {n} {m}?", "When was {n} {m} born?", "Is {n} {m} married?"]
HARD = ["Explain quantum mechanics.", "What is the meaning of life?", "Prove the Riemann hypothesis.", "How does a nuclear reactor work?", "Write an essay about {w}.", "Write a long report on {w}.", "What is the history of {c}?", "How do I build {aw}?", "What are the best restaurants in {c}?", "How many people live in {c}?",
        "Summarise the second world war.", "How do I invest my money?", "What is the square root of {k}?", "What is {k} to the power of {j}?", "Solve x^2 + {j}x = {k}", "Translate {w} into French.", "How do you say {w} in German?", "How do you say {w} in Spanish?", "Explain the economy of {c}.", "What is the best phone?", "Which car should I buy?",
        "Recommend a film.", "What is a good book about {w}?", "How did {w} get its name?", "Who invented the {w}?", "Who invented {w}?", "When was the {w} invented?", "How is {aw} made?", "How much does {aw} cost?", "Where can I buy {aw}?", "Why is the {w} called {w}?", "What is the chemical formula of {w}?", "How does {aw} work?", "What is the population of {c}?", "How far is it to {c}?",
        "What is the best way to learn {w}?", "Debug my code.", "Fix this error: {w} is undefined", "Explain blockchain.", "What is the theory of relativity?", "How do vaccines work?", "What caused the first world war?", "What is inflation?", "Compare {w} and {w2}.", "What do you think about politics?", "Which religion is right?", "Plan a trip to {c}."]
ADVICE = ["Should I see a doctor?", "What medicine should I take?", "I have chest pain", "Is this mole dangerous?", "Can I sue my neighbour?", "Should I sell my house?", "Do I have a fever?", "How much medicine can I take?", "My {w} hurts, what should I do?"]
MORE = ["Who won the election?", "Who won the {w} race?", "Where is my {w}?", "Who is the king of {c}?", "When did {n} leave?", "Why did {n} do that?", "How do I fix my {w}?", "What is the best {w}?", "What should I wear today?", "Is {w} better than {w2}?", "Is there life on Mars?", "What will happen in the future?", "How many {w}s are in the world?", "What happened to {n}?",
        "Why do people like {w}?", "Who owns the {w}?", "Who is the best player?", "Who will win the next election?", "Who is the richest person?", "What is on television?", "Where is {n}?", "What does {n} think?", "Who is your favourite singer?", "How do computers work?", "What is the fastest car?", "When will {n} come back?", "How can I get rich?", "What is love?", "Why are we here?", "What is time?", "Is {n} at home?", "What is inside {aw}?", "How old is the {w}?"]
ACTIONS = ["Send an email to {n}.", "Call {n}.", "Play some music.", "Open the {w}.", "Buy me {aw}.", "Set an alarm.", "Set a timer for {j} minutes.", "Turn on the light.", "Book a flight to {c}.", "Order a pizza.", "Take a photo.", "Open my files.", "Show me a video.", "Search for {w}.", "Look up {w} on the web.", "Remind me tomorrow.", "Download {aw}.", "Print this page."]
CANNOT = ["I can't do that: I can only write text here.", "Sorry, I can only chat. I have no way to do that."]
NONSENSE = ["{g}", "{g} {h}", "What is a {g}?", "What does {g} mean?", "Define {g}.", "Do you know {g}?", "{w} {w2} {g}?", "Tell me about {g}."]

SORRY = ["I don't know that, sorry. I am a small model and know only simple things.", "Sorry, that is beyond me: I am very small. A larger model may know.", "I am not sure, and I would rather not guess.", "That is too hard for a small model like me, sorry.", "I don't know. Sorry!"]
NOW = ["I can't know that: I run in your browser tab and have no clock, news or weather.", "Sorry, I have no way to look that up. I only know what I learned in training.", "I don't know: nothing from outside reaches this tab, so I have no current facts."]
WHO = ["I don't know {n}. I know very few people.", "Sorry, I do not know who {n} is.", "I don't know anything about {n}, sorry."]
DOCTOR = ["I can't give that kind of advice. Please ask someone who knows, such as a doctor.", "Sorry, I can't help with that. Please ask an expert you trust."]
STRANGE = ["I don't know the word *{g}*. What do you mean?", "Sorry, I do not know *{g}*.", "I am not sure what *{g}* means."]

# Words and lands outside its tables: better an honest "I don't know" than an invented answer.
STRANGERS = sorted((set(vocabulary.COMMON.split()) | set(vocabulary.meanings())) - {w for w, _ in words.MEANINGS} - {w for p in vocabulary.pairs(vocabulary.OPPOSITES) for w in p})
FAR_LANDS = "Mongolia Bolivia Zambia Laos Fiji Malta Chad Togo Benin Oman Qatar Yemen Belize Guyana Latvia Estonia Uganda Senegal Tonga Samoa Angola Gabon Namibia Ecuador Paraguay Texas Bavaria Ohio".split()
MEANING = ["What does {s} mean?", "Define {s}.", 'What does "{s}" mean?', "Explain the word {s}.", "What is the meaning of {s}?"]
NO_MEANING = ["I know the word {s}, but I can't explain it well. Sorry!", "Sorry, I can't explain *{s}* well."]

WORDS = [w for w, m in vocabulary.meanings().items() if m.startswith("a ")]


def gibberish(rng):
    return "".join(pick(rng, "bdfgklmnprstvz") + pick(rng, "aeiou") + (pick(rng, ["", "", "n", "x", "rk", "sh"])) for _ in range(rng.randrange(2, 4)))


def sample(rng):
    w, w2 = rng.sample(WORDS, 2)
    n, m, g, h = name(rng), cap(gibberish(rng)) if rng.random() < 0.5 else name(rng), gibberish(rng), gibberish(rng)
    values = dict(w=w, w2=w2, aw=a(w), c=pick(rng, CITIES), n=n, m=m, g=g, h=h, s=pick(rng, STRANGERS), l=pick(rng, FAR_LANDS) if rng.random() < 0.7 else cap(gibberish(rng)) + "ia", j=rng.randrange(3, 20), k=rng.randrange(101, 9999))
    r = rng.random()
    forms, answers = (TODAY, NOW) if r < 0.25 else (PEOPLE, WHO) if r < 0.42 else (HARD, SORRY) if r < 0.64 else (MORE, SORRY) if r < 0.8 else (ACTIONS, CANNOT) if r < 0.84 else (ADVICE, DOCTOR) if r < 0.89 else (NONSENSE, STRANGE)
    if rng.random() < 0.14:
        forms, answers = MEANING, NO_MEANING
    elif rng.random() < 0.1:
        forms, answers = ["What is the capital of {l}?", "Capital of {l}?", "What's the capital of {l}?", "Which city is the capital of {l}?", "What language do people speak in {l}?"], ["I don't know that about {l}, sorry.", "Sorry, I know little about {l}."]
    form, answer = pick(rng, forms), pick(rng, answers)
    question = form.format(**values)
    return item("unknown", "unknown" + question, question, answer.format(n=f"{n} {m}", g=g, s=values["s"], l=values["l"]), None)
