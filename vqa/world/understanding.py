"""A conversation about one picture: each question made to stand alone, by what was asked before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from vqa.text import MAX_QUESTION_CHARS, Vocab, detect_language
from vqa.world.grammar import LANGUAGES, parse_plans, vocabulary, write
from vqa.world.grammar.followups import follow, leans

_WORD = re.compile(r"[A-Za-z]{4,}")
_WORDINGS = 12  # of a question are tried, to show a short one


@dataclass(frozen=True)
class Turn:
    """A question that was answered: as it stood alone, and what to ask for its reason."""

    asked: str
    why: str = ""


@dataclass(frozen=True)
class Understood:
    """A question as it stands alone, and what "it" was taken for; both in words, `it` empty when
    nothing was referred to."""

    question: str
    it: str = ""


def understand(text: str, turns: Sequence[Turn]) -> Understood:
    """What a question means behind earlier ones about the same picture, the last one last.

    A question that leans on nothing, or on what the grammar cannot read, is left as it is: about
    a photograph of one thing, "it" is the thing.

    Args:
        text: as typed, in either language.
    """
    if not turns or len(text) > MAX_QUESTION_CHARS:  # what is refused anyway is not parsed
        return Understood(text)
    language, last = detect_language(text), turns[-1]
    if last.why and _bare(text) in _whys(language):
        return Understood(last.why)
    if not leans(text, language):
        return Understood(text)
    before = parse_plans(_spelled(last.asked))
    found = follow(_spelled(text), before[0], language) if before else []
    if not found:
        return Understood(text)
    written = [write(found[0].plan, language, Random(k)) for k in range(_WORDINGS)]
    return Understood(
        min(written, key=lambda q: (not q.endswith(("?", "？")), len(q))), found[0].it
    )


def _bare(text: str) -> str:
    return re.sub(r"[\s?？.。!！,，]+", " ", text).strip().lower()


@cache
def _whys(language: str) -> frozenset[str]:
    return frozenset(_bare(text) for text in LANGUAGES[language].WHY)


@cache
def _words() -> Vocab:
    return Vocab(tuple(sorted(vocabulary("en"))))


def _spelled(text: str) -> str:
    """The text with its misspelt English words repaired, those that can be."""
    return _WORD.sub(lambda m: _words().repair([m[0].lower()])[0][0], text)
