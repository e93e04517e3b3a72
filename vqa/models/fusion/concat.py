"""Concatenation, the classic baseline: the whole image beside the whole question."""

from __future__ import annotations

import torch
from torch import nn

from vqa.config import FusionConfig
from vqa.models.fusion.contract import FUSIONS, Joint, without_attention
from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words

_EACH, _BOTH = 1024, 512  # units of a dense layer for image and question, and for both together


@FUSIONS.register("concat")
class Concat(nn.Module):
    """Mean region and question summary, each through a dense layer, side by side through another.

    This is the CNN+LSTM baseline of Antol et al. (2015, section 5.1) and of CLEVR (Johnson et al.
    2017, section 4.1). It looks nowhere in particular: no attention steps.

    Args:
        config: its steps are not used. dim: D.
    """

    attends = False

    def __init__(self, config: FusionConfig, dim: int) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(dim, _EACH), nn.ReLU())
        self.question = nn.Sequential(nn.Linear(dim, _EACH), nn.ReLU())
        self.both = nn.Sequential(nn.Linear(2 * _EACH, _BOTH), nn.ReLU(), nn.Linear(_BOTH, dim))

    def forward(self, regions: Regions, words: Words) -> Joint:
        """Regions with features (B, R, D), words with summary (B, D) -> `Joint`, S = 0."""
        present = regions.mask.unsqueeze(-1)
        total = regions.features.masked_fill(~present, 0).sum(1)
        mean = total / present.sum(1).clamp(min=1)
        sides = [self.image(mean), self.question(words.summary)]
        return without_attention(self.both(torch.cat(sides, dim=-1)), regions, words)
