"""Speech synthesis through the libraries of flite and espeak-ng: clips at 16 kHz with the time of every word, kept in one cache.

    python3 -m data.voices --out runs/clips --text DIR --emoji data.json     (from training/; a few minutes)

One voice (rms) is held out: it speaks held-out sentences only, for evaluation.
"""
import argparse
import ctypes
import json
import os
import random
import zlib

import numpy as np

FLITE = ("awb", "kal16", "rms", "slt")  # voices of Debian's flite at 16 kHz
HELD_OUT_VOICE = min(FLITE, key=lambda v: zlib.crc32(f"omni-tiny/voice/{v}".encode()))
ESPEAK = ("en-us", "en", "en-us+f2", "en-us+f3", "en-us+f4", "en-us+m2", "en-us+m3", "en-us+m5", "en+f1", "en+m7", "en-gb-scotland", "gmw/en-GB-x-rp+f3", "en-us+klatt2", "en+f5")
RATE = 16000


class Flite:
    """text -> samples (int16), [(word, start s, end s)]."""

    class Wave(ctypes.Structure):
        _fields_ = [("type", ctypes.c_char_p), ("rate", ctypes.c_int), ("count", ctypes.c_int), ("channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short))]

    def __init__(self):
        load = lambda name: ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        self.lib = load("libflite.so.1")
        load("libflite_usenglish.so.1"), load("libflite_cmulex.so.1")
        p, s = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (("flite_synth_text", p, [s, p]), ("utt_wave", ctypes.POINTER(self.Wave), [p]), ("utt_relation", p, [p, s]), ("relation_head", p, [p]), ("item_next", p, [p]),
                                        ("item_feat_float", ctypes.c_float, [p, s]), ("ffeature_string", s, [p, s]), ("delete_utterance", None, [p]), ("feat_set_float", None, [p, s, ctypes.c_float])):
            f = getattr(self.lib, name)
            f.restype, f.argtypes = result, arguments
        self.lib.flite_init()
        self.voices = {}
        for v in FLITE:
            register = getattr(load(f"libflite_cmu_us_{v}.so.1"), f"register_cmu_us_{v}")
            register.restype, register.argtypes = p, [p]
            self.voices[v] = register(None)

    def say(self, voice, text):
        lib = self.lib
        u = lib.flite_synth_text(text.encode(), self.voices[voice])
        wave = lib.utt_wave(u).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.count,)).copy()
        if wave.rate != RATE:
            raise ValueError(f"{voice} speaks at {wave.rate} Hz")
        words, start, item, last = [], 0.0, lib.relation_head(lib.utt_relation(u, b"Segment")), None
        while item:
            end = lib.item_feat_float(item, b"end")
            word = lib.ffeature_string(item, b"R:SylStructure.parent.parent.name").decode()
            place = lib.ffeature_string(item, b"R:SylStructure.parent.parent.R:Word.p.name").decode() + "/" + word  # two equal words in turn stay one: rare
            if word != "0":
                if words and last == place:
                    words[-1][2] = end
                else:
                    words.append([word, start, end])
            last, start, item = place, end, lib.item_next(item)
        lib.delete_utterance(u)
        return samples, words


class Espeak:
    """As Flite; speed in words a minute and pitch (0..99) can be set."""

    class Event(ctypes.Structure):
        _fields_ = [("type", ctypes.c_int), ("id", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("name", ctypes.c_char * 8)]

    def __init__(self):
        self.lib = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.lib.espeak_Initialize(2, 0, None, 0)  # synchronous, samples through the callback
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(self.Event))
        self.callback = kind(self.take)
        self.lib.espeak_SetSynthCallback(self.callback)

    def take(self, samples, count, events):
        if samples and count:
            self.parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == 1:  # a word begins
                self.words.append((events[i].text_position, events[i].length, events[i].audio_position / 1000))
            i += 1
        return 0

    def say(self, voice, text, speed=150, pitch=50):
        from scipy.signal import resample_poly
        self.parts, self.words = [], []
        lib, raw = self.lib, text.encode()
        if lib.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice}")
        lib.espeak_SetParameter(1, speed, 0), lib.espeak_SetParameter(3, pitch, 0)
        lib.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, 1, None, None)
        lib.espeak_Synchronize()
        x = np.concatenate(self.parts).astype(np.float32)
        x = resample_poly(x, 320, 441) if self.rate == 22050 else np.interp(np.arange(int(len(x) * RATE / self.rate)) * self.rate / RATE, np.arange(len(x)), x)
        loud = np.abs(x) > 200
        end = (len(x) - loud[::-1].argmax()) / RATE
        starts = [w[2] for w in self.words] + [end]
        words = [[text[p - 1:p - 1 + n].strip("?.,!").lower(), starts[i], starts[i + 1]] for i, (p, n, _) in enumerate(self.words)]
        return np.clip(x, -32768, 32767).astype(np.int16), words


class Clips:
    """The cache: meta [(text, voice, first sample, samples, words)], samples as one memory-mapped array."""

    def __init__(self, path):
        self.meta = json.load(open(path + ".json"))
        self.samples = np.load(path + ".npy", mmap_mode="r")
        self.by_text = {}
        for i, m in enumerate(self.meta):
            self.by_text.setdefault(m[0], []).append(i)

    def audio(self, i):
        """-> samples in -1..1."""
        _, _, at, n, _ = self.meta[i]
        return self.samples[at:at + n].astype(np.float32) / 32768


def main():
    from . import mix, speech
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a.add_argument("--text")
    a.add_argument("--emoji")
    a.add_argument("--flite", type=float, default=1.0, help="share of the trained sentences that each flite voice speaks")
    a.add_argument("--espeak", type=int, default=2, help="espeak voices for each sentence")
    args = a.parse_args()
    mix.load_sources(args.text, args.emoji)
    rng, flite, espeak = random.Random(17), Flite(), Espeak()
    meta, parts, at = [], [], 0

    def add(text, voice, clip):
        nonlocal at
        samples, words = clip
        meta.append((text, voice, at, len(samples), [(w, round(s, 3), round(e, 3)) for w, s, e in words]))
        parts.append(samples)
        at += len(samples)

    texts = speech.sentences()
    for text in texts:
        held = speech.held_out_text(text)
        for v in FLITE:
            if held if v == HELD_OUT_VOICE else held or rng.random() < args.flite:
                add(text, v, flite.say(v, text))
        rare = text in speech.PICTURE_QUESTIONS or text in speech.ALWAYS  # few texts hold these words: more voices say them
        for v in rng.sample(ESPEAK, len(ESPEAK) if rare else args.espeak):
            add(text, v, espeak.say(v, text, rng.randrange(125, 185), rng.randrange(30, 75)))
        if len(meta) % 500 < 6:
            print(f"{len(meta)} clips, {at / RATE / 3600:.2f} h", flush=True)
    np.save(args.out + ".npy", np.concatenate(parts))
    json.dump(meta, open(args.out + ".json", "w"))
    print(f"{len(texts)} sentences, {len(meta)} clips, {at / RATE / 3600:.2f} h")


if __name__ == "__main__":
    main()
