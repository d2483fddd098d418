"""Small facts: capitals, animals, colours of things, science, a few famous works and inventions."""
from .common import item, pick, table, cap, a

NAME, WEIGHT = "facts", 0.07

CAPITALS = table("""France|Paris; Germany|Berlin; Italy|Rome; Spain|Madrid; Portugal|Lisbon; England|London; Ireland|Dublin; Scotland|Edinburgh; Norway|Oslo; Sweden|Stockholm; Denmark|Copenhagen; Finland|Helsinki; Iceland|Reykjavik;
Poland|Warsaw; Austria|Vienna; Switzerland|Bern; Belgium|Brussels; Greece|Athens; Hungary|Budapest; Russia|Moscow; Ukraine|Kyiv; Turkey|Ankara; Egypt|Cairo; Kenya|Nairobi; Morocco|Rabat; Nigeria|Abuja; Ethiopia|Addis Ababa; Ghana|Accra;
China|Beijing; Japan|Tokyo; India|New Delhi; South Korea|Seoul; Thailand|Bangkok; Vietnam|Hanoi; Indonesia|Jakarta; Pakistan|Islamabad; Nepal|Kathmandu; Iran|Tehran; Iraq|Baghdad; Cuba|Havana; Mexico|Mexico City; Canada|Ottawa;
the United States|Washington, D.C.; Brazil|Brasilia; Argentina|Buenos Aires; Chile|Santiago; Peru|Lima; Colombia|Bogota; Australia|Canberra; New Zealand|Wellington; Czech Republic|Prague; Romania|Bucharest; Croatia|Zagreb; the Netherlands|Amsterdam; the United Kingdom|London""")
# animal | sound verb | young | home | legs
ANIMALS = table("""dog|barks|puppy|kennel|4; cat|meows|kitten|house|4; cow|moos|calf|barn|4; horse|neighs|foal|stable|4; sheep|baas|lamb|field|4; goat|bleats|kid|farm|4; pig|oinks|piglet|sty|4; duck|quacks|duckling|pond|2; hen|clucks|chick|coop|2; lion|roars|cub|savanna|4;
wolf|howls|pup|den|4; bear|growls|cub|den|4; frog|croaks|tadpole|pond|4; owl|hoots|owlet|tree|2; bee|buzzes|larva|hive|6; snake|hisses|snakelet|hole|0; mouse|squeaks|pup|hole|4; elephant|trumpets|calf|savanna|4; goose|honks|gosling|pond|2; crow|caws|chick|nest|2;
fox|barks|cub|den|4; rabbit|squeaks|kit|burrow|4; deer|bellows|fawn|forest|4; kangaroo|grunts|joey|grassland|2; spider||spiderling|web|8; ant||larva|anthill|6; swan|hisses|cygnet|lake|2; eagle|screeches|eaglet|nest|2; turkey|gobbles|poult|farm|2; donkey|brays|foal|stable|4""")
COLOURS = table("""the sky|blue; grass|green; snow|white; a banana|yellow; a lemon|yellow; blood|red; a strawberry|red; coal|black; a carrot|orange; the sun|yellow; milk|white; a tomato|red; a leaf|green; chocolate|brown; an orange|orange; a frog|green; an elephant|grey;
a flamingo|pink; a pumpkin|orange; the sea|blue; a plum|purple; a crow|black; a polar bear|white; a fire engine|red; gold|yellow; a pea|green; salt|white; a sunflower|yellow; cocoa|brown; a violet|purple; a swan|white; a cucumber|green; a cherry|red; night|black""")
MIXES = table("red|yellow|orange; blue|yellow|green; red|blue|purple; black|white|grey; red|white|pink")
# question forms separated by / | answer | expected words
SCIENCE = table("""What is the largest planet?/Which planet is the biggest?/What is the biggest planet in the solar system?|**Jupiter** is the largest planet in our solar system.|Jupiter;
What is the smallest planet?/Which planet is the smallest?|**Mercury** is the smallest planet in our solar system.|Mercury;
Which planet is closest to the Sun?/What planet is nearest the Sun?|**Mercury** is the planet closest to the Sun.|Mercury;
Which planet is called the red planet?/What is the red planet?|**Mars** is called the red planet.|Mars;
Which planet has rings?/What planet is famous for its rings?|**Saturn** is famous for its rings.|Saturn;
How many planets are there?/How many planets are in the solar system?/Number of planets?|There are **eight** planets in our solar system.|eight;
List the planets./What are the planets?/Name the planets in order.|The planets are Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.|Neptune;
What is the sun?/Is the Sun a star?/What kind of star is the Sun?|The Sun is a **star**. It gives us light and warmth.|star;
What is the moon?/What goes around the Earth?|The **Moon** is a round body that moves around the Earth.|Moon;
How long does the Earth take to go around the Sun?/How long is a year?|The Earth goes around the Sun in about **365 days**.|365;
How long does the Earth take to turn once?/Why is there day and night?|The Earth turns once every **24 hours**, so we have day and night.|24;
What is water made of?/What is H2O?/What is the formula of water?|Water is **H2O**: two parts hydrogen and one part oxygen.|H2O;
At what temperature does water boil?/When does water boil?/What is the boiling point of water?|Water boils at **100 degrees Celsius**.|100;
At what temperature does water freeze?/When does water freeze?/What is the freezing point of water?|Water freezes at **0 degrees Celsius**.|0;
What is ice?/What is frozen water called?|Frozen water is called **ice**.|ice;
What do plants need to grow?/What do plants need?|Plants need **light, water and air**.|light;
What do we breathe?/What gas do we need to breathe?|We breathe air, and our bodies need the **oxygen** in it.|oxygen;
How many legs does an insect have?/How many legs do insects have?|An insect has **six** legs.|six;
How many legs does a spider have?/How many legs do spiders have?|A spider has **eight** legs.|eight;
How many arms does an octopus have?/How many arms do octopuses have?|An octopus has **eight** arms.|eight;
What is the largest animal?/What is the biggest animal in the world?|The **blue whale** is the largest animal in the world.|blue whale;
What is the tallest animal?/Which animal is the tallest?|The **giraffe** is the tallest animal.|giraffe;
What is the fastest animal on land?/Which land animal is the fastest?|The **cheetah** is the fastest animal on land.|cheetah;
What is the largest land animal?/What is the biggest animal on land?|The **elephant** is the largest animal on land.|elephant;
What is the highest mountain?/What is the tallest mountain in the world?|**Mount Everest** is the highest mountain in the world.|Everest;
What is the largest ocean?/What is the biggest ocean?|The **Pacific Ocean** is the largest ocean.|Pacific;
How many continents are there?/Number of continents?|There are **seven** continents.|seven;
What is the largest continent?/Which continent is the biggest?|**Asia** is the largest continent.|Asia;
What is the largest country?/Which country is the biggest?|**Russia** is the largest country by area.|Russia;
Why is the sky blue?/What makes the sky blue?|The sky looks blue because the air **scatters** blue light more than red light.|scatters;
Why does it rain?/Where does rain come from?|Water rises into the air as vapour, makes clouds, and falls as **rain** when the drops grow heavy.|vapour;
What makes a rainbow?/How is a rainbow made?/Why do we see rainbows?|Drops of rain split **sunlight** into its colours, and that makes a rainbow.|sunlight;
What are the colours of the rainbow?/List the colours of the rainbow.|Red, orange, yellow, green, blue, indigo and violet.|indigo;
What does a bee make?/What do bees make?|Bees make **honey**.|honey;
Where does milk come from?/What animal gives us milk?|Milk comes from **cows** and some other animals.|cows;
Where does wool come from?/What animal gives us wool?|Wool comes from **sheep**.|sheep;
What is a caterpillar?/What does a caterpillar become?|A caterpillar is a young insect that becomes a **butterfly** or a moth.|butterfly;
What is gravity?/Why do things fall down?|**Gravity** is the pull between things: it is why things fall to the ground.|Gravity;
What is electricity?|Electricity is a form of **energy** that flows through wires and powers machines.|energy;
How many bones are in the human body?/How many bones do we have?|An adult human has **206** bones.|206;
What does the heart do?/What is the heart for?|The heart pumps **blood** around the body.|blood;
How many fingers do you have on one hand?/How many fingers are on a hand?|A hand has **five** fingers, counting the thumb.|five;
What is the hardest natural material?/What is harder than any other stone?|**Diamond** is the hardest natural material.|Diamond;
How many sides does a triangle have?/How many sides has a triangle?|A triangle has **three** sides.|three;
How many sides does a square have?/How many sides has a square?|A square has **four** equal sides.|four;
How many sides does a hexagon have?/How many sides has a hexagon?|A hexagon has **six** sides.|six;
How many sides does a pentagon have?/How many sides has a pentagon?|A pentagon has **five** sides.|five;
What is pi?/What is the value of pi?|Pi is about **3.14**. It is the length around a circle divided by the length across it.|3.14;
Who wrote Romeo and Juliet?/Who is the author of Hamlet?|**William Shakespeare** wrote it.|Shakespeare;
Who painted the Mona Lisa?/Who is the painter of the Mona Lisa?|**Leonardo da Vinci** painted the Mona Lisa.|Leonardo;
Who was Aesop?/Who is Aesop?|**Aesop** was a storyteller in ancient Greece, known for his fables about animals.|Greece;
Who discovered gravity?/Who was Isaac Newton?|**Isaac Newton** described the law of gravity.|Newton;
Who was Albert Einstein?/Who is Einstein?|**Albert Einstein** was a physicist known for the theory of relativity.|physicist;
Who was the first person on the moon?/Who first walked on the Moon?|**Neil Armstrong** was the first person on the Moon, in 1969.|Armstrong;
What is WebGPU?/Explain WebGPU./What does WebGPU do?|**WebGPU** lets a web page use the graphics processor of your device for fast computing.|graphics;
What is a language model?/How does a language model work?/What is an LLM?|A language model is a program that has learned from text to guess the **next token**, again and again.|next token;
What is AI?/What is artificial intelligence?/What does AI mean?|**AI** means artificial intelligence: machines that do tasks that seem to need thinking.|artificial;
What is a neural network?/Explain neural networks.|A neural network is a program made of many simple units whose **numbers are learned** from examples.|learned;
What is a GPU?/What does GPU mean?|A **GPU** is a graphics processor. It does many small calculations at the same time.|graphics;
What is a web browser?/Name a web browser.|A **browser** is a program that shows web pages.|browser;
What is HTML?/What does HTML do?|**HTML** is the language that web pages are written in.|HTML;
What is JavaScript?|**JavaScript** is the programming language of web pages.|programming;
Can birds fly?/Do birds fly?|Yes, most birds can **fly**, but penguins and ostriches cannot.|fly;
Can penguins fly?/Do penguins fly?|**No**, penguins cannot fly, but they swim very well.|No;
Can fish fly?/Do fish breathe air?|**No**, fish swim, and they breathe in water with their gills.|No;
Can dogs fly?/Can cats fly?/Can cows fly?|**No**, only animals with wings can fly.|No;
Is a whale a fish?/Are whales fish?|**No**, a whale is a mammal that lives in the sea.|No;
Is a tomato a fruit?/Is the tomato a fruit or a vegetable?|In science a tomato is a **fruit**, in the kitchen it is a vegetable.|fruit;
Is a bat a bird?/Are bats birds?|**No**, a bat is a mammal that can fly.|No;
Is ice cold?/Is snow cold?|**Yes**, it is frozen water, so it is cold.|Yes;
Is fire hot?/Is the Sun hot?|**Yes**, it is very hot.|Yes;
Is the Earth flat?/Is the Earth round?/What shape is the Earth?|The Earth is **round**, like a ball.|round;
Which is bigger, an elephant or a mouse?/Is an elephant bigger than a mouse?|An **elephant** is much bigger than a mouse.|elephant;
Which is bigger, the Sun or the Earth?/Is the Sun bigger than the Earth?|The **Sun** is much bigger than the Earth.|Sun;
Which is heavier, a kilo of feathers or a kilo of iron?|They weigh the **same**: one kilo each.|same;
Where does the sun rise?/Where does the sun come up?|The Sun rises in the **east** and sets in the west.|east;
What do cows eat?/What do horses eat?/What do sheep eat?|They mostly eat **grass**.|grass;
What do lions eat?/What do wolves eat?|They are hunters: they eat **meat**.|meat;
What do rabbits eat?|Rabbits eat **grass and leaves**.|grass;
What do bees eat?|Bees live on **nectar and pollen** from flowers.|nectar;
When do leaves fall?/In which season do leaves fall?|Leaves fall in **autumn**.|autumn;
Which season is the coldest?/When is it cold?|**Winter** is the coldest season.|Winter;
Which season is the hottest?/When is it hot?|**Summer** is the hottest season.|Summer;
What is open source?|**Open source** means that everyone may read, use and change the code of a program.|code""")
HOW_TO = [("make tea", ["Boil some water.", "Put a tea bag in a cup.", "Pour in the hot water.", "Wait three minutes and take the bag out."]), ("make a sandwich", ["Take two slices of bread.", "Spread butter on them.", "Add cheese, tomato or what you like.", "Put the slices together."]),
          ("brush my teeth", ["Put some toothpaste on the brush.", "Brush all your teeth for two minutes.", "Rinse your mouth with water."]), ("boil an egg", ["Bring water to the boil.", "Put the egg in carefully.", "Wait six to ten minutes.", "Cool it in cold water and peel it."]),
          ("wash my hands", ["Wet your hands.", "Rub them with soap for twenty seconds.", "Rinse them with clean water.", "Dry them with a towel."]), ("plant a seed", ["Fill a pot with soil.", "Put the seed in and cover it.", "Water it a little.", "Give it light and wait."]),
          ("fall asleep", ["Make the room dark and quiet.", "Put the screen away.", "Breathe slowly.", "Let your thoughts go."]), ("make a salad", ["Wash the vegetables.", "Cut them into pieces.", "Add a little oil, lemon and salt.", "Mix it all."]), ("calm down", ["Breathe in slowly.", "Breathe out slowly.", "Do it ten times.", "Talk to a friend if it helps."])]
