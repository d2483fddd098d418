"""Writes a checkpoint as GGUF v3: norms F32, matrices Q8_0 (or F16, F32 for parity tests). Also reads such a file back.

    python3 export_gguf.py runs/checkpoint.pt runs/tokenizer.json ../public/models/omni-tiny.gguf [--type q8_0|f16|f32]
"""
import argparse
import struct

import numpy as np

from tokenizer import CHAT_TEMPLATE, SPECIAL, Tokenizer

ALIGN = 32
F32, F16, Q8_0 = 0, 1, 8  # ggml tensor types
U32, F32_KV, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5  # GGUF value types
FILE_TYPE = {"f32": 0, "f16": 1, "q8_0": 7}


def q8_0(x):
    """Rows of 32 weights -> blocks of an f16 scale d = max|x| / 127 and 32 int8 round(x / d), as ggml rounds (half away from zero)."""
    b = x.reshape(-1, 32).astype(np.float32)
    d = np.abs(b).max(1) / np.float32(127)
    inverse = np.where(d > 0, np.float32(1) / np.where(d > 0, d, 1), 0).astype(np.float32)
    scaled = b * inverse[:, None]
    q = (np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).astype(np.int8)
    out = np.zeros(len(b), dtype=[("d", "<f2"), ("q", "i1", 32)])
    out["d"], out["q"] = d.astype(np.float16), q
    return out.tobytes()


def from_q8_0(data, shape):
    b = np.frombuffer(data, dtype=[("d", "<f2"), ("q", "i1", 32)])
    return (b["d"].astype(np.float32)[:, None] * b["q"].astype(np.float32)).reshape(shape)


def string(s):
    raw = s.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    """-> type number, bytes; lists are arrays of one type."""
    if isinstance(v, bool):
        return BOOL, struct.pack("<?", v)
    if isinstance(v, int):
        return U32, struct.pack("<I", v)
    if isinstance(v, float):
        return F32_KV, struct.pack("<f", v)
    if isinstance(v, str):
        return STRING, string(v)
    if isinstance(v[0], str):
        return ARRAY, struct.pack("<IQ", STRING, len(v)) + b"".join(map(string, v))
    if isinstance(v[0], float):
        return ARRAY, struct.pack("<IQ", F32_KV, len(v)) + struct.pack(f"<{len(v)}f", *v)
    return ARRAY, struct.pack("<IQ", I32, len(v)) + struct.pack(f"<{len(v)}i", *v)


