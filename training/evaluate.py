"""Measures an exported model on held-out items, greedily, from the GGUF's own (dequantized) weights; prints sample chats.

    OMP_NUM_THREADS=1 python3 evaluate.py ../public/models/omni-tiny.gguf [--text DIR] [--emoji data.json] [--json out.json]
    python3 evaluate.py MODEL.gguf --ask "What is 2 + 3?" "And you are?"     one conversation
"""
import argparse
import collections
import json
import random
import re

import torch

from data import mix
from export_gguf import read
from model import Config, forward, logits
from tokenizer import Tokenizer


class Model:
    def __init__(self, path):
        meta, arrays = read(path)
        g = lambda k: meta["qwen3." + k]
        self.c = Config(V=len(meta["tokenizer.ggml.tokens"]), D=g("embedding_length"), L=g("block_count"), H=g("attention.head_count"), K=g("attention.head_count_kv"),
                        E=g("attention.key_length"), F=g("feed_forward_length"), context=g("context_length"), theta=g("rope.freq_base"), eps=g("attention.layer_norm_rms_epsilon"))
        self.w = {k: torch.from_numpy(v) for k, v in arrays.items()}
        self.tokenizer = Tokenizer([m.split(" ") for m in meta["tokenizer.ggml.merges"]])
        assert self.tokenizer.tokens == meta["tokenizer.ggml.tokens"]

    @torch.no_grad()
    def generate(self, prompts, limit=220):
        """Greedy replies to several prompts (lists of ids) at once, padded on the left. RoPE is relative, so the padding is harmless."""
        n, B = max(map(len, prompts)), len(prompts)
        ids = torch.zeros(B, n, dtype=torch.long)
        pad = torch.zeros(B, n, dtype=torch.bool)
        for r, p in enumerate(prompts):
            ids[r, n - len(p):] = torch.tensor(p)
            pad[r, :n - len(p)] = True
        hidden = torch.full((B, n + limit), 0.0).masked_fill_(torch.cat([pad, torch.zeros(B, limit, dtype=torch.bool)], 1), -1e9)
        causal = torch.full((n, n), -1e9).triu(1)
        cache, done, out = [], [False] * B, [[] for _ in prompts]
        h = forward(self.w, self.c, ids, hidden[:, None, :n] + causal, cache)
        for step in range(limit):
            nxt = logits(self.w, h[:, -1]).argmax(-1)
            for r, t in enumerate(nxt.tolist()):
                done[r] = done[r] or t == self.tokenizer.end
                if not done[r]:
                    out[r].append(t)
            if all(done):
                break
            h = forward(self.w, self.c, nxt[:, None], hidden[:, None, :n + step + 1], cache)
        return out

    def replies(self, conversations, limit=220, batch=48):
        """[[(role, text), ...], ...], each ending with the user -> reply texts."""
        prompts = [self.tokenizer.prompt(t) for t in conversations]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        out = [None] * len(prompts)
        for at in range(0, len(order), batch):
            some = order[at:at + batch]
            for i, ids in zip(some, self.generate([prompts[i] for i in some], limit)):
                out[i] = self.tokenizer.decode(ids)
        return out


def plain(s):
    return re.sub(r"\s+", " ", s.replace("*", "").replace("\ufe0f", "")).strip().lower()


def right(item, reply):
    """A number must be the last number of the reply; else the expected words must be in it, whole."""
    want, got = plain(item.expect), plain(reply)
    if re.fullmatch(r"-?\d+", want):
        numbers = re.findall(r"-?\d+", got.replace("minus ", "-"))
        if item.skill.startswith("quantities"):
            bold = re.findall(r"\*\*(-?\d+)", reply)
            return (bold or numbers or [None])[0] == want
        return bool(numbers) and (numbers[-1] == want or f"**{want}" in reply)
    if want in ("yes", "no"):
        return got.replace("omni", "").startswith(want) or got.endswith(f": {want}.")
    return re.search(r"(?<!\w)" + re.escape(want) + r"(?!\w)", got) is not None


def turns_of(item):
    """The item's turns up to its last question, and the reference reply."""
    turns = [(role, "".join(p["text"] for p in parts)) for role, parts in item.turns]
    return turns[:-1], turns[-1][1]


