"""The audio encoder: Whisper's log-mel spectrogram over overlapping windows, two convolutions, dense attention within a window.

A window's rows depend on its own samples only, so it can be encoded while capture goes on.
Legend: W mel frames of a window, M mel bins; others as in encoder.py.
"""
from dataclasses import dataclass

import numpy as np
from scipy import fft
import torch
import torch.nn.functional as nnf

from encoder import Encoder, block, block_shapes, norm, norm_shapes

RATE, FRAME, HOP = 16000, 400, 160  # Hz, samples, samples


@dataclass
class Audio(Encoder):
    M: int = 80
    window: int = 128  # mel frames: 1.28 s
    step: int = 64  # mel frames by which windows move

    @property
    def N(self):
        """Positions of a window, 40 ms each."""
        return self.window // 4


def shapes(c):
    out = {"a.conv1d.1.weight": (c.D, 3, c.M), "a.conv1d.1.bias": (c.D,), "a.conv1d.2.weight": (c.D, 3, c.D), "a.conv1d.2.bias": (c.D,), "a.position_embd.weight": (c.N, c.D)}
    for i in range(c.L):
        out |= block_shapes(c, f"a.blk.{i}.")
    return out | norm_shapes("a.post_ln", c.D)


def mel_filters(bins=80):
    """(bins, FRAME / 2 + 1) triangles on Slaney's scale, each of area 1 in Hz (Slaney 1998, Auditory Toolbox; as librosa's `mel`)."""
    to_mel = lambda hz: np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4))
    to_hz = lambda mel: np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    edges = to_hz(np.linspace(0, to_mel(np.float64(RATE / 2)), bins + 2))
    hz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    rise = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    return (np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


HANN = np.hanning(FRAME + 1)[:-1].astype(np.float32)
FILTERS = {80: mel_filters(80)}


def log_mel(samples, filters=None):
    """Windows of samples (B, n) -> (B, n / HOP, 80), each by its own maximum. Edges are mirrored; the last of 1 + n / HOP frames is dropped, as Whisper does."""
    filters = FILTERS[80] if filters is None else filters
    x = np.pad(samples.astype(np.float32), [(0, 0), (FRAME // 2, FRAME // 2)], mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME, axis=1)[:, ::HOP][:, :-1]
    spectrum = fft.rfft(frames * HANN, axis=2)
    power = spectrum.real ** 2 + spectrum.imag ** 2
    out = np.log10(np.maximum((power.reshape(-1, FRAME // 2 + 1) @ filters.T).reshape(*power.shape[:2], -1), 1e-10))
    return ((np.maximum(out, out.max((1, 2), keepdims=True) - 8) + 4) / 4).astype(np.float32)


def windows(c, samples):
    """Samples (n,) in -1..1 -> (windows, c.window * HOP). Window i ends where step i + 1 ends; zeros before the beginning, and after the end up to a whole step."""
    step, size = c.step * HOP, c.window * HOP
    count = max(1, -(-len(samples) // step))
    x = np.zeros(size - step + count * step, np.float32)
    x[size - step:size - step + len(samples)] = samples
    return np.stack([x[i * step:i * step + size] for i in range(count)])


def convolve(w, name, x):
    """Stride 2, padding 1. x (B,T,C) -> (B,T/2,D); the weight is (D, tap, C)."""
    return nnf.gelu(nnf.conv1d(x.transpose(1, 2), w[name + ".weight"].transpose(1, 2), w[name + ".bias"], stride=2, padding=1).transpose(1, 2))


def encode(w, c, mel):
    """Log-mel windows (B,W,M) -> features (B,W/4,D)."""
    x = convolve(w, "a.conv1d.2", convolve(w, "a.conv1d.1", mel)) + w["a.position_embd.weight"]
    for i in range(c.L):
        x = block(w, c, f"a.blk.{i}.", x)
    return norm(w, "a.post_ln", x, c.eps)
