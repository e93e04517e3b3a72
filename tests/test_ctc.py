"""CTC decoding against all alignments counted one by one, and n-grams against hand counts."""

import itertools
import math

import numpy as np
import pytest
import torch

from vqa.metrics import sequence_errors
from vqa.models.ctc import WORD_BONUS, beam_search, greedy, shares, transcript
from vqa.models.ngrams import NGrams


def collapse(path):
    return tuple(k for k, _ in itertools.groupby(path) if k)


def all_prefixes(logits):
    """Probability of every transcript: the sum over its alignments."""
    chances = logits.softmax(-1)
    found = {}
    for path in itertools.product(range(logits.shape[1]), repeat=logits.shape[0]):
        chance = math.prod(float(chances[t, u]) for t, u in enumerate(path))
        found[collapse(path)] = found.get(collapse(path), 0.0) + chance
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_wide_beam_finds_the_most_probable_transcript(seed):
    torch.manual_seed(seed)
    logits = torch.randn(5, 3) * 1.5
    exact = all_prefixes(logits)
    # The bonus for each word is part of what is maximised.
    best = max(exact, key=lambda ids: math.log(exact[ids]) + WORD_BONUS * len(ids))
    found = beam_search(logits, 5, beam=100)[0]
    assert found.ids == best
    assert len(found.states) == len(best)
    assert list(found.states) == sorted(found.states)


def test_states_behind_the_end_are_not_read():
    logits = torch.full((6, 3), -9.0)
    logits[[0, 1, 2, 3, 4, 5], [1, 0, 1, 0, 2, 2]] = 9.0
    assert greedy(logits, 4) == [1, 1]
    assert beam_search(logits, 4)[0].ids == (1, 1)
    assert beam_search(logits, 6)[0].states[-1] in (4, 5)
    assert greedy(logits, 6) == [1, 1, 2]


def test_questions_told_apart_by_their_words_neighbours():
    ngrams = NGrams.of([[1, 2, 3]] * 20 + [[4, 2, 5]] * 20, 6)
    logits = torch.full((3, 6), -9.0)
    logits[0, 1], logits[1, 2] = 5.0, 5.0
    logits[2, 3], logits[2, 5] = 2.0, 2.1  # the sound alone says 5
    assert beam_search(logits, 3)[0].ids == (1, 2, 5)
    found = beam_search(logits, 3, ngrams)
    assert found[0].ids == (1, 2, 3)
    assert 0.5 < shares(found)[0] <= 1 and sum(shares(found)) == pytest.approx(1)
    assert 0 < transcript(found).confidence < shares(found)[0]


def test_what_is_plain_is_more_certain():
    plain, vague = torch.full((2, 4), -9.0), torch.full((2, 4), 0.0)
    plain[0, 1] = plain[1, 2] = 9.0
    vague[0, 1] = vague[1, 2] = 0.3
    sure, unsure = (transcript(beam_search(logits, 2)).confidence for logits in (plain, vague))
    assert sure > 0.95 > unsure


def chance(ngrams, before, word):
    context = ngrams.begin
    for each in before:
        context = ngrams.after(context, each)
    return math.exp(ngrams.scores(context)[word])


def test_ngrams_by_hand():
    ngrams = NGrams.of([[1, 2], [1, 2], [1, 3]], 5)
    # 1, 2 and 3 were seen behind one word each, the end behind two, 4 behind none: of 5 in all
    # there are three ones and one two. That gives the discounts 1 - 2 * 3/5 * 1/3 = 0.6 for one
    # and 2 - 3 * 3/5 * 1/1 = 0.2 for two, and 3 * 0.6 + 0.2 = 2 of 5 to share among all five ids.
    alone = {0: 1.8 / 5 + 0.4 / 5, 1: 0.4 / 5 + 0.4 / 5, 2: 0.16, 3: 0.16, 4: 0.4 / 5}
    for word, expected in alone.items():
        assert chance(ngrams, [4], word) == pytest.approx(expected, rel=2e-3)
    # Behind 1 all orders count.
    assert chance(ngrams, [1], 2) > chance(ngrams, [1], 3) > 0.16 > chance(ngrams, [1], 4) > 0


@pytest.mark.parametrize("before", [[], [1], [1, 2], [2, 2, 1, 2, 1, 1, 2], [9, 9]])
def test_chances_of_the_next_word_sum_to_one(before):
    rng = np.random.default_rng(0)
    ngrams = NGrams.of([rng.integers(1, 4, rng.integers(1, 9)).tolist() for _ in range(300)], 10)
    assert sum(chance(ngrams, before, word) for word in range(10)) == pytest.approx(1, abs=5e-3)


def test_ngrams_see_five_words_back():
    ngrams = NGrams.of([[1, 3, 3, 3, 3, 4], [2, 3, 3, 3, 3, 5]] * 9, 6)
    assert chance(ngrams, [1, 3, 3, 3, 3], 4) > 0.8 > 0.2 > chance(ngrams, [2, 3, 3, 3, 3], 4)


def test_stored_ngrams_are_the_same():
    ngrams = NGrams.of([[1, 2, 3], [1, 2, 4], [2, 2]] * 2, 6)
    stored = ngrams.arrays()
    again = NGrams.from_arrays(stored)
    for before in ([], [1], [1, 2], [2, 5]):
        assert [chance(again, before, k) for k in range(6)] == [
            chance(ngrams, before, k) for k in range(6)
        ]
    with pytest.raises(ValueError, match="order 3"):
        NGrams.from_arrays(stored | {"words3": stored["words3"][1:]})
    with pytest.raises(KeyError):
        NGrams.from_arrays({name: a for name, a in stored.items() if name != "logs6"})


@pytest.mark.parametrize(
    ("found", "truth", "errors"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3)],
)
def test_errors_of_a_sequence(found, truth, errors):
    assert sequence_errors(found, truth) == errors
    assert sequence_errors(truth, found) == errors
