"""Abstaining, against values worked out by hand and against the definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqa.selective import (
    coverage,
    coverage_at_risk,
    effective_reliability,
    reliability_threshold,
    risk_at,
    risk_curve,
    risk_threshold,
)

answers = st.lists(
    st.tuples(
        st.sampled_from(np.linspace(0, 1, 11).tolist()), st.sampled_from([0.0, 0.3, 0.9, 1.0])
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize(
    ("confidence", "right", "risk", "threshold"),
    [
        ([0.9, 0.8, 0.7, 0.6], [True, True, True, True], 0.0, 0.6),
        ([0.9, 0.8, 0.7, 0.6], [True, True, False, True], 0.0, 0.8),
        # One wrong of four is within 25 %, whatever lies between.
        ([0.9, 0.8, 0.7, 0.6], [True, False, True, True], 0.25, 0.6),
        ([0.6, 0.9, 0.7, 0.8], [True, True, True, False], 0.25, 0.6),
        # Answers of one confidence cannot be told apart: both are given or neither.
        ([0.9, 0.8, 0.8], [True, True, False], 0.0, 0.9),
        ([0.9, 0.8, 0.8], [True, False, True], 0.0, 0.9),
        ([0.8, 0.8], [True, False], 0.0, math.inf),
        # Not even answers that are certain are good enough.
        ([1.0, 1.0, 0.5], [True, False, True], 0.1, math.inf),
        ([0.9, 0.5], [False, False], 0.3, math.inf),
        # Partly right answers are partly wrong: 0.1 and 0.4 of two.
        ([0.9, 0.8], [0.9, 0.7], 0.1, 0.9),
        ([0.9, 0.8], [0.9, 0.7], 0.2, 0.8),
        ([], [], 0.1, math.inf),
    ],
)
def test_risk_threshold_worked_examples(confidence, right, risk, threshold):
    assert risk_threshold(confidence, right, risk) == threshold


@given(answers, st.floats(0, 1))
def test_answers_from_the_threshold_on_keep_the_risk_and_no_lower_one_does(given, risk):
    confidence, right = (np.array(x) for x in zip(*given, strict=True))
    found = risk_threshold(confidence, right, risk)
    assert risk_at(confidence, right, found) <= risk + 1e-9
    assert all(risk_at(confidence, right, c) > risk - 1e-9 for c in confidence if c < found)


@pytest.mark.parametrize(
    ("risk", "share"), [(0.0, 0.2), (0.3, 0.2), (0.34, 0.6), (0.4, 1.0), (1.0, 1.0)]
)
def test_coverage_at_risk_worked_examples(risk, share):
    """Right, wrong, right, wrong, right; the second and the third are of one confidence."""
    confidence, right = [0.9, 0.8, 0.8, 0.6, 0.5], [1, 0, 1, 0, 1]
    assert coverage_at_risk(confidence, right, risk) == share


def test_ties_do_not_cover_what_no_threshold_covers():
    """Sorted luckily, one of these four could be answered without risk."""
    assert coverage_at_risk([0.7] * 4, [1, 0, 0, 0], 0.5) == 0


def test_coverage_and_risk_at_a_threshold():
    confidence, right = [0.9, 0.8, 0.7, 0.6], [1.0, 0.3, 0.0, 1.0]
    assert coverage(confidence, 0.8) == 0.5
    assert risk_at(confidence, right, 0.8) == pytest.approx(0.35)
    assert coverage(confidence, math.inf) == 0 and risk_at(confidence, right, math.inf) == 0
    assert coverage([], 0.5) == 0 and risk_at([], [], 0.5) == 0


@pytest.mark.parametrize(
    ("threshold", "cost", "worth"),
    [
        # (1 + 0.6 - c + 1) / 4, (1 + 0.6 - c) / 4, 1.6 / 4, 1 / 4.
        (0.0, 1, 1.6 / 4),
        (0.0, 10, -7.4 / 4),
        (0.0, 100, -97.4 / 4),
        (0.7, 1, 0.6 / 4),
        (0.8, 1, 1.6 / 4),
        (0.8, 100, 1.6 / 4),
        (0.9, 10, 1.0 / 4),
        (math.inf, 100, 0.0),
    ],
)
def test_effective_reliability_worked_examples(threshold, cost, worth):
    """An answer that few people gave is not wrong, and costs nothing."""
    confidence, right = [0.9, 0.8, 0.7, 0.6], [1.0, 0.6, 0.0, 1.0]
    assert effective_reliability(confidence, right, threshold, cost) == pytest.approx(worth)


@pytest.mark.parametrize(
    ("right", "cost", "threshold"),
    [
        # Answering all is worth 2.6 - 0.5, stopping before the wrong one 1.6.
        ([1.0, 0.6, 0.0, 1.0], 0.5, 0.6),
        ([1.0, 0.6, 0.0, 1.0], 10, 0.8),
        ([0.0, 1.0, 1.0, 1.0], 1, 0.6),
        # What comes first is wrong, and all the rest does not make up for it.
        ([0.0, 1.0, 1.0, 1.0], 10, math.inf),
        ([0.0, 0.0, 0.0, 0.0], 1, math.inf),
    ],
)
def test_reliability_threshold_worked_examples(right, cost, threshold):
    assert reliability_threshold([0.9, 0.8, 0.7, 0.6], right, cost) == threshold


@given(answers, st.sampled_from([1, 10, 100]))
def test_no_other_threshold_is_worth_more_and_none_beats_accuracy(given, cost):
    confidence, right = zip(*given, strict=True)
    best = effective_reliability(
        confidence, right, reliability_threshold(confidence, right, cost), cost
    )
    assert 0 <= best <= np.mean(right) + 1e-12
    for other in (*confidence, math.inf):
        assert effective_reliability(confidence, right, other, cost) <= best + 1e-12


def test_of_nothing():
    assert effective_reliability([], [], 0.5, 10) == 0
    assert reliability_threshold([], [], 10) == math.inf


def test_the_risk_curve_ends_at_the_share_of_wrong_answers():
    curve = risk_curve([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0])
    assert curve == [[0.25, 0.0], [0.75, pytest.approx(1 / 3)], [1.0, 0.5]]
    assert risk_curve([], []) == []
