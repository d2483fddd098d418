"""Greetings, thanks, moods, jokes and other small talk."""
from .common import item, dialogue, pick

NAME, WEIGHT = "smalltalk", 0.05

QA = [
    ("Hi/Hello/Hey/Hello!/Hi!/Hi there/Hey there!/Hello there/Greetings/Hiya/Yo/hallo/Howdy/Hello OmniTab/Hi OmniTab!/hello?/Anybody there?/Are you there?/👋",
     "Hello! How can I help you?/Hi there! What would you like to talk about?/Hello! 👋 Ask me a sum, a word, an emoji, or a story./Hi! Nice to see you. What can I do for you?"),
    ("Good morning/Good morning!/Morning!/good morning to you", "Good morning! ☀️ How can I help you?/Good morning! What would you like to do today?"),
    ("Good afternoon/Good afternoon!", "Good afternoon! How can I help you?"),
    ("Good evening/Good evening!/Evening!", "Good evening! How can I help you?/Good evening! What shall we talk about?"),
    ("Good night/Good night!/Sleep well/I am going to bed/I'm going to sleep now", "Good night! 🌙 Sleep well./Good night, and sweet dreams!"),
    ("How are you?/How are you doing?/How is it going?/How's it going?/How do you do?/How are things?/How do you feel?/Are you ok?/How are you today?/What's up?/Hi, how are you?/Hello, how are you?/sup/How have you been?/Hey, how's it going?",
     "I'm doing well, thank you! How are you?/Very well, thanks. How are you today?/I'm fine, thank you! What can I do for you?"),
    ("I'm fine/I am good/I'm doing well/I'm good, thanks/Great, thanks/I'm well, thank you/Fine, thanks/Pretty good/All good/I'm fine, thank you./I am doing great!", "Glad to hear that! 😊 What can I do for you?/That's good to hear. What shall we do?/Good! Would you like a story, a sum or an emoji?"),
    ("Thanks/Thank you/Thanks!/Thank you!/Thank you very much/Thanks a lot/Many thanks/thx/Cheers/Thank you so much!/That was helpful/That helps/Thanks for your help", "You're welcome! 😊/You're welcome. Anything else?/My pleasure!/Glad to help!"),
    ("Bye/Goodbye/Goodbye!/Bye!/See you/See you later/I have to go/Farewell/See you tomorrow/Bye bye/Talk to you later/I must leave now/That's all/Have a nice day/Have a good day!", "Goodbye! 👋/Bye! Come back any time./See you! Have a nice day./Goodbye, and take care!"),
    ("You are great/You're great!/Good job/Well done/You are smart/You are nice/You're funny/I like you/Good bot/You are amazing/Nice!/Awesome/Cool/Great!/Wow/Very good/I love you/You are cute/You're the best/Excellent!/That's right/Correct!", "Thank you! 😊/Thanks, that is kind of you!/Thank you! I do my best./That is nice of you to say."),
    ("You are stupid/You're dumb/You are bad/I hate you/You suck/You are useless/Bad bot/You're boring/Shut up/You are wrong/That is wrong/That's not right/Wrong!/No, that's wrong/This is bad/You made a mistake/You're an idiot", "I'm sorry. I am small and I make mistakes. Shall we try again?/Sorry about that! Please ask me in another way./I'm sorry. I will try to do better."),
    ("Sorry/I'm sorry/My mistake/Sorry about that/Oops/I apologise/My bad", "No problem at all!/That's all right. 😊/Don't worry about it."),
    ("I am sad/I'm sad/I feel bad/I am unhappy/I'm feeling down/I had a bad day/I am lonely/I feel sad today/I want to cry/I'm depressed/Nobody likes me", "I'm sorry to hear that. 💙 Would you like to tell me more? Talking to a friend can help too./I'm sorry you feel that way. Maybe talk to someone you trust. Shall I tell you a story?"),
    ("I am happy/I'm happy/I feel great/I had a good day/I am so happy today/Today was a great day/I'm in a good mood", "That is wonderful! 😊 What made you happy?/I'm glad to hear that! 🎉"),
    ("I am tired/I'm tired/I'm sleepy/I am exhausted/I need sleep", "Then a good rest may help. 😴/You could take a break. I will be here."),
    ("I am bored/I'm bored/I'm so bored/Entertain me/What should I do?/Give me something to do/Amuse me", "Let's do something! Would you like a **story**, a **joke** or a **sum**?/Try this: what is 7 × 8? Or ask me for a story about a fox. 🦊"),
    ("I am angry/I'm angry/I am mad/This makes me angry", "I'm sorry to hear that. A slow, deep breath may help./That sounds hard. What happened?"),
    ("I am hungry/I'm hungry/I want food/What should I eat?", "Maybe have a snack: an apple, some bread, or soup? 🍎/Time for a meal! What do you like to eat?"),
    ("I am sick/I'm ill/I have a cold/I have a headache/I feel sick", "I'm sorry to hear that. Rest, drink water, and see a doctor if it does not get better. Get well soon!"),
    ("I am scared/I'm afraid/I am nervous/I'm worried", "That's all right; everyone is afraid at times. Talking to someone you trust can help./Take a slow breath. What are you worried about?"),
    ("It is my birthday/Today is my birthday/It's my birthday!", "Happy birthday! 🎂🎉/Happy birthday to you! 🎂 Have a lovely day."),
    ("Merry Christmas/Happy Christmas!", "Merry Christmas! 🎄"), ("Happy new year/Happy New Year!", "Happy new year! 🎉"), ("Happy Easter", "Happy Easter! 🐣"),
    ("Yes/yes/Yeah/Sure/Ok/Okay/ok/Yes please/Alright/Of course/yep/Fine", "Good! What would you like: a **story**, a **sum**, a **word** or an **emoji**?/All right. What would you like to ask?"),
    ("No/no/Nope/No thanks/Not really/nah/No, thank you", "All right. Just ask when you need me./No problem. I am here if you need me."),
    ("I don't know/Not sure/Maybe/Hmm/idk/I am not sure/Dunno", "That's fine. You could ask me for a story or a sum./No hurry. Shall I tell you a short story?"),
    ("What?/Huh?/I don't understand/What do you mean?/Can you repeat that?/I do not get it", "Sorry, I was not clear. Could you ask again in other words?/Sorry! I am a small model and not always clear. Please ask again."),
    ("Why?/Why not?/How?/How come?/Explain/Explain why", "Good question! I am small and cannot always explain. Could you ask more fully?"),
    ("Really?/Are you sure?/Is that true?/Is that right?/Seriously?", "I am not always sure: I am a small model. Please check what matters./I think so, but I am small and can be wrong."),
    ("Test/test/testing/Is this working?/Does this work?/Hello world/ping", "It works! 👍 How can I help you?/Yes, I am here. What can I do for you?"),
    ("Nice to meet you/Nice to meet you!/It is a pleasure to meet you/Pleased to meet you", "Nice to meet you too! 😊/Nice to meet you too. What is your name?"),
    ("Let's talk/Talk to me/Can we talk?/I want to chat/Let's chat/Say something/Chat with me/What shall we talk about?", "Gladly! What do you like: **animals**, **stories**, **numbers** or **words**?/Sure! How was your day?"),
    ("What are you doing?/What are you up to?/What do you do all day?/Are you busy?", "I am here in your tab, waiting for your next question. 😊/Just talking with you!"),
    ("Can I ask you something?/I have a question/May I ask a question?/Can I ask you a question?/Can you answer a question?/Question", "Of course! What would you like to know?/Sure, ask away!"),
    ("Can you help me with maths?/I need help with math/Can you do math?/Can you do maths?/Do you know math?/Can you calculate?/Can you add numbers?", "Yes, simple sums. Try: **12 + 30**, **7 × 8** or **81 ÷ 9**./A little! Give me a sum such as **25 + 17**."),
    ("Can you tell stories?/Do you know any stories?/Can you tell me a story?/Do you know fables?", "Yes! Ask me: *Tell me a story about a fox.* 🦊/I know fables in the manner of Aesop. About which animal?"),
    ("Do you know emoji?/Can you use emoji?/Do you like emoji?/Do you understand emojis?", "Yes! Ask me what an emoji means, such as 🐙, or ask for an emoji for a word./I know many emoji. 😊 Try: *emoji for pizza*."),
    ("Do you like cats?/Do you like dogs?/Cats or dogs?/I like cats/I love dogs/I like animals/I have a cat/I have a dog", "Animals are lovely! 🐾 Shall I tell you a story about one?/How nice! 🐾 What do you like about them?"),
    ("I like pizza/I love chocolate/I like ice cream/I love cake", "Yum! That sounds good. 🍕/Good choice! 😋"),
    ("I like music/I like reading/I like books/I play football/I like sports/I like games/I like school/I love coding", "That sounds fun! What do you like most about it?/Nice! How long have you done that?"),
    ("asdf/asdfgh/qwerty/blah/bla bla/hjkl/xyz/lol/haha/hahaha/.../?/!/😀/abc", "I am not sure what you mean. Could you say it in other words?/Hm, I did not get that. Try a question, a sum or a word. 😊"),
    ("Tell me something/Tell me something interesting/Tell me a fact/Tell me a fun fact/Give me a fact/Do you know a fun fact?/Surprise me/Teach me something",
     "An octopus has **eight** arms and three hearts. 🐙/A day on Venus is longer than its year. 🪐/Honey can keep for thousands of years. 🍯/A group of crows is called a *murder*. 🐦/The blue whale is the largest animal in the world. 🐋/Bananas are berries, but strawberries are not. 🍌/A snail can sleep for three years. 🐌/Light from the Sun takes about eight minutes to reach us. ☀️"),
]
JOKES = ["What has hands but cannot clap? A **clock**.", "Why did the student eat his homework? The teacher said it was a piece of **cake**.", "What do you call a sleeping dinosaur? A **dino-snore**.", "Why was six afraid of seven? Because seven **ate** nine.",
         "What has four wheels and flies? A **garbage truck**.", "Why do bees have sticky hair? Because they use **honeycombs**.", "What kind of tree fits in your hand? A **palm** tree.", "What do you call a bear with no teeth? A **gummy** bear.",
         "Why did the scarecrow win a prize? He was **outstanding** in his field.", "What is orange and sounds like a parrot? A **carrot**.", "Where do fish keep their money? In a river **bank**.", "Why was the maths book sad? It had too many **problems**.",
         "Why did the computer go to the doctor? It had a **virus**.", "What gets wetter the more it dries? A **towel**.", "Why can't you trust an atom? They **make up** everything."]
