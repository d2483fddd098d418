"""The second file: both encoders and the fusion block as a GGUF beside the text model (`clip.*` and `omnitab.*` keys).

    python3 projector.py runs/omni.pt --tokenizer ../public/models/omni-tiny.gguf --out ../public/models      both files, from one checkpoint
"""
import argparse
import os

import numpy as np
import torch

import audio
import export_gguf
import fusion
import vision
from encoder import init as init_weights


class Projector:
    """Configs of the three parts and one dict of all weights."""

    def __init__(self, v=None, a=None, f=None, w=None, seed=1, basis=None, centre=None):
        self.v, self.a, self.f = v or vision.Vision(), a or audio.Audio(), f or fusion.Fusion()
        g = torch.Generator().manual_seed(seed)
        self.w = w or init_weights(vision.shapes(self.v), self.v.L, g) | init_weights(audio.shapes(self.a), self.a.L, g) | fusion.init(self.f, self.v, self.a, g, basis, centre)

    def image_rows(self, pictures):
        """RGB bytes (B,S,S,3) -> (B,Q,out)."""
        return fusion.rows(self.w, self.f, vision.encode(self.w, self.v, vision.pixels(self.v, pictures)), fusion.VISION)

    def audio_rows(self, mel):
        """Log-mel windows (B,W,M) -> (B,Q,out)."""
        return fusion.rows(self.w, self.f, audio.encode(self.w, self.a, mel), fusion.AUDIO)

    def hear(self, samples):
        """A whole clip (n,) -> its rows (windows * Q, out)."""
        return self.audio_rows(torch.from_numpy(audio.log_mel(audio.windows(self.a, samples)))).flatten(0, 1)


def metadata(p):
    out = {"general.architecture": "clip", "general.type": "mmproj", "general.name": "omni-tiny projector", "general.author": "OmniTab", "general.license": "apache-2.0",
           "general.description": "Picture and audio encoders of omni-tiny with its fusion block: emoji, shapes, digits, short spoken sentences of a small vocabulary.",
           "general.file_type": 7, "general.quantization_version": 2, "clip.has_vision_encoder": True, "clip.has_audio_encoder": True, "clip.projector_type": "omnitab"}
    for name, c in (("vision", p.v), ("audio", p.a)):
        k = f"clip.{name}."
        out |= {k + "embedding_length": c.D, k + "feed_forward_length": c.F, k + "block_count": c.L, k + "projection_dim": p.f.out, k + "attention.head_count": c.H, k + "attention.layer_norm_epsilon": float(c.eps)}
    return out | {"clip.vision.image_size": p.v.S, "clip.vision.patch_size": p.v.P, "clip.vision.image_mean": [float(p.v.mean)] * 3, "clip.vision.image_std": [float(p.v.std)] * 3, "clip.audio.num_mel_bins": p.a.M,
                  "omnitab.audio.window": p.a.window, "omnitab.audio.step": p.a.step, "omnitab.fusion.block_count": p.f.L, "omnitab.fusion.head_count": p.f.H, "omnitab.fusion.feed_forward_length": p.f.F,
                  "omnitab.fusion.image_queries": p.f.image_queries, "omnitab.fusion.audio_queries": p.f.audio_queries}


def write(path, p):
    return export_gguf.write_file(path, metadata(p), {k: v.detach().numpy() for k, v in p.w.items()})


def load(path):
    """-> Projector with the file's own (dequantized) weights: what a runtime sees."""
    m, arrays = export_gguf.read(path)
    part = lambda name: dict(D=m[f"clip.{name}.embedding_length"], L=m[f"clip.{name}.block_count"], H=m[f"clip.{name}.attention.head_count"], F=m[f"clip.{name}.feed_forward_length"], eps=m[f"clip.{name}.attention.layer_norm_epsilon"])
    v = vision.Vision(**part("vision"), S=m["clip.vision.image_size"], P=m["clip.vision.patch_size"], mean=m["clip.vision.image_mean"][0], std=m["clip.vision.image_std"][0])
    a = audio.Audio(**part("audio"), M=m["clip.audio.num_mel_bins"], window=m["omnitab.audio.window"], step=m["omnitab.audio.step"])
    g = lambda k: m["omnitab.fusion." + k]
    f = fusion.Fusion(D=v.D, L=g("block_count"), H=g("head_count"), F=g("feed_forward_length"), eps=v.eps, image_queries=g("image_queries"), audio_queries=g("audio_queries"), out=m["clip.vision.projection_dim"])
    return Projector(v, a, f, {k: torch.from_numpy(np.array(x)) for k, x in arrays.items()})


PARTS = ("v.", "a.", "f.", "mm.")


def main():
    import evaluate
    a = argparse.ArgumentParser()
    a.add_argument("checkpoint", help="of train_omni.py")
    a.add_argument("--tokenizer", required=True, help="a GGUF of the text model, whose tokenizer is kept")
    a.add_argument("--out", required=True, help="folder")
    a.add_argument("--last", action="store_true", help="the last weights, not their moving average: better early on")
    args = a.parse_args()
    saved, tokenizer = torch.load(args.checkpoint), evaluate.Model(args.tokenizer).tokenizer
    w = saved["fixed"] | saved["weights" if args.last else "average"]
    lm = {k: v.numpy() for k, v in w.items() if not k.startswith(PARTS)}
    p = Projector(w={k: v for k, v in w.items() if k.startswith(PARTS)})
    sizes = export_gguf.write(os.path.join(args.out, "omni-tiny.gguf"), saved["config"], tokenizer, lm), write(os.path.join(args.out, "omni-tiny-mmproj.gguf"), p)
    print(f"text {sizes[0] / 1e6:.2f} MB, projector {sizes[1] / 1e6:.2f} MB ({sum(x.numel() for x in p.w.values())} parameters), step {saved['step']}")


if __name__ == "__main__":
    main()
