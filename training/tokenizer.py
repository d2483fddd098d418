"""Byte-level BPE: trainer, encoder, decoder, and the chat format. Splits text as llama.cpp's pre-tokenizer "qwen2" does.

    python3 tokenizer.py --out runs/tokenizer.json [--text DIR] [--emoji data.json]
"""
import argparse
import collections
import json
import random

import regex  # Debian python3-regex: the standard library's re has no \p{L}

# The qwen2 split: contractions, words with one leading mark, single digits, punctuation, line ends, spaces.
SPLIT = regex.compile(r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image|>", "<|/image|>", "<|audio|>", "<|/audio|>", "<|video|>", "<|/video|>",
           "<|speech|>", "<|/speech|>", "<|draw|>", "<|/draw|>", "<|pad|>"]
SPECIAL += [f"<|reserved_{i}|>" for i in range(32 - len(SPECIAL))]

CHAT_TEMPLATE = ("{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}{%- endfor -%}"
                 "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}")


def byte_letters():
    """GPT-2's printable stand-in for each byte: printable Latin-1 stays, the rest moves up to 256 and on."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 256
    for b in range(256):
        table[b] = chr(b) if b in keep else chr(extra)
        extra += b not in keep
    return table


LETTER = byte_letters()
BYTE = {c: b for b, c in LETTER.items()}


def letters(piece):
    return "".join(LETTER[b] for b in piece.encode("utf-8"))


def train(texts, size):
    """-> merges, [(left, right), ...], until bytes + merges + specials reach `size`."""
    counts = collections.Counter(letters(p) for t in texts for p in SPLIT.findall(t))
    words = [list(w) for w in counts]
    weight = list(counts.values())
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, w in enumerate(words):
        for p in zip(w, w[1:]):
            pairs[p] += weight[i]
            where[p].add(i)
    merges = []
    while len(merges) < size - 256 - len(SPECIAL):
        best = max(pairs, key=lambda p: (pairs[p], p))  # ties by text, so that runs agree
        if pairs[best] < 2:
            raise ValueError(f"only {len(merges)} merges in this text: give more of it or a smaller size")
        merges.append(best)
        for i in list(where[best]):
            w, n = words[i], weight[i]
            for p in zip(w, w[1:]):
                pairs[p] -= n
                where[p].discard(i)
            words[i] = w = join_pair(w, best)
            for p in zip(w, w[1:]):
                pairs[p] += n
                where[p].add(i)
        del pairs[best]
    return merges


def join_pair(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Tokenizer:
    """Ids: 256 bytes, then one per merge, then the special tokens."""

    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.tokens = [LETTER[b] for b in range(256)] + [a + b for a, b in self.merges] + SPECIAL
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.end = self.ids["<|im_end|>"]
        self.known = {}

    @classmethod
    def load(cls, path):
        return cls(json.load(open(path, encoding="utf-8"))["merges"])

    def save(self, path):
        json.dump({"merges": self.merges}, open(path, "w", encoding="utf-8"), ensure_ascii=False)

    def piece(self, piece):
        if piece not in self.known:
            w = list(letters(piece))
            while len(w) > 1:
                best = min(zip(w, w[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                if best not in self.rank:
                    break
                w = join_pair(w, best)
            self.known[piece] = [self.ids[t] for t in w]
        return self.known[piece]

    def encode(self, text):
        """Plain text: special tokens' names stay text."""
        return [i for p in SPLIT.findall(text) for i in self.piece(p)]

    def decode(self, ids):
        """Special tokens are left out; broken UTF-8 becomes the replacement character."""
        first = len(self.tokens) - len(SPECIAL)
        return bytes(BYTE[c] for i in ids if i < first for c in self.tokens[i]).decode("utf-8", "replace")

    def turn(self, role, content):
        """-> the ids that open a turn, and those of its content with the end mark."""
        start = [self.ids["<|im_start|>"]]
        if role == "assistant":  # kept apart: generation starts between the two
            return start + self.encode("assistant\n"), self.encode(content) + [self.end]
        return start, self.encode(f"{role}\n{content}") + [self.end]

    def chat(self, turns):
        """[(role, text), ...] -> ids, and for each id 1 where it is the assistant's own (what the loss counts)."""
        newline, ids, own = self.encode("\n"), [], []
        for role, content in turns:
            opening, body = self.turn(role, content)
            ids += opening + body + newline
            own += [0] * len(opening) + [int(role == "assistant")] * len(body) + [0] * len(newline)
        return ids, own

    def prompt(self, turns):
        ids, _ = self.chat(turns)
        return ids + [self.ids["<|im_start|>"]] + self.encode("assistant\n")


def main():
    from data import mix
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--size", type=int, default=2560)
    p.add_argument("--text")
    p.add_argument("--emoji")
    p.add_argument("--conversations", type=int, default=60000)
    args = p.parse_args()
    print(*mix.load_sources(args.text, args.emoji), sep=", ")
    rng = random.Random(7)
    texts = ["system\n", "user\n", "assistant\n"] * 1000
    for _ in range(args.conversations):
        texts += [part["text"] for _, parts in mix.conversation(rng) for part in parts]
    tokenizer = Tokenizer(train(texts, args.size))
    tokenizer.save(args.out)
    n = sum(len(t.encode()) for t in texts[:20000])
    print(f"{len(tokenizer.tokens)} tokens, {n / sum(len(tokenizer.encode(t)) for t in texts[:20000]):.2f} bytes a token")


if __name__ == "__main__":
    main()