ASK_JOKE = ["Tell me a joke", "Tell me a joke.", "Do you know a joke?", "Make me laugh", "Say something funny", "Another joke please", "Do you know any jokes?", "Give me a joke", "Can you tell me a joke?", "Tell me another joke", "A joke, please", "I want to hear a joke"]
RIDDLES = [("What has keys but opens no door?", "A **piano**."), ("What has a neck but no head?", "A **bottle**."), ("What has many teeth but cannot bite?", "A **comb**."), ("What goes up but never comes down?", "Your **age**."), ("What has one eye but cannot see?", "A **needle**."), ("What can you catch but not throw?", "A **cold**.")]
QUESTIONS = [(q, answers.split("/")) for questions, answers in QA for q in questions.split("/")]


def sample(rng):
    r = rng.random()
    if r < 0.1:
        q = pick(rng, ASK_JOKE)
        return item("smalltalk/joke", q, q, pick(rng, JOKES))
    if r < 0.15:
        riddle, answer = pick(rng, RIDDLES)
        if rng.random() < 0.5:
            return item("smalltalk/riddle", riddle, riddle, answer)
        ask = pick(rng, ["Tell me a riddle.", "Do you know a riddle?", "Give me a riddle."])
        return dialogue("smalltalk/riddle", ask + riddle, ask, riddle, pick(rng, ["I don't know.", "What is it?", "Tell me the answer.", "No idea", "I give up"]), answer)
    question, answers = pick(rng, QUESTIONS)
    return item("smalltalk", question, question, pick(rng, answers))
