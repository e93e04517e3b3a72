"""From what the acoustic encoder heard to questions: n-grams, one spelling, and the grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vqa.models.ctc import Hypothesis, beam_search
from vqa.models.ngrams import NGrams
from vqa.speech.texts import spelt_alike
from vqa.text import Vocab, detect_language
from vqa.world.grammar import parse_plans

_READABLE = 3.0  # how much likelier a question is that the grammar reads whole
_WITHIN = 12.0  # hypotheses so much worse than the best are not read
_LONGEST = 80  # words of a question that is read: the grammar writes none as long


class Decoder:
    """Finds what may have been asked, in units of a vocabulary.

    Args:
        ngrams: of its ids.
    """

    def __init__(self, vocab: Vocab, ngrams: NGrams) -> None:
        self._vocab = vocab
        self._ngrams = ngrams
        alike = spelt_alike(vocab)
        self._others = [(k, written) for k, written in enumerate(alike.tolist()) if k != written]

    def __call__(self, logits: Tensor) -> list[Hypothesis]:
        """Hypotheses of a recording, the best first; see `beam_search`.

        Args:
            logits: (T, U) of the recording's own states.
        """
        heard = logits.float().log_softmax(-1)
        for other, written in self._others:
            heard[:, written] = torch.logaddexp(heard[:, written], heard[:, other])
            heard[:, other] = -torch.inf
        found = beam_search(heard, len(heard), self._ngrams)
        least = found[0].score - _WITHIN
        found = [
            replace(each, score=each.score + _READABLE)
            if each.score > least and self._readable(each)
            else each
            for each in found
        ]
        return sorted(found, key=lambda each: -each.score)

    def words(self, ids: tuple[int, ...]) -> tuple[str, ...]:
        """The words of units, of which none is the blank."""
        return tuple(self._vocab.words[k - 2] for k in ids)

    def _readable(self, found: Hypothesis) -> bool:
        if len(found.ids) > _LONGEST:
            return False
        text = joined(self.words(found.ids))
        return bool(parse_plans(text, detect_language(text)))


def joined(words: Sequence[str]) -> str:
    """Words as they are written: Chinese without spaces, clitics at their word."""
    text = ""
    for word in words:
        apart = text and word.isascii() and text[-1].isascii() and not word.startswith("'")
        text += f" {word}" if apart else word
    return text
