"""Teaching question encoder, fusion and head to reason over what perception found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.data.questions import QuestionBlock
from vqa.models.image_encoder import Proposals
from vqa.models.network import VQANetwork
from vqa.train.bank import Bank, gather
from vqa.train.sets import sets_for
from vqa.world.families import FAMILIES

# When (share of training) a family comes in, easy ones first.
CURRICULUM = {
    "zero_hop": 0.0,
    "one_hop": 0.0,
    "same_attribute": 0.0,
    "compare_integer": 0.02,
    "single_or": 0.02,
    "two_hop": 0.04,
    "single_and": 0.04,
    "compare_attribute": 0.04,
    "three_hop": 0.06,
}


def family_weights(progress: float) -> Mapping[str, float]:
    """Weights of the question families at `progress` in [0, 1] of the training."""
    return {name: float(progress >= CURRICULUM[name]) for name in FAMILIES}


@torch.no_grad()
def reasoning_report(
    network: VQANetwork, bank: Bank, block: QuestionBlock, device: torch.device
) -> dict[str, float]:
    """Accuracy on a block, overall and by family."""
    network.eval()
    right = []
    for start in range(0, len(block), 256):
        rows = np.arange(start, min(start + 256, len(block)))
        proposals, tokens, lengths, answers, _, _ = gather(bank, block, rows, device)
        seen = network.image_encoder.regions(proposals)
        right.append((network.answer(seen, tokens, lengths).logits.argmax(-1) == answers).cpu())
    right = torch.cat(right).numpy()
    report = {"all": float(right.mean())}
    for k, family in enumerate(FAMILIES):
        mine = block.family == k
        if mine.any():
            report[family] = float(right[mine].mean())
    return report


def set_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """How badly attention (B, S, R) tells the regions of the sets that the program selects.

    Args:
        logits: of each step and region. targets, weights: see `vqa.train.bank.gather`; a fusion
            of fewer steps is shown as many of the sets (see `sets_for`).
    """
    steps = logits.shape[1]
    targets, weights = sets_for(targets, steps), weights[:, :steps]
    member = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (member * weights).sum() / weights.sum().clamp(min=1)


class ReasoningStep(nn.Module):
    """One batch of reasoning as a module, so that it can run on several processes.

    Args:
        set_weight: of the loss of attention beside that of answers.
    """

    def __init__(self, network: VQANetwork, set_weight: float) -> None:
        super().__init__()
        self.set_weight = set_weight
        # Perception learns apart; of the encoder only the projection is a part of this module.
        self.project = network.image_encoder.project.requires_grad_(True)
        self._regions = network.image_encoder.regions
        self.question_encoder = network.question_encoder
        self.fusion = network.fusion
        self.head = network.head

    def forward(
        self,
        proposals: Proposals,
        tokens: Tensor,
        lengths: Tensor,
        answers: Tensor,
        targets: Tensor,
        weights: Tensor,
    ) -> tuple[Tensor, dict[str, float]]:
        joint = self.fusion(self._regions(proposals), self.question_encoder(tokens, lengths))
        logits = self.head(joint.vector)
        answer = F.cross_entropy(logits, answers)
        sets = set_loss(joint.region_logits, targets, weights)
        right = (logits.argmax(-1) == answers).float().mean()
        parts = {
            "answer": float(answer.detach()),
            "sets": float(sets.detach()),
            "accuracy": float(right),
        }
        return answer + self.set_weight * sets, parts