LANGUAGES = table("France|French; Germany|German; Spain|Spanish; Italy|Italian; Japan|Japanese; China|Chinese; Russia|Russian; Portugal|Portuguese; Brazil|Portuguese; Mexico|Spanish; England|English; Sweden|Swedish; Greece|Greek; Poland|Polish; Turkey|Turkish; Egypt|Arabic; Norway|Norwegian; the United States|English; Vietnam|Vietnamese; Argentina|Spanish")


def capital(rng):
    land, city = pick(rng, CAPITALS)
    if rng.random() < 0.7:
        form = pick(rng, ["What is the capital of {l}?", "Capital of {l}?", "What's the capital of {l}?", "Which city is the capital of {l}?", "Tell me the capital of {l}.", "Name the capital of {l}.", "Do you know the capital of {l}?", "What is the capital city of {l}?"])
        return item("facts/capital", f"{land}/{form}", form.format(l=land), f"The capital of {land} is **{city}**." if not city.endswith(".") else f"The capital of {land} is **Washington, D.C.**", city.rstrip("."))
    if city == "London":
        land = "the United Kingdom"
    form = pick(rng, ["{c} is the capital of which country?", "Which country has {c} as its capital?", "What country is {c} the capital of?"])
    return item("facts/capital-of", f"{city}/{form}", form.format(c=city), f"{city} is the capital of **{land}**.", land)


