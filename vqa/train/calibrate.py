"""Confidence that means what it says: temperature, and thresholds for "not sure"."""

from __future__ import annotations

import torch
from torch import Tensor

from vqa.metrics import expected_calibration_error, fit_temperature
from vqa.selective import risk_threshold

# An answer that is rather wrong than right is never sure.
LOWEST = 0.5
# Share of pictures of the training world that may be taken for unfamiliar.
UNFAMILIAR = 0.005
_FEW = 20  # pictures


def calibrate(
    logits: Tensor, answers: Tensor, clarity: Tensor, risk: float = 0.005
) -> dict[str, float]:
    """Calibration from questions about pictures that nothing was trained on.

    Args:
        logits: (n, A). answers: (n,). clarity: (n,) of the pictures asked about, in [0, 1].
        risk: answers above the threshold should be wrong at most this often.

    Returns:
        temperature, threshold, familiarity_threshold, and what they were fitted to: n, accuracy,
        ece.
    """
    temperature = fit_temperature(logits, answers)
    confidence, best = (logits / temperature).softmax(-1).max(-1)
    right = best == answers
    lowest = risk_threshold(confidence.tolist(), right.tolist(), risk)
    return {
        "temperature": temperature,
        # A card holds no infinity; hardly an answer is certain.
        "threshold": min(1.0, max(LOWEST, lowest)),
        # The least familiar of a few pictures is not yet among the rarest.
        "familiarity_threshold": float(torch.quantile(clarity, UNFAMILIAR))
        * len(clarity)
        / (len(clarity) + _FEW),
        "n": len(answers),
        "accuracy": float(right.float().mean()),
        "ece": expected_calibration_error(confidence.tolist(), right.tolist()),
    }