def metadata(c, tokenizer, kind):
    """c: the config as a dict (letters as in model.py)."""
    normal = len(tokenizer.tokens) - len(SPECIAL)
    return {
        "general.architecture": "qwen3",
        "general.type": "model",
        "general.name": "omni-tiny",
        "general.author": "OmniTab",
        "general.license": "apache-2.0",
        "general.description": "The small text model embedded in OmniTab, trained from scratch: simple English talk, sums, words, emoji, short fables. Makes mistakes.",
        "general.languages": ["en"],
        "general.file_type": FILE_TYPE[kind],
        "general.quantization_version": 2,
        "qwen3.context_length": c["context"],
        "qwen3.embedding_length": c["D"],
        "qwen3.block_count": c["L"],
        "qwen3.feed_forward_length": c["F"],
        "qwen3.attention.head_count": c["H"],
        "qwen3.attention.head_count_kv": c["K"],
        "qwen3.attention.key_length": c["E"],
        "qwen3.attention.value_length": c["E"],
        "qwen3.attention.layer_norm_rms_epsilon": float(c["eps"]),
        "qwen3.rope.freq_base": float(c["theta"]),
        "qwen3.rope.dimension_count": c["E"],
        "qwen3.vocab_size": c["V"],
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokenizer.tokens,
        "tokenizer.ggml.token_type": [1] * normal + [3] * len(SPECIAL),
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in tokenizer.merges],
        "tokenizer.ggml.bos_token_id": tokenizer.ids["<|endoftext|>"],
        "tokenizer.ggml.eos_token_id": tokenizer.end,
        "tokenizer.ggml.eot_token_id": tokenizer.end,
        "tokenizer.ggml.padding_token_id": tokenizer.ids["<|endoftext|>"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def stored(x, kind):
    """-> ggml type and bytes: vectors F32; matrices as `kind` says, but F16 where a row is no whole number of Q8_0 blocks."""
    if x.ndim == 1 or kind == "f32":
        return F32, x.tobytes()
    if kind == "f16" or x.shape[-1] % 32:
        return F16, x.astype(np.float16).tobytes()
    return Q8_0, q8_0(x)


def write_file(path, meta, weights, kind="q8_0"):
    """weights: name -> float array; a matrix is (outputs, inputs). GGUF lists dimensions innermost first. -> bytes written."""
    keys = b"".join(string(k) + struct.pack("<I", t) + raw for k, (t, raw) in ((k, value(v)) for k, v in meta.items()))
    infos, bodies, offset = b"", [], 0
    for name, x in weights.items():
        x = np.ascontiguousarray(x, dtype=np.float32)
        t, body = stored(x, kind)
        body += b"\0" * (-len(body) % ALIGN)
        infos += string(name) + struct.pack("<I", x.ndim) + b"".join(struct.pack("<Q", n) for n in reversed(x.shape)) + struct.pack("<IQ", t, offset)
        bodies.append(body)
        offset += len(body)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(meta)) + keys + infos
    head += b"\0" * (-len(head) % ALIGN)
    with open(path, "wb") as f:
        f.write(head + b"".join(bodies))
    return len(head) + offset


def write(path, c, tokenizer, weights, kind="q8_0"):
    return write_file(path, metadata(c, tokenizer, kind), weights, kind)


def read(path):
    """-> metadata, name -> float32 array: what a runtime sees, Q8_0 error included."""
    data = open(path, "rb").read()
    at = 4

    def take(fmt):
        nonlocal at
        v = struct.unpack_from("<" + fmt, data, at)
        at += struct.calcsize("<" + fmt)
        return v if len(v) > 1 else v[0]

    def text():
        nonlocal at
        n = take("Q")
        at += n
        return data[at - n:at].decode("utf-8")

    def get(t):
        if t == STRING:
            return text()
        if t == ARRAY:
            inner, n = take("IQ")
            return [get(inner) for _ in range(n)]
        return take({U32: "I", I32: "i", F32_KV: "f", BOOL: "?"}[t])

    if data[:4] != b"GGUF" or take("I") != 3:
        raise ValueError(f"{path} is not a GGUF v3 file")
    tensors, pairs = take("QQ")
    meta = {}
    for _ in range(pairs):
        key = text()
        meta[key] = get(take("I"))
    infos = []
    for _ in range(tensors):
        name, n = text(), take("I")
        shape = tuple(reversed([take("Q") for _ in range(n)]))
        infos.append((name, shape, *take("IQ")))
    start = at + -at % ALIGN
    out = {}
    for name, shape, t, offset in infos:
        n = int(np.prod(shape))
        body = data[start + offset:start + offset + {F32: 4 * n, F16: 2 * n, Q8_0: n // 32 * 34}[t]]
        out[name] = from_q8_0(body, shape) if t == Q8_0 else np.frombuffer(body, "<f2" if t == F16 else "<f4").astype(np.float32).reshape(shape)
    return meta, out


def main():
    import torch
    p = argparse.ArgumentParser()
    p.add_argument("checkpoint")
    p.add_argument("tokenizer")
    p.add_argument("out")
    p.add_argument("--type", choices=FILE_TYPE, default="q8_0")
    a = p.parse_args()
    saved = torch.load(a.checkpoint)
    size = write(a.out, saved["config"], Tokenizer.load(a.tokenizer), {k: v.numpy() for k, v in saved["average"].items()}, a.type)
    print(f"{a.out}: {size / 1e6:.2f} MB, {saved['state']['tokens'] / 1e6:.1f} M tokens trained")


if __name__ == "__main__":
    main()
