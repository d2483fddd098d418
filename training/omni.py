"""The text model with its projector: turns of typed parts become one sequence of tokens and rows.

A picture stands in a message as <|image|> rows <|/image|>, a film as <|video|> rows <|/video|> for each frame, audio as <|audio|>
rows <|/audio|>; parts follow one another in the order given, with nothing between.
"""
import numpy as np
import torch

import audio
import evaluate
import projector
from model import forward, logits

ROW = -1  # stands for a row in a list of ids


class Layout:
    """Parts -> ids, with ROW where a row will stand, and the media those rows come from, in order."""

    def __init__(self, tokenizer, p):
        self.t, self.p = tokenizer, p

    def medium(self, part):
        """-> mark, and [(kind, what the encoder takes, number of rows)] of each span."""
        f = self.p.f
        if part["type"] == "image":
            return "image", [("image", [part["pixels"]], f.image_queries)]
        if part["type"] == "video":
            return "video", [("image", [frame], f.image_queries) for frame in part["frames"]]
        mel = audio.log_mel(audio.windows(self.p.a, part["samples"]))
        return "audio", [("audio", list(mel), len(mel) * f.audio_queries)]

    def content(self, opening, parts):
        """Text around media is encoded piece by piece, the role's line with the first."""
        ids, media, pending = [], [], opening
        for part in parts:
            if part["type"] == "text":
                pending += part["text"]
                continue
            ids += self.t.encode(pending)
            pending = ""
            mark, spans = self.medium(part)
            for kind, items, rows in spans:
                ids += [self.t.ids[f"<|{mark}|>"]] + [ROW] * rows + [self.t.ids[f"<|/{mark}|>"]]
                media += [(kind, x) for x in items]
        return ids + self.t.encode(pending), media

    def chat(self, turns, answer=False):
        """[(role, parts), ...] -> ids, own (1 where the assistant's own words are), media. answer: end where the assistant begins."""
        newline, ids, own, media = self.t.encode("\n"), [], [], []
        for role, parts in turns:
            ids.append(self.t.ids["<|im_start|>"])
            if role == "assistant":
                head, body = self.t.encode("assistant\n"), self.t.encode("".join(p["text"] for p in parts)) + [self.t.end]
            else:
                head, (body, more) = [], self.content(role + "\n", parts)
                body, media = body + [self.t.end], media + more
            ids += head + body + newline
            own += [0] * (1 + len(head)) + [int(role == "assistant")] * len(body) + [0] * len(newline)
        if answer:
            ids += [self.t.ids["<|im_start|>"]] + self.t.encode("assistant\n")
        return ids, own, media


def media_rows(p, media):
    """[(kind, array), ...] -> all their rows in order, (rows, width). Each kind goes through its encoder in one call."""
    spans = [None] * len(media)
    for kind, encode, pack in (("image", p.image_rows, lambda x: np.stack(x)), ("audio", p.audio_rows, lambda x: torch.from_numpy(np.stack(x)))):
        at = [i for i, (k, _) in enumerate(media) if k == kind]
        if at:
            for i, r in zip(at, encode(pack([media[i][1] for i in at]))):
                spans[i] = r
    return torch.cat(spans)


class Omni(evaluate.Model):
    """Both files, as a runtime loads them."""

    def __init__(self, text_path, projector_path):
        super().__init__(text_path)
        self.p = projector.load(projector_path)
        self.layout = Layout(self.tokenizer, self.p)

    @torch.no_grad()
    def answer(self, conversations, limit=120, batch=24):
        """[[(role, parts), ...], ...], each ending with the user -> replies, greedily."""
        laid = [self.layout.chat(t, True) for t in conversations]
        order, out = sorted(range(len(laid)), key=lambda i: len(laid[i][0])), [None] * len(laid)
        for at in range(0, len(order), batch):
            some = order[at:at + batch]
            for i, ids in zip(some, self.continue_rows([laid[i] for i in some], limit)):
                out[i] = self.tokenizer.decode(ids)
        return out

    def continue_rows(self, laid, limit):
        """As generate, for prompts with rows."""
        n, B = max(len(x[0]) for x in laid), len(laid)
        ids, pad = torch.zeros(B, n, dtype=torch.long), torch.zeros(B, n, dtype=torch.bool)
        for r, (p, _, _) in enumerate(laid):
            ids[r, n - len(p):] = torch.tensor(p)
            pad[r, :n - len(p)] = True
        places = (ids.view(-1) == ROW).nonzero()[:, 0]
        media = [m for x in laid for m in x[2]]
        hidden = torch.zeros(B, n + limit).masked_fill_(torch.cat([pad, torch.zeros(B, limit, dtype=torch.bool)], 1), -1e9)
        cache, done, out = [], [False] * B, [[] for _ in laid]
        h = forward(self.w, self.c, ids.clamp(min=0), hidden[:, None, :n] + torch.full((n, n), -1e9).triu(1), cache, (places, media_rows(self.p, media)) if media else None)
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
