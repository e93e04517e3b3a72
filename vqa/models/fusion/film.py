"""Feature-wise linear modulation (Perez et al. 2018, section 2), over a set of regions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.config import FusionConfig
from vqa.models.fusion.contract import FUSIONS, Joint, without_attention
from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words

_SCALE = 4.0  # sums over regions are divided by it, to be of the size of features


def _summary(x: Tensor, present: Tensor) -> Tensor:
    """Features (B, R, D), none below 0, present (B, R, 1) -> largest and scaled sum (B, 2 D).

    Masked features are 0, which changes neither.
    """
    x = x * present
    return torch.cat([x.amax(1), x.sum(1) / _SCALE], dim=-1)


class _Block(nn.Module):
    """One residual block; see `FiLM`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.enter = nn.Linear(dim + 4, dim)
        self.own = nn.Linear(dim, dim)
        self.of_set = nn.Linear(2 * dim, dim, bias=False)

    def forward(
        self, x: Tensor, boxes: Tensor, before: Tensor, gamma: Tensor, beta: Tensor
    ) -> tuple[Tensor, Tensor]:
        h = F.relu(self.enter(torch.cat([x, boxes], dim=-1)))
        # Over a region's own channels: a batch norm's statistics would hang on how many regions
        # the other pictures of the batch have, and on what lies under the mask.
        u = F.layer_norm(self.own(h), h.shape[-1:]) + self.of_set(before).unsqueeze(1)
        m = F.relu(gamma.unsqueeze(1) * u + beta.unsqueeze(1))
        return h + m, m


@FUSIONS.register("film")
class FiLM(nn.Module):
    """The question scales and shifts every channel of S residual blocks.

    With q the question's summary, block k computes for region r with box b_r

        gamma, beta = 1 + A_k q, B_k q
        h_r = relu(V_k [x_r; b_r])
        u_r = norm(W_k h_r) + U_k s
        m_r = relu(gamma * u_r + beta)
        x_r = h_r + m_r
        s = [max_r m_r; sum_r m_r / 4]    for the next block; 0 for the first

    The paper's regions are cells of a grid, and its 3x3 convolution relates neighbours. Ours are
    a set: a linear layer per region stands in its place, with one on what the block before, as
    the question modulated it, let through of all regions. At the end not only the largest value
    over regions is read, as in the paper, but their sum too: without a grid nothing else counts.
    FiLM weighs channels, not regions, so it has no attention maps.

    Args:
        config: number of blocks. dim: D.
    """

    attends = False

    def __init__(self, config: FusionConfig, dim: int) -> None:
        super().__init__()
        self.modulate = nn.Linear(dim, 2 * dim * config.steps)
        self.blocks = nn.ModuleList(_Block(dim) for _ in range(config.steps))
        self.output = nn.Sequential(
            nn.Linear(3 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim), nn.ReLU()
        )

    def forward(self, regions: Regions, words: Words) -> Joint:
        """Regions with features (B, R, D), words with summary (B, D) -> `Joint`, S = 0."""
        present = regions.mask.unsqueeze(-1)
        x = regions.features.masked_fill(~present, 0)
        boxes = regions.boxes.masked_fill(~present, 0)
        halves = self.modulate(words.summary).chunk(2 * len(self.blocks), dim=-1)
        seen = x.new_zeros(x.shape[0], 2 * x.shape[-1])
        for block, scale, shift in zip(self.blocks, halves[::2], halves[1::2], strict=True):
            x, passed = block(x, boxes, seen, 1 + scale, shift)
            seen = _summary(passed, present)
        vector = self.output(torch.cat([_summary(x, present), words.summary], dim=-1))
        return without_attention(vector, regions, words)
