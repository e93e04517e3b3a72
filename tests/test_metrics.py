"""Measures against values worked out by hand and against their definitions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from vqa.metrics import (
    accuracy_table,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    wilson_interval,
)

Z2 = 1.96**2
counts = st.integers(1, 5000).flatmap(
    lambda total: st.tuples(st.integers(0, total), st.just(total))
)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # With p = 0 the formula becomes [0, z2 / (n + z2)], with p = 1 its mirror image, with
        # p = 1/2 the middle is 1/2 and the half width z / (2 sqrt(n + z2)).
        (0, 10, 0.0, Z2 / (10 + Z2)),
        (10, 10, 10 / (10 + Z2), 1.0),
        (5, 10, 0.5 - 0.98 / math.sqrt(10 + Z2), 0.5 + 0.98 / math.sqrt(10 + Z2)),
        (1, 1, 1 / (1 + Z2), 1.0),
        # Newcombe 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_as_published(right, total, low, high):
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=6e-5)


def test_without_trials_nothing_is_known():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(counts)
def test_wilson_interval_holds_the_share_and_stays_inside(count):
    right, total = count
    low, high = wilson_interval(right, total)
    assert 0 <= low < high <= 1
    assert low - 1e-12 <= right / total <= high + 1e-12
    # Failures are successes of the opposite question.
    assert wilson_interval(total - right, total) == pytest.approx((1 - high, 1 - low))


@given(counts)
def test_more_trials_narrow_the_interval(count):
    right, total = count
    low, high = wilson_interval(right, total)
    narrow_low, narrow_high = wilson_interval(4 * right, 4 * total)
    assert narrow_high - narrow_low < high - low


def test_accuracy_table_by_kind():
    right = [True, False, True, True, False]
    kinds = ["count", "count", "query", "query", "count"]
    table = accuracy_table(right, kinds)
    assert list(table) == ["all", "count", "query"]
    assert {k: (row["n"], row["accuracy"]) for k, row in table.items()} == {
        "all": (5, 3 / 5),
        "count": (3, 1 / 3),
        "query": (2, 1.0),
    }
    assert table["count"]["interval"] == list(wilson_interval(1, 3))


def test_accuracy_table_of_nothing():
    assert accuracy_table([], []) == {"all": {"n": 0, "accuracy": 0.0, "interval": [0.0, 1.0]}}


@pytest.mark.parametrize(
    ("confidence", "right", "bins", "gap"),
    [
        ([1.0, 1.0], [True, True], 15, 0.0),
        ([1.0, 1.0], [False, False], 15, 1.0),
        ([0.8] * 5, [True] * 4 + [False], 10, 0.0),
        # Two bins of two: |0.9 - 0.5| and |0.2 - 0.0|, each half of the answers.
        ([0.9, 0.9, 0.2, 0.2], [True, False, False, False], 2, 0.3),
        # In one bin opposite errors cancel out.
        ([0.9, 0.6], [False, True], 1, 0.25),
        ([], [], 15, 0.0),
    ],
)
def test_calibration_error_worked_examples(confidence, right, bins, gap):
    assert expected_calibration_error(confidence, right, bins) == pytest.approx(gap)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_calibration_error_is_a_share(answers):
    confidence, right = zip(*answers, strict=True)
    assert 0 <= expected_calibration_error(confidence, right) <= 1


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_again(temperature):
    """Labels are drawn from softmax(logits / T), so T is what makes them most likely."""
    random = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(20000, 12, generator=random)
    labels = (logits / temperature).softmax(-1).multinomial(1, generator=random).squeeze(1)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_is_more_likely():
    random = torch.Generator().manual_seed(4)
    logits = torch.randn(300, 5, generator=random) * 2
    labels = logits.argmax(-1)
    labels[:100] = 0  # wrong for most of these
    found = fit_temperature(logits, labels)
    best = F.cross_entropy(logits / found, labels)
    for other in (0.8, 0.95, 1.05, 1.25):
        assert F.cross_entropy(logits / (found * other), labels) >= best


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1000.0, -30.0])
def test_temperature_is_usable_where_no_finite_one_is_best(scale):
    """Always right wants T = 0, always wrong T = infinity; what is returned must divide logits."""
    logits = scale * torch.eye(6).repeat(20, 1)
    found = fit_temperature(logits, torch.arange(6).repeat(20))
    assert 0.05 <= found <= 20


def test_reliability_bins_hold_every_answer_where_it_belongs():
    cells = reliability_bins([0.05, 0.95, 1.0, 0.91], [0, 1, 1, 0], bins=10)
    assert [cell["n"] for cell in cells] == [1, 3]
    assert cells[1]["accuracy"] == pytest.approx(2 / 3)
    assert cells[0]["confidence"] == pytest.approx(0.05)
