"""CTC decoding against all alignments counted one by one, and n-grams against hand counts."""

import itertools
import math

import pytest
import torch

from vqa.metrics import sequence_errors
from vqa.models.ctc import WORD_BONUS, beam_search, greedy
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
    found = beam_search(logits, 5, beam=100)
    assert found.ids == best
    assert len(found.states) == len(best)
    assert list(found.states) == sorted(found.states)


def test_states_behind_the_end_are_not_read():
    logits = torch.full((6, 3), -9.0)
    logits[[0, 1, 2, 3, 4, 5], [1, 0, 1, 0, 2, 2]] = 9.0
    assert greedy(logits, 4) == [1, 1]
    assert beam_search(logits, 4).ids == (1, 1)
    assert beam_search(logits, 6).states[-1] in (4, 5)
    assert greedy(logits, 6) == [1, 1, 2]


def test_questions_told_apart_by_their_words_neighbours():
    ngrams = NGrams.of([[1, 2, 3]] * 20 + [[4, 2, 5]] * 20)
    logits = torch.full((3, 6), -9.0)
    logits[0, 1], logits[1, 2] = 5.0, 5.0
    logits[2, 3], logits[2, 5] = 2.0, 2.1  # the sound alone says 5
    assert beam_search(logits, 3).ids == (1, 2, 5)
    found = beam_search(logits, 3, ngrams)
    assert found.ids == (1, 2, 3)
    assert 0 < found.confidence <= 1


def test_what_is_plain_is_more_certain():
    plain, vague = torch.full((2, 4), -9.0), torch.full((2, 4), 0.0)
    plain[0, 1] = plain[1, 2] = 9.0
    vague[0, 1] = vague[1, 2] = 0.3
    assert beam_search(plain, 2).confidence > 0.95 > beam_search(vague, 2).confidence


def test_ngrams_by_hand():
    ngrams = NGrams.of([[1, 2], [1, 2], [1, 3]])
    assert ngrams.score([], 1) == pytest.approx(math.log(3 / 3))
    assert ngrams.score([1], 2) == pytest.approx(math.log(2 / 2))  # (edge, 1, 3) was dropped
    assert ngrams.score([1], 3) == pytest.approx(math.log(0.3) + math.log(1 / 3))
    assert ngrams.score([1, 2], None) == pytest.approx(0)
    assert ngrams.score([1], 9) < ngrams.score([1], 3)


def test_stored_ngrams_are_the_same():
    ngrams = NGrams.of([[1, 2, 3], [1, 2, 4], [2, 2]] * 2)
    again = NGrams.from_arrays(ngrams.arrays())
    assert again.counts == ngrams.counts
    assert again.score([1, 2], 4) == ngrams.score([1, 2], 4)


@pytest.mark.parametrize(
    ("found", "truth", "errors"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3)],
)
def test_errors_of_a_sequence(found, truth, errors):
    assert sequence_errors(found, truth) == errors
    assert sequence_errors(truth, found) == errors
