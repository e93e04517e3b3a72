"""Answering only when confident: risk, coverage and effective reliability.

Answers are given from a threshold of confidence on; below it the model abstains. Answers of one
confidence stand or fall together, since no threshold tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def risk_threshold(confidence: Sequence[float], right: Sequence[float], risk: float) -> float:
    """The lowest confidence from which on answers are wrong at most `risk` of the time.

    Selective risk: Geifman & El-Yaniv 2017. `math.inf` (never answer) when none reaches it.

    Args:
        right: scores in [0, 1], or whether answers were right. risk: in [0, 1].
    """
    thresholds, answered, scores = _running(confidence, right)
    good = np.flatnonzero(answered - scores <= risk * answered + 1e-9)
    return float(thresholds[good[-1]]) if len(good) else math.inf


def coverage(confidence: Sequence[float], threshold: float) -> float:
    """Share of questions in [0, 1] that are answered at a threshold."""
    return float(np.mean(np.asarray(confidence, float) >= threshold)) if len(confidence) else 0.0


def risk_at(confidence: Sequence[float], right: Sequence[float], threshold: float) -> float:
    """Share in [0, 1] of the answers given at a threshold that is wrong; 0 when none is given."""
    given = np.asarray(right, float)[np.asarray(confidence, float) >= threshold]
    return float(1 - given.mean()) if len(given) else 0.0


def coverage_at_risk(confidence: Sequence[float], right: Sequence[float], risk: float) -> float:
    """The largest share of questions that can be answered with at most `risk` of them wrong.

    This is coverage at the best threshold for these very questions (Whitehead et al. 2022,
    section 4); a threshold taken from other data covers less, or risks more.
    """
    return coverage(confidence, risk_threshold(confidence, right, risk))


def risk_curve(
    confidence: Sequence[float], right: Sequence[float], points: int = 41
) -> list[list[float]]:
    """The risk-coverage curve: [share answered, share of those wrong], by rising share answered.

    At most `points`, about evenly spread over the shares that some threshold yields.
    """
    _, answered, scores = _running(confidence, right)
    if len(answered) == 0:
        return []
    wanted = np.linspace(0, answered[-1], points)
    chosen = np.unique(np.searchsorted(answered, wanted))
    return [[float(answered[k] / answered[-1]), float(1 - scores[k] / answered[k])] for k in chosen]


def effective_reliability(
    confidence: Sequence[float], right: Sequence[float], threshold: float, cost: float
) -> float:
    """Mean worth of answering from `threshold` on (Whitehead et al. 2022, section 4).

    A question that is answered counts its score, or -`cost` when the answer is entirely wrong; one
    that is not answered counts 0. At most the accuracy, 0 when nothing is answered.
    """
    if len(confidence) == 0:
        return 0.0
    given = np.asarray(confidence, float) >= threshold
    return float(np.where(given, _worth(right, cost), 0.0).mean())


def reliability_threshold(
    confidence: Sequence[float], right: Sequence[float], cost: float
) -> float:
    """The threshold with the highest `effective_reliability`; `math.inf` when abstaining from
    everything is best."""
    thresholds, _, worth = _running(confidence, _worth(right, cost))
    if len(worth) == 0 or worth.max() <= 0:
        return math.inf
    return float(thresholds[worth.argmax()])


def _worth(right: Sequence[float], cost: float) -> np.ndarray:
    right = np.asarray(right, float)
    return np.where(right > 0, right, -float(cost))


def _running(
    confidence: Sequence[float], values: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each different confidence from the highest on: itself, how many answers are given at it as
    the threshold, and the sum of their values."""
    confidence, values = np.asarray(confidence, float), np.asarray(values, float)
    order = np.argsort(-confidence, kind="stable")
    last = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True)[: len(order)])
    return confidence[order][last], last + 1, values[order].cumsum()[last]
