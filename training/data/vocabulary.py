"""Word tables, written for this recipe: meanings, opposites, plurals, past tenses, groups, rhymes."""

# word: meaning. The article is part of the meaning.
MEANINGS = """
apple: a round fruit that grows on trees, red, green or yellow; airport: a place where planes take off and land; answer: what you say or write back to a question;
ant: a tiny insect that lives and works in large groups; anchor: a heavy hook that keeps a ship in place; arm: the part of the body between the shoulder and the hand;
autumn: the season between summer and winter, when leaves fall; baby: a very young child; bakery: a place where bread and cakes are made and sold; ball: a round thing used in games;
bank: a place that keeps and lends money; bath: a tub of water in which you wash; beach: the sandy or stony land beside the sea; bed: a piece of furniture that you sleep on;
bee: a flying insect that makes honey; bell: a metal thing that rings when it is hit; bicycle: a vehicle with two wheels that you ride by turning pedals; bird: an animal with feathers and wings;
blanket: a warm cover for a bed; boat: a small vehicle that moves on water; book: pages with words or pictures, bound together; bottle: a container with a narrow neck for liquids;
bowl: a round, deep dish; box: a container with flat sides; bread: a food baked from flour and water; breakfast: the first meal of the day; bridge: a road or path built over water or a valley;
broom: a brush with a long handle for sweeping; brother: a boy or man with the same parents as you; brush: a tool with bristles for cleaning, painting or tidying hair; bucket: an open container with a handle, for carrying water;
butter: a soft yellow food made from cream; butterfly: an insect with large, colourful wings; button: a small round thing that fastens clothes; cake: a sweet baked food; calendar: a chart of the days, weeks and months;
camera: a device that takes pictures; candle: a stick of wax that gives light when it burns; car: a vehicle with four wheels and an engine; castle: a large, strong building from old times; cat: a small furry animal kept as a pet;
chair: a seat with a back for one person; cheese: a food made from milk; child: a young person; city: a very large town; clock: a device that shows the time; cloud: a white or grey mass of tiny water drops in the sky;
coat: a warm piece of clothing worn outside; coin: a round piece of metal money; colour: what the eye sees as red, blue, green and so on; computer: a machine that follows instructions to work with information;
cook: a person who makes food; corn: a tall plant with yellow seeds that are eaten; country: a land with its own people and government; courage: doing the right thing even when you are afraid; cow: a large farm animal that gives milk;
crown: a ring of gold worn on the head by a king or queen; cup: a small container to drink from; dance: to move your body to music; day: the time of 24 hours from one midnight to the next; desert: a dry land with very little rain;
desk: a table for reading and writing; dictionary: a book that explains words; dinner: the main meal of the day; doctor: a person who helps sick people get well; dog: a friendly animal kept as a pet, which barks; door: what you open to enter a room;
dream: the pictures and stories in your mind while you sleep; dress: a piece of clothing with a top and a skirt in one; drum: an instrument that you hit to make music; duck: a bird that swims and quacks; ear: the part of the body you hear with;
earth: the planet we live on; egg: an oval thing laid by a bird, from which a chick may hatch; elephant: a very large grey animal with a trunk; emoji: a small picture used in text to show a thing or a feeling; engine: a machine that makes something move;
evening: the part of the day between afternoon and night; eye: the part of the body you see with; family: people who are related, such as parents and children; fable: a short story, often about animals, that teaches a lesson; farm: land where crops grow and animals are kept;
farmer: a person who grows crops or raises animals; father: a man who has a child; feather: one of the light things that cover a bird; finger: one of the five parts at the end of a hand; fire: the heat, light and flames of something burning;
fish: an animal that lives in water and has fins; flag: a piece of cloth with the sign of a country or group; flower: the colourful part of a plant that makes seeds; fog: a cloud near the ground that is hard to see through; forest: a large area covered with trees;
fork: a tool with points for eating food; fox: a wild animal like a small dog with a bushy tail; friend: a person you like and trust; frog: a small animal that jumps and lives near water; fruit: the part of a plant that holds the seeds and is often sweet;
garden: a piece of land where plants are grown; gift: something you give to someone; glass: a clear, hard material used in windows; glove: a covering for the hand; goat: a farm animal with horns and a beard; gold: a yellow metal that is worth a lot;
grass: the thin green plants that cover fields and lawns; guitar: an instrument with strings that you pluck; hammer: a tool for hitting nails; hand: the part of the body at the end of the arm; happy: feeling glad and pleased; hat: a covering for the head;
heart: the part of the body that pumps blood; hill: a raised piece of land, lower than a mountain; holiday: a time when you do not work or go to school; honest: telling the truth and not cheating; honey: a sweet, sticky food made by bees; horse: a large animal that people ride;
hospital: a place where sick people are cared for; hotel: a building where travellers pay to sleep; house: a building where people live; hungry: needing or wanting food; ice: water that has frozen hard; idea: a thought or plan in your mind;
insect: a small animal with six legs; island: land with water all around it; jacket: a short coat; jam: a sweet food made from fruit and sugar; journey: a trip from one place to another; juice: the liquid from fruit or vegetables; key: a small metal thing that opens a lock;
king: a man who rules a country; kitchen: the room where food is cooked; kite: a toy that flies in the wind on a string; kitten: a young cat; knee: the joint in the middle of the leg; knife: a tool with a blade for cutting; ladder: steps between two poles, for climbing;
lake: a large area of water with land around it; lamp: a thing that gives light; language: the words people use to speak and write; leaf: a flat green part of a plant; leg: the part of the body you stand on; lemon: a sour yellow fruit; lesson: a time of learning, or what is learned;
letter: a sign of the alphabet, or a written message; library: a place where books are kept and lent; lion: a large wild cat, often called the king of animals; map: a drawing that shows where places are; market: a place where people buy and sell things; meal: food eaten at one time;
medicine: something you take to get well; milk: a white drink that comes from cows; minute: a time of sixty seconds; mirror: a glass in which you can see yourself; model: a small copy of a thing, or a program that has learned from data; money: coins and notes used to buy things; monkey: a clever animal that climbs trees;
month: one of the twelve parts of a year; moon: the round body that moves around the Earth and shines at night; moral: the lesson that a story teaches; morning: the early part of the day; mother: a woman who has a child; mountain: a very high piece of land; mouse: a small animal with a long tail;
mouth: the part of the face you eat and speak with; museum: a place where interesting things are shown; music: sounds put together in a pleasing way; nail: a thin, pointed piece of metal, or the hard end of a finger; neighbour: a person who lives near you; nest: the home a bird builds;
newspaper: printed pages with the news; night: the dark part of the day; noise: a loud or unpleasant sound; nose: the part of the face you smell with; nurse: a person who cares for sick people; nut: a dry fruit with a hard shell; ocean: a very large area of salt water; office: a place where people work at desks;
onion: a round vegetable with a strong taste; orange: a round fruit, or its colour; oven: a hot box in which food is baked; owl: a bird with large eyes that hunts at night; page: one side of a sheet of paper; paint: coloured liquid used to make pictures or cover walls; paper: thin sheets used for writing;
parent: a mother or a father; park: a green place in a town for walking and playing; party: a meeting of people to have fun; patience: being able to wait calmly; pen: a tool for writing with ink; pencil: a thin wooden tool for writing or drawing; phone: a device for talking to people far away; photo: a picture taken with a camera;
piano: a large instrument with black and white keys; picture: a drawing, painting or photo; pillow: a soft bag for your head in bed; pilot: a person who flies a plane; plane: a flying vehicle with wings; planet: a large round body that moves around a star; plant: a living thing that grows in the ground; plate: a flat dish for food;
pocket: a small bag sewn into clothes; poem: a piece of writing with lines that often rhyme; police: the people who keep order and catch criminals; pond: a small area of still water; potato: a vegetable that grows under the ground; president: the leader of some countries; prince: the son of a king or queen; promise: words that say you will surely do something; proud: pleased with yourself or with someone;
puppy: a young dog; queen: a woman who rules a country; question: words you say to find something out; rabbit: a small animal with long ears; radio: a device that brings sound through the air; rain: water that falls from clouds; rainbow: an arch of colours in the sky after rain; restaurant: a place where you pay to eat a meal; rice: small white grains that are eaten;
ring: a round band worn on a finger; river: a long stream of water that flows to the sea; road: a way for cars and people; robot: a machine that can do work by itself; rocket: a vehicle that flies into space; roof: the top of a building; room: a part of a house with walls; rope: a thick, strong string; rose: a flower with thorns and a sweet smell; salt: white grains that make food taste better;
sand: tiny grains of stone; sandwich: two pieces of bread with food between them; school: a place where children learn; scissors: a tool with two blades for cutting paper; sea: the salt water that covers much of the Earth; season: one of the four parts of the year; secret: something that few people know; seed: the small part of a plant from which a new one grows; shadow: the dark shape made when something blocks light;
sheep: a farm animal that gives wool; ship: a large boat; shirt: a piece of clothing for the top of the body; shoe: a covering for the foot; shop: a place where things are sold; sister: a girl or woman with the same parents as you; sky: the space above the Earth; sleep: the rest that your body and mind take at night; snake: a long animal without legs; snow: soft white flakes of ice that fall from the sky;
soap: something used with water for washing; sock: a soft covering for the foot, worn inside a shoe; soldier: a person in an army; song: music with words; soup: a hot liquid food; spider: a small animal with eight legs that makes webs; spoon: a tool for eating soup; spring: the season between winter and summer; star: a ball of hot gas that shines in the night sky; station: a place where trains or buses stop;
stone: a hard piece of rock; storm: bad weather with wind, rain or snow; story: words that tell of things that happened, true or invented; street: a road in a town; student: a person who studies; sugar: sweet white grains; summer: the hottest season of the year; sun: the star that gives us light and warmth; table: a piece of furniture with a flat top; tail: the part at the back end of an animal; tea: a hot drink made from leaves;
teacher: a person who helps others learn; telescope: a tool for seeing things that are far away; tent: a shelter of cloth for camping; thunder: the loud noise after lightning; ticket: a piece of paper that lets you enter or travel; tiger: a large wild cat with stripes; tomato: a soft red fruit often eaten in salads; tooth: one of the hard white things in your mouth; towel: a cloth for drying; town: a place with many houses and shops;
toy: a thing that children play with; train: a line of connected cars that runs on rails; treasure: a store of gold, jewels or other precious things; tree: a tall plant with a trunk and branches; truck: a big vehicle that carries heavy things; turtle: an animal with a hard shell; umbrella: a thing that keeps rain off your head; uncle: the brother of your mother or father; university: a place where people study after school; valley: low land between hills;
vegetable: a plant or part of a plant eaten as food; village: a place with a few houses, smaller than a town; violin: an instrument with four strings played with a bow; volcano: a mountain that can throw out hot melted rock; wall: the side of a room or building; watch: a small clock worn on the wrist; water: the clear liquid that falls as rain; weather: how hot, cold, wet or windy it is outside; week: a time of seven days;
whale: a very large animal that lives in the sea; wheel: a round thing that turns so that vehicles move; wind: air that moves; window: an opening in a wall with glass in it; wing: the part of a bird or plane used for flying; winter: the coldest season of the year; wise: knowing much and judging well; wolf: a wild animal like a large dog; wood: the hard material that trees are made of; wool: the soft hair of sheep; word: letters or sounds that mean something;
world: the Earth with all its people and places; writer: a person who writes books or stories; year: a time of twelve months; zebra: an animal like a horse with black and white stripes; zoo: a place where people can see animals; algorithm: a list of steps for solving a problem; browser: a program that shows web pages; data: facts or numbers that can be stored and used; internet: the network that connects computers all over the world;
software: the programs that run on a computer; website: a group of pages on the web; token: a small piece of text that a language model reads or writes; privacy: being able to keep your own things to yourself; kind: friendly and helpful to others; brave: ready to face danger; lazy: not wanting to work; angry: feeling strongly that something is wrong; tired: needing rest or sleep; greedy: wanting more than you need; clever: quick to learn and understand; gentle: soft and careful
"""

