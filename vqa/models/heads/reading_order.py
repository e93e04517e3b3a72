"""The order that regions are read in, as the question names it or as a sentence goes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words

_PLACES = 8  # twice the directions there are, so that each question finds one of its own
_SHARP = 6.0  # of the choice: from the start it is nearly one direction, and stays so


class ReadingOrder(nn.Module):
    """A key per region, by which regions are sorted: the question chooses, by a softmax, among a
    few directions, each a linear function of the region. A choice, because between two directions
    what is close together would come out of order.

    Args:
        dim: D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.place = nn.Linear(dim, _PLACES)
        self.direction = nn.Linear(dim, _PLACES)

    def forward(self, regions: Regions, words: Words) -> Tensor:
        """(B, R) keys, smaller ones first; those of regions that are not there come last."""
        places = self.place(regions.features)
        wanted = (_SHARP * self.direction(words.summary)).softmax(-1)
        key = (places * wanted.unsqueeze(1)).sum(-1)
        return key.masked_fill(~regions.mask, 1e4)


def ranks(keys: Tensor) -> Tensor:
    """(B, R) keys -> the place of each region in their order, from 0, as floats."""
    return keys.argsort(-1).argsort(-1).to(keys.dtype)


def order_loss(keys: Tensor, rank: Tensor, known: Tensor) -> Tensor:
    """How badly keys order what is known, a logistic loss of pairs (RankNet, Burges et al. 2005).

    Args:
        keys: (B, R). rank: (B, R) true places. known: (B, R) bool, where there is one.
    """
    later = rank.unsqueeze(2) < rank.unsqueeze(1)  # region j (last axis) is read after region i
    pairs = (later & known.unsqueeze(2) & known.unsqueeze(1)).to(keys.dtype)
    difference = keys.unsqueeze(1) - keys.unsqueeze(2)
    difference = torch.where(pairs > 0, difference, torch.zeros_like(difference))
    return (F.softplus(-difference) * pairs).sum() / pairs.sum().clamp(min=1)
