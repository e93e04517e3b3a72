"""A linear-chain conditional random field over regions, for answers that are ordered lists."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vqa.models.fusion.contract import Joint
from vqa.models.image_encoder import Regions


class LinearChain(nn.Module):
    """p(y | x) = exp(s(x, y)) / Z(x) over label sequences (Lafferty et al. 2001).

    s(x, y) = start[y_1] + sum_t emission_t[y_t] + sum_(t>1) transition[y_(t-1), y_t] + end[y_n]:
    the product over positions of the field's factors, in logarithms. Z sums exp(s) over all L^n
    sequences, by the forward algorithm in log space. Positions are (B, R), the n there are first.

    Args:
        labels: L. chained: whether neighbouring labels know of each other; without, every
            position has a softmax of its own.
    """

    def __init__(self, labels: int, chained: bool = True) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(labels), requires_grad=chained)
        self.transition = nn.Parameter(torch.zeros(labels, labels), requires_grad=chained)
        self.end = nn.Parameter(torch.zeros(labels), requires_grad=chained)

    def score(self, emissions: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """s(x, y): emissions (B, R, L), labels (B, R), mask (B, R) -> (B,)."""
        there = mask.to(emissions.dtype)
        emitted = emissions.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        moved = self.transition[labels[:, :-1], labels[:, 1:]]
        last = labels.gather(1, mask.sum(1, keepdim=True) - 1).squeeze(1)
        total = (emitted * there).sum(1) + (moved * there[:, 1:]).sum(1)
        return total + self.start[labels[:, 0]] + self.end[last]

    def log_partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """log Z(x): (B,)."""
        alpha = self.start + emissions[:, 0]
        for t in range(1, emissions.shape[1]):
            step = torch.logsumexp(alpha.unsqueeze(2) + self.transition, dim=1) + emissions[:, t]
            alpha = torch.where(mask[:, t : t + 1], step, alpha)
        return torch.logsumexp(alpha + self.end, dim=1)

    def loss(self, emissions: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """-log p(y | x) of each row: (B,)."""
        return self.log_partition(emissions, mask) - self.score(emissions, labels, mask)

    @torch.no_grad()
    def best(self, emissions: Tensor, mask: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
        """The k most probable label sequences, by the Viterbi algorithm with k paths per label.

        Returns:
            log p (B, k), most probable first, and labels (B, k, R), 0 where there is no region.
            A row with fewer than k sequences has -inf for the rest.
        """
        batch, length, size = emissions.shape
        paths = emissions.new_full((batch, k, size), -torch.inf)
        paths[:, 0] = self.start + emissions[:, 0]
        behind = []
        stay = torch.arange(k * size).view(k, size).expand(batch, -1, -1).to(emissions.device)
        for t in range(1, length):
            moves = paths.unsqueeze(3) + self.transition  # (B, k, from, to)
            found, came = moves.flatten(1, 2).topk(k, dim=1)
            there = mask[:, t].view(-1, 1, 1)
            paths = torch.where(there, found + emissions[:, t : t + 1], paths)
            behind.append(torch.where(there, came, stay))
        scores, at = (paths + self.end).flatten(1).topk(k, dim=1)
        labels = [at % size]
        for pointers in reversed(behind):
            at = pointers.flatten(1).gather(1, at)
            labels.append(at % size)
        found = torch.stack(labels[::-1], dim=-1) * mask.unsqueeze(1)
        return scores - self.log_partition(emissions, mask).unsqueeze(1), found


class ListHead(nn.Module):
    """Labels regions in the order they are read; label 0 leaves a region out.

    Args:
        dim: D. labels: number of labels without 0. chained: see `LinearChain`.
    """

    def __init__(self, dim: int, labels: int, chained: bool = True) -> None:
        super().__init__()
        self.of_region = nn.Linear(dim + 1, dim)
        self.of_question = nn.Linear(2 * dim, dim)
        self.emit = nn.Linear(dim, labels + 1)
        self.chain = LinearChain(labels + 1, chained)

    def forward(
        self, joint: Joint, regions: Regions, summary: Tensor, order: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Emissions (B, R, L + 1) and mask (B, R) of regions in their order (B, R).

        Args:
            joint: its last step's attention says what is to be listed. summary: (B, D) of the
                question. order: places of regions, those that are not there last.
        """
        chosen = joint.region_attention[:, -1].unsqueeze(-1)
        seen = self.of_region(torch.cat([regions.features, chosen], dim=-1))
        asked = self.of_question(torch.cat([joint.vector, summary], dim=-1))
        emissions = self.emit(torch.relu(seen + asked.unsqueeze(1)))
        wide = order.unsqueeze(-1).expand(-1, -1, emissions.shape[-1])
        return emissions.gather(1, wide), regions.mask.gather(1, order)