OPPOSITES = """hot cold; big small; tall short; fast slow; happy sad; old young; new old; good bad; up down; left right; open closed; day night; light dark; hard soft; wet dry; full empty; rich poor; strong weak; early late; high low;
long short; thick thin; heavy light; loud quiet; clean dirty; black white; yes no; in out; on off; first last; near far; easy difficult; true false; right wrong; hot cold; war peace; love hate; begin end; start stop; win lose; buy sell; give take; push pull;
come go; laugh cry; remember forget; always never; all none; many few; above below; inside outside; before after; front back; top bottom; north south; east west; summer winter; sunrise sunset; male female; friend enemy; question answer; brave cowardly;
polite rude; sweet sour; sharp blunt; deep shallow; wide narrow; smooth rough; cheap expensive; safe dangerous; asleep awake; alive dead; kind cruel; lazy hardworking; noisy quiet; ugly beautiful; float sink; arrive leave; borrow lend; teach learn; accept refuse; success failure;
truth lie; beginning end; more less; together apart; with without; success failure; increase decrease; import export; public private; simple complicated; modern ancient; guilty innocent; generous selfish; ceiling floor; adult child; hello goodbye; tight loose; raw cooked; calm nervous; possible impossible; visible invisible"""

PLURALS = """child children; man men; woman women; foot feet; tooth teeth; mouse mice; goose geese; person people; sheep sheep; fish fish; deer deer; ox oxen; leaf leaves; knife knives; wife wives; life lives; wolf wolves; half halves; loaf loaves; thief thieves; shelf shelves; calf calves;
baby babies; city cities; lady ladies; story stories; puppy puppies; party parties; berry berries; fly flies; family families; country countries; box boxes; fox foxes; bus buses; class classes; dish dishes; watch watches; church churches; brush brushes; glass glasses; potato potatoes; tomato tomatoes; hero heroes; piano pianos; photo photos;
cat cats; dog dogs; book books; tree trees; house houses; car cars; apple apples; bird birds; boy boys; girl girls; day days; key keys; toy toys; monkey monkeys; cup cups; pen pens; chair chairs; table tables; hand hands; flower flowers; star stars; egg eggs; cow cows; friend friends; teacher teachers; window windows; door doors; orange oranges; bridge bridges; horse horses"""

