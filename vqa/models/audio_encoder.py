"""The acoustic encoder: log-mel frames -> states, a summary, and the words that were said."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqa.config import AudioEncoderConfig
from vqa.errors import ConfigError
from vqa.models.question_encoder import Words

BLANK = 0  # the id of padding is CTC's blank
STRIDE = 6  # frames of 10 ms in a state: two to five states a word
_FIRST, _SECOND = 2, 3  # of which the two convolutions take


@dataclass
class Heard:
    """Encoded recordings: what fusions read of a question, and logits (B, T, U) over the blank and
    the U - 1 words and characters of the vocabulary, T states of 60 ms each."""

    words: Words
    logits: Tensor


class AudioEncoder(nn.Module):
    """Two convolutions over time and frequency, bidirectional GRUs, and a linear head that is
    trained by CTC (Graves et al. 2006; the order of parts is that of Deep Speech 2, Amodei et al.
    2016).

    Its units are whole words, and characters for Chinese: the tokens the question encoder reads.
    The questions' vocabulary is closed, so a word never has to be spelt, a transcript needs few
    states, and each token that is heard has a state of its own.

    Args:
        mels: bands of a frame. units: size of the vocabulary, the blank included.

    Raises:
        ConfigError: a size is below 1.
    """

    def __init__(self, config: AudioEncoderConfig, mels: int, units: int) -> None:
        super().__init__()
        for name in ("channels", "hidden", "layers"):
            if getattr(config, name) < 1:
                raise ConfigError(f"model.{name} must be at least 1.")
        channels, hidden = config.channels, config.hidden
        self.first = nn.Conv2d(1, channels, 3, (_FIRST, 2), 1)
        self.second = nn.Conv2d(channels, channels, 3, (_SECOND, 2), 1)
        self.join = nn.Linear(channels * _halved(_halved(mels)), hidden)
        self.norms = nn.ModuleList(
            nn.LayerNorm(hidden if k == 0 else 2 * hidden) for k in range(config.layers)
        )
        sizes = [hidden] + [2 * hidden] * (config.layers - 1)
        self.onward = nn.ModuleList(nn.GRU(n, hidden, batch_first=True) for n in sizes)
        self.back = nn.ModuleList(nn.GRU(n, hidden, batch_first=True) for n in sizes)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(2 * hidden, units)

    def forward(self, mels: Tensor, lengths: Tensor) -> Heard:
        """mels (B, F, mels) as `vqa.audio.normalise` gives them, zeros behind; lengths (B,) of the
        F frames each, at least 1. What is behind a recording changes nothing of it."""
        lengths = lengths.to(mels.device)
        x = self.first(mels.unsqueeze(1)).relu()
        lengths = _strided(lengths, _FIRST)
        # The second convolution must see zeros behind the end, as it does at the batch's edge.
        x = x * _mask(lengths, x.shape[2])[:, None, :, None]
        x = self.second(x).relu()
        lengths = _strided(lengths, _SECOND)
        x = self.join(x.permute(0, 2, 1, 3).flatten(2)).relu()
        mask = _mask(lengths, x.shape[1])
        place = torch.arange(x.shape[1], device=x.device)
        ends = lengths.unsqueeze(1)
        mirrored = torch.where(place < ends, ends - 1 - place, place).unsqueeze(-1)
        for norm, onward, back in zip(self.norms, self.onward, self.back, strict=True):
            x = self.dropout(norm(x))
            forth, _ = onward(x)
            reverse, _ = back(x.gather(1, mirrored.expand_as(x)))
            wide = mirrored.expand_as(reverse)
            last = (ends - 1).unsqueeze(-1).expand(-1, 1, reverse.shape[-1])
            summary = torch.cat([forth.gather(1, last), reverse.gather(1, last)], -1).squeeze(1)
            x = torch.cat([forth, reverse.gather(1, wide)], -1)
        states = x * mask.unsqueeze(-1)
        return Heard(Words(states, summary, mask), self.head(self.dropout(states)))


def states_of(frames: Tensor | int) -> Tensor | int:
    """How many states recordings of so many frames have."""
    return _strided(_strided(frames, _FIRST), _SECOND)


def _strided(length: Tensor | int, stride: int) -> Tensor | int:
    return (length - 1) // stride + 1


def _halved(bands: int) -> int:
    return _strided(bands, 2)


def _mask(lengths: Tensor, longest: int) -> Tensor:
    return torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)
