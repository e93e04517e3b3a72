"""How much to trust sentences and lists: each head's own temperature and threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vqa.data.questions import BlockMaker
from vqa.metrics import expected_calibration_error
from vqa.models.network import HEAD_OF, VQANetwork
from vqa.reply_space import KINDS
from vqa.selective import risk_threshold
from vqa.train.bank import Bank
from vqa.train.calibrate import LOWEST
from vqa.train.replying import answered
from vqa.wording import BEAMS
from vqa.world.replies import REPLY_FAMILIES

_QUESTIONS = 2000
_RISK = 0.02  # share of sure sentences and lists that may be wrong
_TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(20), 120))


def calibrate_replies(
    network: VQANetwork,
    bank: Bank,
    labels: dict[str, np.ndarray],
    languages: Sequence[str],
    seed: int,
    device: torch.device,
) -> dict[str, dict[str, float]]:
    """Calibration of sentences and lists, from pictures that nothing was trained on.

    The confidence of a reply is p ** (1 / T), p what its head gives the whole of it; T makes the
    log-likelihood of right and wrong largest.

    Returns:
        kind of answer that there is a head for -> temperature, threshold, n, accuracy, ece.
    """
    maker = BlockMaker(**labels, seed=seed, languages=languages, size=_QUESTIONS)
    block = maker.make((0, dict.fromkeys(REPLY_FAMILIES, 1.0) | {"list": 2.0}))
    found = answered(network, bank, block, device, BEAMS)
    calibration = {}
    for kind in sorted({HEAD_OF[name] for name in network.further}):
        mine = (found.kind == kind) & (block.replies.kind == kind)
        calibration[KINDS[kind]] = _fitted(found.log_p[mine], found.right[mine])
    return calibration


def _fitted(log_p: np.ndarray, right: np.ndarray) -> dict[str, float]:
    if not len(right):  # the router knows no such question yet: nothing of the kind is sure
        return {"temperature": 1.0, "threshold": 1.0, "n": 0, "accuracy": 0.0, "ece": 0.0}

    def cost(temperature: float) -> float:
        p = np.exp(log_p / temperature).clip(1e-6, 1 - 1e-6)
        return -float(np.where(right, np.log(p), np.log(1 - p)).mean())

    temperature = float(min(_TEMPERATURES, key=cost))
    confidence = np.exp(log_p / temperature).tolist()
    lowest = risk_threshold(confidence, right.tolist(), _RISK)
    return {
        "temperature": temperature,
        "threshold": min(1.0, max(LOWEST, lowest)),
        "n": len(right),
        "accuracy": float(right.mean()),
        "ece": expected_calibration_error(confidence, right.tolist()),
    }