PASTS = """go went; eat ate; see saw; run ran; come came; give gave; take took; make made; say said; write wrote; read read; speak spoke; sing sang; swim swam; drink drank; begin began; buy bought; bring brought; think thought; teach taught; catch caught; find found; know knew; grow grew; fly flew; draw drew; drive drove; ride rode; break broke; wake woke;
sleep slept; keep kept; feel felt; leave left; meet met; lose lost; send sent; build built; spend spent; hear heard; tell told; sell sold; hold held; stand stood; understand understood; win won; sit sat; get got; forget forgot; wear wore; fall fell; do did; have had; is was; are were; play played; walk walked; talk talked; look looked; help helped; jump jumped; love loved; like liked; dance danced;
live lived; smile smiled; stop stopped; plan planned; carry carried; cry cried; try tried; study studied; open opened; ask asked; work worked; listen listened; watch watched; wash washed; cook cooked; call called; want wanted; need needed; start started"""

RHYMES = """cat hat bat mat rat; dog fog log frog; tree bee sea three key; star car far jar; light night bright kite; day play say way may; moon spoon soon June; cake lake snake make; ball wall tall fall; king ring sing wing; book look cook hook; rain train plane chain; boat coat goat note; house mouse; bear chair hair pear; sun run fun bun; bed red head bread;
fish dish wish; box fox socks rocks; bell well shell tell; nose rose toes; snow go show slow; blue shoe two true; sky fly high pie; hand sand land band; best nest rest west; door four floor more; mice ice nice rice; sheep sleep deep keep; time lime rhyme climb; mine nine line wine; sheet feet sweet meat; pen ten hen men; pan man can fan; pink drink think sink; stone bone phone alone; dream team cream stream; gold cold old told"""