def animal(rng):
    name, sound, young, home, legs = pick(rng, ANIMALS)
    kind = pick(rng, ["sound", "sound", "young", "young", "young", "home", "legs", "which"])
    if not sound and kind in ("sound", "which"):
        kind = "legs"
    if kind == "sound":
        form = pick(rng, ["What sound does {n} make?", "What does {n} say?", "What noise does {n} make?", "How does {n} sound?"])
        return item("facts/animal-sound", f"{name}/{form}", form.format(n=a(name)), f"{cap(a(name))} **{sound}**.", sound)
    if kind == "which":
        same = [x[0] for x in ANIMALS if x[1] == sound]
        form = pick(rng, ["Which animal {s}?", "What animal {s}?"])
        return item("facts/animal-which", f"{sound}/{form}", form.format(s=sound), f"{cap(a(same[0]))} **{sound}**.", same[0])
    if kind == "young":
        form = pick(rng, ["What is a baby {n} called?", "What do you call a young {n}?", "What is the young of {n} called?", "What's a baby {n}?"])
        return item("facts/animal-young", f"{name}/{form}", form.format(n=a(name) if "of" in form else name), f"A young {name} is called **{a(young)}**.", young)
    if kind == "home":
        form = pick(rng, ["Where does {n} live?", "What is the home of {n}?"])
        return item("facts/animal-home", f"{name}/{form}", form.format(n=a(name)), f"{cap(a(name))} often lives in **{a(home)}**." if home not in ("savanna",) else f"{cap(a(name))} lives on the **savanna**.", home)
    form = pick(rng, ["How many legs does {n} have?", "How many legs has {n}?", "Number of legs of {n}?"])
    said = "no" if legs == "0" else {"2": "two", "4": "four", "6": "six", "8": "eight"}[legs]
    return item("facts/animal-legs", f"{name}/{form}", form.format(n=a(name)), f"{cap(a(name))} has **{said}** legs.", said)


