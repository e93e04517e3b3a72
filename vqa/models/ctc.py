"""From CTC's logits to words: the most probable path, or a beam with n-grams of the questions."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log

import torch
from torch import Tensor

from vqa.models.audio_encoder import BLANK
from vqa.models.ngrams import NGrams

BEAM = 8
_UNLIKELY = -8.0  # a unit so much less likely than the likeliest is not tried in a state
# Chosen on the voices that the confidence is calibrated on, not on those of the figures.
LM_WEIGHT, WORD_BONUS = 0.4, 2.0


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
    best = logits[:states].argmax(-1)
    kept = best[torch.cat([torch.ones(1, dtype=torch.bool), best[1:] != best[:-1]])]
    return kept[kept != BLANK].tolist()


@dataclass
class _Path:
    """Log probabilities of all alignments of a prefix that end in a blank or in its last word."""

    blank: float = -inf
    word: float = -inf
    language: float = 0.0  # of the prefix by the n-grams, weighed
    heard: tuple[tuple[int, float], ...] = ()  # for each word: its best state, how plain it was

    @property
    def acoustic(self) -> float:
        return _sum(self.blank, self.word)

    @property
    def total(self) -> float:
        return self.acoustic + self.language


def beam_search(
    logits: Tensor,
    states: int,
    ngrams: NGrams | None = None,
    beam: int = BEAM,
) -> Transcript:
    """CTC prefix beam search (Hannun et al. 2014) with n-grams weighed in at each word.

    Args:
        logits: (T, U) of one recording. states: how many of the T are its.
        ngrams: of word ids; none, and the acoustics decide alone.
        beam: prefixes kept after each state.
    """
    scores = logits[:states].float().log_softmax(-1)
    paths: dict[tuple[int, ...], _Path] = {(): _Path(blank=0.0)}
    for place, row in enumerate(scores):
        likely = (row > float(row.max()) + _UNLIKELY).nonzero().flatten().tolist()
        likely = sorted(likely, key=lambda unit: -float(row[unit]))[: 2 * beam]
        values = [(unit, float(row[unit])) for unit in likely]
        silent = float(row[BLANK])
        after: dict[tuple[int, ...], _Path] = {}
        for prefix, path in paths.items():
            same = _reach(after, prefix, path.language, path.heard)
            same.blank = _sum(same.blank, path.acoustic + silent)
            for unit, value in values:
                if unit == BLANK:
                    continue
                repeated = bool(prefix) and prefix[-1] == unit
                if repeated:
                    same.word = _sum(same.word, path.word + value)
                    if value > same.heard[-1][1]:
                        same.heard = (*same.heard[:-1], (place, value))
                start = path.blank if repeated else path.acoustic
                if start == -inf:
                    continue
                longer = (*prefix, unit)
                if longer in after:
                    grown = after[longer]
                else:
                    gain = WORD_BONUS
                    if ngrams is not None:
                        gain += LM_WEIGHT * ngrams.score(prefix, unit)
                    heard = (*path.heard, (place, value))
                    grown = _reach(after, longer, path.language + gain, heard)
                grown.word = _sum(grown.word, start + value)
        kept = sorted(after.items(), key=lambda item: -item[1].total)[:beam]
        paths = dict(kept)
    if ngrams is not None:
        for prefix, path in paths.items():
            path.language += LM_WEIGHT * ngrams.score(prefix, None)
    ranked = sorted(paths.items(), key=lambda item: -item[1].total)
    best, path = ranked[0]
    rest = sum(exp(max(other.total - path.total, -700.0)) for _, other in ranked)
    plain = exp(min((value for _, value in path.heard), default=0.0))
    return Transcript(best, tuple(place for place, _ in path.heard), plain / rest)


def _reach(
    paths: dict[tuple[int, ...], _Path],
    prefix: tuple[int, ...],
    language: float,
    heard: tuple[tuple[int, float], ...],
) -> _Path:
    if prefix not in paths:
        paths[prefix] = _Path(language=language, heard=heard)
    return paths[prefix]


def _sum(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == -inf else a + log(1 + exp(b - a))
