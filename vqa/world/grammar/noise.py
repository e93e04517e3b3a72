"""Slips of the finger: what people leave out or mistype, put into a finished question."""

from __future__ import annotations

import re
from random import Random

_ARTICLES = re.compile(r"\b(the|a|an) ", re.IGNORECASE)
_WORD = re.compile(r"[a-z]{5,}", re.IGNORECASE)


def add_noise(text: str, language: str, rng: Random) -> str:
    """The question with one kind of slip.

    English: articles left out, or one letter of one long word dropped, doubled or swapped with
    the next; the first letter stays, as it nearly always does in people's slips. Chinese: the
    particle 的 or the punctuation left out, or blanks between the words.
    """
    return _english(text, rng) if language == "en" else _chinese(text, rng)


def _english(text: str, rng: Random) -> str:
    if rng.random() < 0.5:
        return _ARTICLES.sub("", text)
    words = list(_WORD.finditer(text))
    if not words:
        return text
    match = words[rng.randrange(len(words))]
    word = match[0]
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        word = word[:i] + word[i + 1 :]
    elif kind == 1:
        word = word[:i] + word[i] + word[i:]
    else:
        word = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return text[: match.start()] + word + text[match.end() :]


def _chinese(text: str, rng: Random) -> str:
    kind = rng.randrange(3)
    if kind == 0:
        return re.sub("[，。？：；、]", "", text)
    if kind == 1:
        return re.sub("[，。？：；、]", " ", text).strip()
    places = [i for i, c in enumerate(text) if c == "的"]
    if not places:
        return text
    i = places[rng.randrange(len(places))]
    return text[:i] + text[i + 1 :]