GROUPS = {
    "animals": "dog cat horse cow lion tiger bear elephant rabbit fox wolf sheep goat pig monkey mouse deer giraffe zebra camel",
    "fruits": "apple banana orange pear grape cherry lemon peach mango strawberry melon plum kiwi",
    "vegetables": "carrot potato onion tomato cabbage pea bean corn spinach pepper cucumber broccoli",
    "colours": "red blue green yellow orange purple pink brown black white grey",
    "birds": "eagle owl duck swan sparrow parrot penguin crow goose robin pigeon hawk",
    "sea animals": "whale shark dolphin octopus crab seal squid lobster jellyfish starfish",
    "insects": "ant bee butterfly fly beetle mosquito grasshopper ladybird moth wasp",
    "planets": "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune",
    "countries": "France Japan Brazil Egypt Canada India Germany Kenya Mexico Australia Spain Norway",
    "musical instruments": "piano guitar violin drum flute trumpet harp cello clarinet",
    "sports": "football tennis swimming basketball running cycling hockey baseball rowing golf skiing",
    "jobs": "teacher doctor baker farmer pilot nurse builder cook writer painter dentist firefighter",
    "clothes": "shirt hat coat sock shoe dress glove scarf jacket skirt",
    "body parts": "hand foot head arm leg eye ear nose mouth knee finger shoulder",
    "drinks": "water milk juice tea coffee lemonade cocoa",
    "tools": "hammer saw screwdriver spade drill axe pliers rake",
    "vehicles": "car bus train bicycle plane boat truck ship tram motorcycle",
    "shapes": "circle square triangle rectangle oval star hexagon",
    "pets": "dog cat rabbit hamster goldfish parrot guinea-pig",
    "rooms": "kitchen bedroom bathroom hall cellar attic office",
    "furniture": "chair table bed desk sofa shelf cupboard stool",
    "flowers": "rose tulip daisy lily sunflower violet poppy daffodil",
    "trees": "oak pine birch maple willow elm palm beech",
    "metals": "iron gold silver copper tin lead zinc aluminium",
    "feelings": "joy sadness anger fear surprise love pride hope",
    "continents": "Africa Asia Europe Antarctica Australia America",
    "school subjects": "maths history music art science geography sport",
    "foods": "bread rice cheese soup pizza pasta egg salad cake fish",
    "languages": "English Spanish French German Chinese Arabic Hindi Japanese",
}

