"""Teaching question encoder, fusion and head to reason over what perception found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vqa.data.questions import QuestionBlock
from vqa.models.network import Prediction, VQANetwork
from vqa.train.bank import Bank, gather
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
SET_WEIGHT = 2.0


def family_weights(progress: float) -> Mapping[str, float]:
    """Weights of the question families at `progress` in [0, 1] of the training."""
    return {name: float(progress >= CURRICULUM[name]) for name in FAMILIES}


def reasoning_loss(
    prediction: Prediction, answers: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross entropy of the answer and, per step and region, of membership in the step's set."""
    answer = F.cross_entropy(prediction.logits, answers)
    logits = prediction.joint.region_logits
    member = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    sets = (member * weights).sum() / weights.sum().clamp(min=1)
    return answer, sets


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
