"""Question encoders: token ids -> word states and a summary."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqa.config import QuestionEncoderConfig
from vqa.registry import Registry

QUESTION_ENCODERS: Registry[nn.Module] = Registry("question encoder")


@dataclass
class Words:
    """Encoded questions: states (B, T, D), summary (B, D), mask (B, T) bool, True for words."""

    states: Tensor
    summary: Tensor
    mask: Tensor


class _Recurrent(nn.Module):
    """Embedding and a bidirectional recurrent layer; D / 2 units each way."""

    def __init__(
        self, config: QuestionEncoderConfig, dim: int, vocab_size: int, layer: type[nn.RNNBase]
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, config.embedding, padding_idx=0)
        self.rnn = layer(config.embedding, dim // 2, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Words:
        """tokens (B, T) int64, 0 for padding; lengths (B,) on the CPU, each >= 1."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        states, last = self.rnn(packed)
        last = last[0] if isinstance(last, tuple) else last
        states, _ = nn.utils.rnn.pad_packed_sequence(
            states, batch_first=True, total_length=tokens.shape[1]
        )
        return Words(states, torch.cat([last[0], last[1]], dim=-1), tokens != 0)


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
