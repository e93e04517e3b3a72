"""Stacked attention (Yang et al. 2016, section 3.3): the question looks at the image S times."""

from __future__ import annotations

import torch
from torch import nn

from vqa.config import FusionConfig
from vqa.models.fusion.contract import FUSIONS, Joint
from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words


@FUSIONS.register("stacked_attention")
class StackedAttention(nn.Module):
    """S glimpses, each refining the query by what was attended (equations 15 to 17).

    Beyond the paper, the words have an attention of their own, and the whole image's mean joins
    the result: a photo's kind is a matter of all of it. With `match` "product" the query also
    scales the region's channels, as in low-rank bilinear attention (Kim et al. 2017):
    a region that is red *and* a cube is told by one product instead of a sum pieced together.

    Args:
        config: number of glimpses, and how they match. dim: D.
    """

    attends = True

    def __init__(self, config: FusionConfig, dim: int) -> None:
        super().__init__()
        d = dim
        self.word_score = nn.ModuleList(nn.Linear(d, 1) for _ in range(config.steps))
        self.query = nn.Linear(2 * d, d)
        self.of_region = nn.ModuleList(nn.Linear(d, d, bias=False) for _ in range(config.steps))
        self.of_query = nn.ModuleList(nn.Linear(d, d) for _ in range(config.steps))
        product = config.match == "product"
        self.scale = nn.ModuleList(nn.Linear(d, d) for _ in range(config.steps * product))
        self.score = nn.ModuleList(nn.Linear(d, 1) for _ in range(config.steps))
        self.whole = nn.Linear(d, d)
        self.output = nn.Sequential(nn.Linear(3 * d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d))

    def forward(self, regions: Regions, words: Words) -> Joint:
        """Regions with features (B, R, D), words with states (B, T, D) -> `Joint`."""
        v = torch.relu(regions.features)
        present = regions.mask.to(v.dtype)
        logits, word_maps = [], []
        query = words.summary
        for k in range(len(self.score)):
            asked = self.word_score[k](torch.tanh(words.states)).squeeze(-1)
            weights = asked.masked_fill(~words.mask, -1e9).softmax(-1)
            heard = (weights.unsqueeze(1) @ words.states).squeeze(1)
            query = query + self.query(torch.cat([query, heard], dim=-1))
            looked = self.of_region[k](v)
            if self.scale:
                looked = looked * (1 + self.scale[k](query)).unsqueeze(1)
            h = torch.tanh(looked + self.of_query[k](query).unsqueeze(1))
            score = self.score[k](h).squeeze(-1).masked_fill(~regions.mask, -1e9)
            seen = (score.softmax(-1) * present).unsqueeze(1) @ v
            query = query + seen.squeeze(1)
            logits.append(score)
            word_maps.append(weights)
        mean = (v * present.unsqueeze(-1)).sum(1) / present.sum(1, keepdim=True).clamp(min=1)
        whole = self.whole(mean)
        vector = self.output(torch.cat([query, whole, whole * words.summary], dim=-1))
        region_logits = torch.stack(logits, 1)
        attention = region_logits.softmax(-1) * present.unsqueeze(1)
        return Joint(torch.relu(vector), region_logits, attention, torch.stack(word_maps, 1))