SINGULAR = {"clothes": "a piece of clothing", "sea animals": "a sea animal", "countries": "a country", "body parts": "a part of the body", "furniture": "a piece of furniture", "foods": "a food", "school subjects": "a school subject", "feelings": "a feeling", "jobs": "a job", "musical instruments": "a musical instrument"}

# More words to spell, besides all of the above.
COMMON = """about above across action afternoon again against age alone along already amount animal another anybody appear area around arrive artist asleep aunt awake away back bacon balance balloon banana basket bear beautiful because become before begin behind believe below beside better between beyond birthday bitter
blood board body bone border boring borrow both bottom brain branch break breath bright bring broken build burn business busy button call calm camel captain card care careful carry carrot catch cause cave centre certain chance change cheap choose circle class clean clear climb close cloth coffee cold collect common compare complete corner correct cost cotton
count couple cousin cover crazy cream create cross crowd cure curious curtain customer danger daughter dead decide deep degree delicious deliver depend describe design detail diamond different difficult dirty discover disease distance divide dolphin double doubt dragon draw drink drive during dust each early earn east easy edge eight either electric empty enemy energy enjoy enough enter
equal error escape even event ever every exact example except excuse exercise expect expensive explain extra face fact fail fair fall false famous far fast fear feel fence fever field fight figure fill film final find finish first flat floor flour fly follow food foot foreign forest forget form forward free freedom fresh from front full funny future game general giant
giraffe girl give goal goose grain grand grape great ground group grow guess guest guide habit hair half happen hard harvest head health hear heavy height hello help here hero hide high history hobby hold hole home hope hour huge human hundred hurry husband important inside iron jewel joke judge jump jungle just keep kettle kick kiss knock know lady language large last late laugh law lazy
lead learn least leave left less level life lift light limit line list listen little live local lock long look lose lost loud love lucky lunch machine magic main make manage many mark marry matter maybe mean measure meat member memory metal middle mile million mind mistake mix modern moment more most move much muscle mystery name narrow nation nature near neck need needle never new next nice nobody none normal
north nothing notice number object offer often only open orange order other outside over own pain pair palace parrot part pass past path peace people pepper perfect person pick piece pirate place plan please pleasure plenty point poison poor popular possible pour power present press pretty price prison prize problem proof protect pull pupil pure push quality quarter quick quiet quite race raise rather reach read ready real reason receive
record remember repeat reply report rescue respect rest result return rich ride right rise risk river rock roll round royal rule safe sail salad same save scale science score search second seem sell send sense sentence serious seven shake shape share sharp sheet shell shine short shoulder shout show side sign silence silver simple since single size skill skin skirt slow small smart smell smile smoke smooth
soft solid some soon sorry sort soul sound south space speak special speed spell spend square squirrel stage stand start state stay steal steam step still stomach stop straight strange strength string strong study such sudden sure surface surprise sweet swim system take talk tall taste teach team tear tell temple than thank their then there thick thief thing think thirsty thousand thread throat through throw
tight time together tomorrow tongue tonight tool touch tower trade travel trick trouble true trust truth turn twelve twice twin type under understand until upstairs useful usual value very view visit visitor voice wait walk want warm wash waste wave weak wealth wear weight welcome well west wet while whisper white whole wide wife wild win wine wish with without woman wonder work worry wrong yellow yesterday young"""


def pairs(listed):
    return [tuple(p.split()) for p in listed.replace("\n", " ").split(";")]


def meanings():
    return dict((w.strip(), m.strip()) for w, m in (e.split(":", 1) for e in MEANINGS.replace("\n", " ").split("; ")) if w)


def words():
    """Every single word to spell, sorted."""
    out = set(COMMON.split()) | set(meanings())
    for listed in (OPPOSITES, PLURALS, PASTS, RHYMES):
        out.update(w for p in pairs(listed) for w in p)
    for members in GROUPS.values():
        out.update(members.split())
    return sorted(w for w in out if w.isalpha() and w.islower() and len(w) > 1)