def measure(model, count, seed=11):
    """-> skill -> [right, asked], and some mistakes; baseline: the share a reply drawn from the same skill's other answers would get."""
    rng, items, seen = random.Random(seed), [], set()
    for skill in mix.skills():
        got = collections.Counter()
        for _ in range(count * 60):
            i = mix.one(rng, True, skill)
            name, mark = i.skill, i.key
            if i.expect is None or mark in seen or got[name] >= count:
                continue
            seen.add(mark)
            got[name] += 1
            items.append(i)
    replies = model.replies([turns_of(i)[0] for i in items])
    score, chance, wrong = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(float), []
    by_skill = collections.defaultdict(list)
    for i in items:
        by_skill[i.skill].append(turns_of(i)[1])
    for i, reply in zip(items, replies):
        ok = right(i, reply)
        score[i.skill][0] += ok
        score[i.skill][1] += 1
        common = by_skill[i.skill]
        chance[i.skill] += sum(right(i, r) for r in common) / len(common)
        if not ok:
            wrong.append((i.skill, turns_of(i)[0][-1][1], reply, i.expect))
    return {k: {"right": v[0], "asked": v[1], "share": round(v[0] / v[1], 3), "baseline": round(chance[k] / v[1], 3)} for k, v in score.items()}, wrong


AWKWARD = ["  two  spaces", "tabs\tand\r\nlines\n\n\n x", "don't I'LL we'Ve", "ÿé漢字カナ 한국어", "١٢٣ ½ x²", "👩‍👩‍👧‍👦 🇫🇷 ❤️‍🔥", "<|im_start|>user", "a_b-c/d\\e", "   ", "\n", "e\u0301", " \u00a0x\u3000y", "1234567890", "() => { return 'a'; };", "!!!???...\n\n---"]


def parity(model, path, seed=99):
    """Texts with their ids, and prompts with their greedy replies, for check-llama.mjs."""
    rng, texts, prompts = random.Random(seed), list(AWKWARD), []
    for skill in mix.skills():
        for n in range(25):
            i = mix.one(rng, True, skill)
            texts += [part["text"] for _, parts in i.turns for part in parts]
            if n < 4:
                prompts.append(model.tokenizer.prompt(turns_of(i)[0]))
    replies = [model.generate([p])[0] for p in prompts]
    json.dump({"texts": [{"text": t, "ids": model.tokenizer.encode(t)} for t in texts], "prompts": [{"ids": p, "reply": r} for p, r in zip(prompts, replies)]}, open(path, "w"))
    print(f"{path}: {len(texts)} texts, {len(prompts)} prompts")


CHATS = [["Hello!"], ["Who are you?"], ["What can you do?"], ["does my data leave this computer?"], ["What is 47 + 38?"], ["whats 12*11"], ["What is 523 - 178?"], ["Tom has 12 apples and gives 5 to Anna. How many are left?"],
         ["What does 🐙 mean?"], ["emoji for pizza"], ["How do you spell elephant?"], ["Give me the opposite of brave."], ["What is a telescope?"], ["Tell me a story about an owl and a mouse.", "What is the moral?"], ["Tell me the fable of the fox and the grapes."],
         ["My name is Zorina.", "What is 9 x 9?", "What is my name?"], ["List three animals as bullet points."], ["Make a table of three countries and their capitals."], ["Who will win the next election?"], ["What's the weather like today?"], ["Can you see this picture?"], ["I am sad today"], ["how do I make tea?"], ["Explain general relativity"], ["thanks, bye!"]]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("--text")
    p.add_argument("--emoji")
    p.add_argument("--count", type=int, default=40, help="held-out items of each kind")
    p.add_argument("--json")
    p.add_argument("--ask", nargs="+")
    p.add_argument("--parity", help="write a file for check-llama.mjs instead of measuring")
    p.add_argument("--mistakes", type=int, default=0)
    a = p.parse_args()
    torch.set_num_threads(1)
    model = Model(a.model)
    if a.parity:
        mix.load_sources(a.text, a.emoji)
        return parity(model, a.parity)
    chats = [a.ask] if a.ask else CHATS
    for questions in chats:
        turns = []
        for q in questions:
            turns.append(("user", q))
            turns.append(("assistant", model.replies([turns])[0]))
            print(f"> {q}\n{turns[-1][1]}\n")
    if a.ask:
        return
    mix.load_sources(a.text, a.emoji)
    result, wrong = measure(model, a.count)
    print("| skill | right | of | share | baseline |\n| --- | --- | --- | --- | --- |")
    for k, v in result.items():
        print(f"| {k} | {v['right']} | {v['asked']} | {100 * v['share']:.0f} % | {100 * v['baseline']:.0f} % |")
    print(f"all: {sum(v['right'] for v in result.values())} of {sum(v['asked'] for v in result.values())}")
    for skill, q, reply, want in wrong[:a.mistakes]:
        print(f"{skill}: {q!r} -> {reply!r}, wanted {want!r}")
    if a.json:
        json.dump(result, open(a.json, "w"), indent=1)


if __name__ == "__main__":
    main()
