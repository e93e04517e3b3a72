"""Measures of answers: intervals of accuracy, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def wilson_interval(right: float, total: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): does not leave [0, 1], holds near 0 and 1.

    Args:
        right: successes. total: trials; with 0 trials nothing is known and the interval is (0, 1).
    """
    if total == 0:
        return 0.0, 1.0
    share, square = right / total, z * z
    centre = (share + square / (2 * total)) / (1 + square / total)
    half = z * np.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def accuracy_table(right: Sequence[float], kinds: Sequence[str]) -> dict[str, dict]:
    """Accuracy overall ("all") and by kind of question.

    Args:
        right: scores in [0, 1] or whether answers were right; of partial scores the interval is
            that of as many whole ones, which is a little wide.

    Returns:
        kind -> {"n", "accuracy" in [0, 1], "interval": [low, high] (95 %)}.
    """
    right = np.asarray(right, float)
    kinds = np.asarray(kinds)
    table = {}
    for kind in ["all", *dict.fromkeys(kinds.tolist())]:
        mine = right if kind == "all" else right[kinds == kind]
        n, hits = len(mine), float(mine.sum())
        table[kind] = {
            "n": n,
            "accuracy": hits / n if n else 0.0,
            "interval": list(wilson_interval(hits, n)),
        }
    return table


def expected_calibration_error(
    confidence: Sequence[float], right: Sequence[bool], bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017, eq. 3)."""
    cells = reliability_bins(confidence, right, bins)
    gaps = sum(c["n"] * abs(c["confidence"] - c["accuracy"]) for c in cells)
    return float(gaps / len(confidence)) if cells else 0.0


def reliability_bins(
    confidence: Sequence[float], right: Sequence[float], bins: int = 15
) -> list[dict]:
    """What a reliability diagram shows: bins of equal width that hold answers, in order.

    Returns:
        {"n", mean "confidence", "accuracy"} of each bin, both in [0, 1].
    """
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "n": int((place == k).sum()),
            "confidence": float(confidence[place == k].mean()),
            "accuracy": float(right[place == k].mean()),
        }
        for k in sorted(set(place.tolist()))
    ]


def fit_temperature(logits: Tensor, answers: Tensor) -> float:
    """The temperature that makes softmax(logits / T) most likely (Guo et al. 2017, section 4.2).

    Args:
        logits: (n, A). answers: (n,) class indices.
    """
    logits, answers = logits.detach().double().cpu(), answers.cpu()
    log_t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([log_t], lr=0.5, max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = F.cross_entropy(logits / log_t.exp(), answers)
        value.backward()
        return value

    search.step(loss)
    return float(log_t.detach().exp().clamp(0.05, 20))


def sequence_errors(found: Sequence, truth: Sequence) -> int:
    """The fewest wrong, missing and superfluous items of `found` (Levenshtein distance); divided
    by the length of `truth` it is the error rate of words, or of characters."""
    row = list(range(len(truth) + 1))
    for k, item in enumerate(found, start=1):
        before, row[0] = row[0], k
        for place, wanted in enumerate(truth, start=1):
            changed = before + (item != wanted)
            before = row[place]
            row[place] = min(changed, before + 1, row[place - 1] + 1)
    return row[-1]
