"""A conversation about one picture: each question made to stand alone, by what was asked before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from vqa.errors import QuestionError
from vqa.text import MAX_QUESTION_CHARS, Vocab, detect_language
from vqa.world.grammar import LANGUAGES, parse_plans, vocabulary, write
from vqa.world.grammar.followups import follow, leans, refers

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
    nothing was referred to. `unresolved`: it refers to something that was not found, and is asked
    as it was typed."""

    question: str
    it: str = ""
    unresolved: bool = False


def understand(text: str, turns: Sequence[Turn]) -> Understood:
    """What a question means behind earlier ones about the same picture, the last one last.

    It leans on the last question that the grammar can read, which "Why?" is not. A question that
    leans on nothing, or has no such question before it, is left as it is: about a photograph of
    one thing, "it" is the thing.

    Args:
        text: as typed, in either language.

    Raises:
        QuestionError: "Why?" where there is no answer to give a reason for.
    """
    if len(text) > MAX_QUESTION_CHARS:  # what is refused anyway is not parsed
        return Understood(text)
    language = detect_language(text)
    if _bare(text) in _whys(language):
        return Understood(_reason(turns))
    if not turns or not leans(text, language):
        return Understood(text)
    read = (parse_plans(_spelled(turn.asked)) for turn in reversed(turns))
    before = next(filter(None, read), None)
    if not before:
        return Understood(text)
    found = follow(_spelled(text), before[0], language)
    if not found:
        return Understood(text, unresolved=refers(text, language))
    written = [write(found[0].plan, language, Random(k)) for k in range(_WORDINGS)]
    return Understood(
        min(written, key=lambda q: (not q.endswith(("?", "？")), len(q))), found[0].it
    )


def _reason(turns: Sequence[Turn]) -> str:
    if not turns:
        raise QuestionError(
            "There is no answer to explain yet; ask a question about the picture first.",
            zh="还没有可以解释的答案，请先就图片提一个问题。",
        )
    if not turns[-1].why:
        raise QuestionError(
            "The last answer comes without a reason; ask another question, then why.",
            zh="上一个答案没有理由可说；请先问别的问题，再问为什么。",
        )
    return turns[-1].why


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
