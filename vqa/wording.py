"""From what a network found to answers in words: the head each question wants, its most probable
answers, and how probable they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

from vqa.models.network import Prediction, VQANetwork
from vqa.reply_space import KINDS, LIST, SENTENCE, WORD, ReplySpace, join_list
from vqa.text import AnswerSpace

_NONE = {"en": "none", "zh": "没有"}  # a list of nothing
BEAMS = 5  # sentences that are kept while one is searched for


@dataclass(frozen=True)
class Trust:
    """Calibration of one head: its temperature, and the confidence from which it is sure."""

    temperature: float = 1.0
    threshold: float = 0.5


@dataclass(frozen=True)
class Said:
    """One question's answer: its kind (one of `KINDS`), (text, probability) with the most
    probable first, the items of a list, and the confidence from which it counts as sure."""

    kind: str
    top: tuple[tuple[str, float], ...]
    items: tuple[str, ...]
    threshold: float


class Wording:
    """Says answers.

    Args:
        trust: kind of answer -> calibration. list_head: the further head that answers lists.
    """

    def __init__(
        self,
        network: VQANetwork,
        answers: AnswerSpace,
        replies: ReplySpace,
        trust: Mapping[str, Trust],
        list_head: str = "crf",
    ) -> None:
        self.network, self.answers, self.replies, self.trust = network, answers, replies, trust
        self.list_head = list_head

    def say(self, found: Prediction, languages: Sequence[str], top_k: int) -> list[Said]:
        """The answers of all questions, each in the language it was asked in."""
        if found.kinds is None:
            return self._words(found.logits, languages, top_k)
        kinds = found.kinds.argmax(-1)
        said: list[Said | None] = [None] * len(languages)
        for kind, of_kind in ((WORD, None), (SENTENCE, self._sentences), (LIST, self._lists)):
            rows = (kinds == kind).nonzero().squeeze(1)
            if not len(rows):
                continue
            spoken = [languages[k] for k in rows.tolist()]
            if of_kind is None:
                part = self._words(found.logits[rows], spoken, top_k)
            else:
                part = of_kind(found, rows, spoken, top_k)
            for k, answer in zip(rows.tolist(), part, strict=True):
                said[k] = answer
        return said

    def _words(self, logits: Tensor, languages: Sequence[str], top_k: int) -> list[Said]:
        trust, space = self.trust[KINDS[WORD]], self.answers
        best = (logits / trust.temperature).softmax(-1).cpu().topk(min(top_k, len(space)))
        return [
            Said(
                KINDS[WORD],
                tuple(
                    (space.localise(space.answers[i], language), p)
                    for p, i in zip(values, indices, strict=True)
                ),
                (),
                trust.threshold,
            )
            for language, values, indices in zip(
                languages, best.values.tolist(), best.indices.tolist(), strict=True
            )
        ]

    def _sentences(
        self, found: Prediction, rows: Tensor, languages: Sequence[str], top_k: int
    ) -> list[Said]:
        said = []
        attention = found.joint.region_attention[rows]
        beams = self.network.sentences(found, rows, BEAMS)
        for steps, sentences in zip(attention, beams, strict=True):
            texts = [(self.replies.sentence(ids), log_p) for log_p, ids, _ in sentences[:top_k]]
            said.append(self._reply(SENTENCE, texts, (), _grounded(steps, sentences[0][2])))
        return said

    def _lists(
        self, found: Prediction, rows: Tensor, languages: Sequence[str], top_k: int
    ) -> list[Said]:
        log_p, labels = self.network.lists(found, rows, min(top_k, BEAMS), self.list_head)
        said = []
        for language, scores, paths in zip(languages, log_p.tolist(), labels.tolist(), strict=True):
            items = [
                tuple(self.answers.localise(v, language) for v in self.replies.values(path))
                for path in paths
            ]
            texts: dict[str, float] = {}
            for values, score in zip(items, scores, strict=True):
                texts.setdefault(join_list(values, language) or _NONE[language], score)
            said.append(self._reply(LIST, list(texts.items()), items[0]))
        return said

    def _reply(
        self,
        kind: int,
        texts: list[tuple[str, float]],
        items: tuple[str, ...],
        grounded: float = 1.0,
    ) -> Said:
        """Calibrates the first; the others share what it leaves in proportion."""
        trust, first = self.trust[KINDS[kind]], texts[0][1]
        confidence = exp(first / trust.temperature) * grounded
        left = (1 - confidence) / max(1 - exp(first), 1e-9)
        others = [(text, min(confidence, left * exp(log_p))) for text, log_p in texts[1:]]
        return Said(KINDS[kind], ((texts[0][0], confidence), *others), items, trust.threshold)


def _grounded(steps: Tensor, attended: Tensor) -> float:
    """How far the regions that a sentence speaks of were selected by the reasoning, in [0, 1].

    A decoder names something even where nothing is; then no step has selected what it names. A
    sentence that is nothing but a name has to name what the last step selected, and no step on the
    way may have selected nothing: nothing is left of a ball that is not there.

    Args:
        steps: (S, R) how much each step selected each region. attended: (pieces, R).
    """
    spoken = (attended > 0.5).any(0)
    if not spoken.any():
        return 1.0
    name = bool((attended.sum(1) > 0.5).all())  # every piece attends to some region
    if name:
        return float(torch.minimum(steps[-1][spoken].min(), steps.amax(1).min()))
    return float(steps.amax(0)[spoken].min())