def colour(rng):
    if rng.random() < 0.3:
        x, y, z = pick(rng, MIXES)
        if rng.random() < 0.5:
            x, y = y, x
        form = pick(rng, ["What colour do you get when you mix {x} and {y}?", "What do {x} and {y} make?", "Mix {x} and {y}: which colour is it?"])
        return item("facts/colour-mix", f"{x}{y}/{form}", form.format(x=x, y=y), f"{cap(x)} and {y} make **{z}**.", z)
    thing, c = pick(rng, COLOURS)
    form = pick(rng, ["What colour is {t}?", "What color is {t}?", "Which colour is {t}?", "What's the colour of {t}?", "Tell me the colour of {t}."])
    return item("facts/colour", f"{thing}/{form}", form.format(t=thing), f"{cap(thing)} is **{c}**.", c)


def science(rng):
    forms, answer, expect = pick(rng, SCIENCE)
    form = pick(rng, forms.split("/"))
    return item("facts/science", form, form, answer, None)


def language(rng):
    land, tongue = pick(rng, LANGUAGES)
    form = pick(rng, ["What language do people speak in {l}?", "Which language is spoken in {l}?", "What do they speak in {l}?"])
    return item("facts/language", f"{land}/{form}", form.format(l=land), f"People in {land} mostly speak **{tongue}**.", tongue)


def how_to(rng):
    what, steps = pick(rng, HOW_TO)
    form = pick(rng, ["How do I {w}?", "How can I {w}?", "Tell me how to {w}.", "How to {w}?", "Explain how I {w}."])
    return item("facts/how-to", f"{what}/{form}", form.format(w=what), "\n".join(f"{i + 1}. {s}" for i, s in enumerate(steps)))


KINDS = [how_to] + [capital] * 4 + [animal] * 4 + [colour] * 2 + [science] * 7 + [language]


def sample(rng):
    return pick(rng, KINDS)(rng)
