"""Question encoders: token ids -> word states and a summary."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqa.config import QuestionEncoderConfig
from vqa.errors import ConfigError
from vqa.registry import Registry

QUESTION_ENCODERS: Registry[nn.Module] = Registry("question encoder")


@dataclass
class Words:
    """Encoded questions: states (B, T, D), summary (B, D), mask (B, T) bool, True for words."""

    states: Tensor
    summary: Tensor
    mask: Tensor


class _Recurrent(nn.Module):
    """Embedding and two recurrent layers, one for each way; D / 2 units each.

    The way back reads each question reversed within its own length. That is what a packed
    bidirectional layer computes, but training it on a CPU takes half the time: a packed layer's
    gradient fills the whole batch anew at every word.
    """

    def __init__(
        self, config: QuestionEncoderConfig, dim: int, vocab_size: int, layer: type[nn.RNNBase]
    ) -> None:
        super().__init__()
        if dim % 2:
            raise ConfigError(f"model.dim must be even, half for each direction, not {dim}.")
        self.embed = nn.Embedding(vocab_size, config.embedding, padding_idx=0)
        self.onward = layer(config.embedding, dim // 2, batch_first=True)
        self.back = layer(config.embedding, dim // 2, batch_first=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Words:
        """tokens (B, T) int64, 0 for padding; lengths (B,), each >= 1."""
        return self.encode(self.embed(tokens), lengths)

    def encode(self, embedded: Tensor, lengths: Tensor) -> Words:
        """The same from words embedded already, (B, T, E), zeros for padding."""
        lengths = lengths.to(embedded.device).unsqueeze(1)
        place = torch.arange(embedded.shape[1], device=embedded.device)
        mask = place < lengths
        # Words in reverse order; padding stays where it is.
        mirrored = torch.where(mask, lengths - 1 - place, place)
        onward, _ = self.onward(embedded)
        turned = embedded.gather(1, mirrored.unsqueeze(-1).expand_as(embedded))
        reverse, _ = self.back(turned)
        wide = mirrored.unsqueeze(-1).expand(-1, -1, reverse.shape[-1])
        last = (lengths - 1).unsqueeze(-1).expand(-1, 1, reverse.shape[-1])
        summary = torch.cat([onward.gather(1, last), reverse.gather(1, last)], dim=-1).squeeze(1)
        states = torch.cat([onward, reverse.gather(1, wide)], dim=-1)
        return Words(states * mask.unsqueeze(-1), summary, mask)


@QUESTION_ENCODERS.register("gru")
class GRUEncoder(_Recurrent):
    """Bidirectional GRU (Cho et al. 2014)."""

    def __init__(self, config: QuestionEncoderConfig, dim: int, vocab_size: int) -> None:
        super().__init__(config, dim, vocab_size, nn.GRU)


@QUESTION_ENCODERS.register("lstm")
class LSTMEncoder(_Recurrent):
    """Bidirectional LSTM (Hochreiter & Schmidhuber 1997)."""

    def __init__(self, config: QuestionEncoderConfig, dim: int, vocab_size: int) -> None:
        super().__init__(config, dim, vocab_size, nn.LSTM)
