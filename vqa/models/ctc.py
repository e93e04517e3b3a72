"""From CTC's logits to words: the most probable path, or a beam with n-grams of the questions."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from torch import Tensor

from vqa.models.audio_encoder import BLANK
from vqa.models.ngrams import EDGE, Context, NGrams

BEAM = 16
_UNLIKELY = -8.0  # a unit so much less likely than the likeliest is not tried in a state
# Chosen on the voices that the confidence is calibrated on, not on those of the figures.
LM_WEIGHT, WORD_BONUS = 0.4, 2.0


@dataclass(frozen=True)
class Hypothesis:
    """Word ids, for each the state at which it was most plainly heard and the log probability it
    had there, and the log of how good the whole is by sound, n-grams and length."""

    ids: tuple[int, ...]
    states: tuple[int, ...]
    plain: tuple[float, ...]
    score: float


@dataclass(frozen=True)
class Transcript:
    """Word ids, the state at which each was most plainly heard, and the confidence in [0, 1]: how
    probable the whole is among what was weighed, times how plain the least plain word was. The
    second tells what is no speech: there nothing is likely, so something always is the likeliest.
    """

    ids: tuple[int, ...]
    states: tuple[int, ...]
    confidence: float


def greedy(logits: Tensor, states: int) -> list[int]:
    """The most probable unit of each of the first `states` states, repeats and blanks dropped.

    Args:
        logits: (T, U) of one recording.
    """
    best = logits[:states].argmax(-1).unique_consecutive()
    return best[best != BLANK].tolist()


def transcript(found: list[Hypothesis]) -> Transcript:
    """The first of hypotheses that are sorted, the best first."""
    best = found[0]
    plainest = exp(min(best.plain, default=0.0))
    return Transcript(best.ids, best.states, plainest * shares(found)[0])


def shares(found: list[Hypothesis]) -> list[float]:
    """How probable each hypothesis is among them, the best first."""
    chances = [exp(max(each.score - found[0].score, -700.0)) for each in found]
    return [chance / sum(chances) for chance in chances]


class _Path:
    """Log probabilities of all alignments of a prefix that end in a blank or in its last word;
    `language` is of the prefix by the n-grams, weighed, with the bonus of its words."""

    __slots__ = ("blank", "word", "language", "heard", "context", "scores")

    def __init__(self, language: float, heard: tuple[tuple[int, float], ...]) -> None:
        self.blank = self.word = -inf
        self.language = language
        self.heard = heard  # for each word: its best state, how plain it was
        # Once the path is kept: where its prefix ends in the n-grams, and what may follow.
        self.context: Context | None = None
        self.scores: np.ndarray | None = None

    @property
    def acoustic(self) -> float:
        return _sum(self.blank, self.word)

    @property
    def total(self) -> float:
        return self.acoustic + self.language


def beam_search(
    logits: Tensor, states: int, ngrams: NGrams | None = None, beam: int = BEAM
) -> list[Hypothesis]:
    """CTC prefix beam search (Hannun et al. 2014) with n-grams weighed in at each word.

    Args:
        logits: (T, U) of one recording. states: how many of the T are its.
        ngrams: of word ids; none, and the acoustics decide alone.
        beam: prefixes kept after each state.

    Returns:
        Up to `beam` of them, the best first.
    """
    heard = logits[:states].float().log_softmax(-1).numpy()
    first = _Path(0.0, ())
    first.blank = 0.0
    if ngrams is not None:
        first.context, first.scores = ngrams.begin, ngrams.scores(ngrams.begin)
    paths: dict[tuple[int, ...], _Path] = {(): first}
    for place, row in enumerate(heard):
        units = _likely(row, beam)
        after: dict[tuple[int, ...], _Path] = {}
        for prefix, path in paths.items():
            _extend(after, prefix, path, units, float(row[BLANK]), place)
        kept = sorted(after.items(), key=lambda item: -item[1].total)[:beam]
        if ngrams is not None:
            for prefix, path in kept:
                if path.context is None:
                    path.context = ngrams.after(paths[prefix[:-1]].context, prefix[-1])
                    path.scores = ngrams.scores(path.context)
        paths = dict(kept)
    found = []
    for prefix, path in paths.items():
        end = 0.0 if path.scores is None else LM_WEIGHT * float(path.scores[EDGE])
        places, plain = zip(*path.heard, strict=True) if path.heard else ((), ())
        found.append(Hypothesis(prefix, places, plain, path.total + end))
    return sorted(found, key=lambda each: -each.score)


def _likely(row: np.ndarray, most: int) -> list[tuple[int, float]]:
    """Units that are tried in a state, the blank not among them, with their log probabilities."""
    units = np.flatnonzero(row > row.max() + _UNLIKELY)
    if len(units) > most:
        units = units[np.argsort(-row[units], kind="stable")[:most]]
    return [(unit, float(row[unit])) for unit in units.tolist() if unit != BLANK]


def _extend(
    after: dict[tuple[int, ...], _Path],
    prefix: tuple[int, ...],
    path: _Path,
    units: list[tuple[int, float]],
    silent: float,
    place: int,
) -> None:
    """Adds to the paths `after` a state those that `path` becomes by a blank or by each unit."""
    acoustic = path.acoustic
    same = after.get(prefix)
    if same is None:
        same = after[prefix] = _Path(path.language, path.heard)
    same.context, same.scores = path.context, path.scores
    same.blank = _sum(same.blank, acoustic + silent)
    last = prefix[-1] if prefix else None
    for unit, value in units:
        start = acoustic
        if unit == last:
            same.word = _sum(same.word, path.word + value)
            if value > same.heard[-1][1]:
                same.heard = (*same.heard[:-1], (place, value))
            start = path.blank
            if start == -inf:
                continue
        longer = (*prefix, unit)
        grown = after.get(longer)
        if grown is None:
            gain = WORD_BONUS
            if path.scores is not None:
                gain += LM_WEIGHT * float(path.scores[unit])
            heard = (*path.heard, (place, value))
            grown = after[longer] = _Path(path.language + gain, heard)
        grown.word = _sum(grown.word, start + value)


def _sum(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == -inf else a + log(1 + exp(b - a))
