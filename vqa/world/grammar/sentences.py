"""Answers that are sentences: scenes and objects put into words, and read back.

A sentence is a row of pieces, words or set phrases, which is what a decoder writes;
`vqa.reply_space.join_pieces` makes text of them. Which object a piece speaks of is kept, so that
attention can be taught.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vqa.world.grammar.chinese import ANSWERS
from vqa.world.scene import ATTRIBUTES

_ORDER = ("size", "color", "material", "shape")
_COUNTED = {
    "en": ("", *"one two three four five six seven eight nine ten".split()),
    "zh": ("", *"一 两 三 四 五 六 七 八 九 十".split()),
}
_ATTRIBUTIVE = {"large": "大的", "small": "小的"}


@dataclass(frozen=True)
class Phrases:
    """What one language puts between the objects."""

    article: str
    comma: str
    last: str
    stop: str
    there_is: str
    there_are: str
    one_object: str
    objects: str
    in_order: str
    because: str
    nothing_like_it: str
    one_side: str
    other_side: str
    nothing: str


PHRASES = {
    "en": Phrases(
        article="a",
        comma=",",
        last="and",
        stop=".",
        there_is="There is",
        there_are="There are",
        one_object="object:",
        objects="objects.",
        in_order="From left to right:",
        because="Because there is",
        nothing_like_it="Because there is nothing like that.",
        one_side="Because on the one hand there is",
        other_side="and on the other hand",
        nothing="nothing",
    ),
    "zh": Phrases(
        article="一个",
        comma="、",
        last="和",
        stop="。",
        there_is="画面中有",
        there_are="画面中有",
        one_object="个物体：",
        objects="个物体。",
        in_order="从左到右依次是：",
        because="因为有",
        nothing_like_it="因为没有这样的物体。",
        one_side="因为一边有",
        other_side="，另一边有",
        nothing="零个物体",
    ),
}


def _say(language: str, value: str) -> str:
    return value if language == "en" else _ATTRIBUTIVE.get(value, ANSWERS[value])


@dataclass(frozen=True)
class Sentence:
    """Pieces in order, and for each the object it speaks of, -1 for those between objects."""

    pieces: tuple[str, ...]
    objects: tuple[int, ...]

    def __add__(self, other: Sentence) -> Sentence:
        return Sentence(self.pieces + other.pieces, self.objects + other.objects)


def _plain(*pieces: str) -> Sentence:
    return Sentence(pieces, (-1,) * len(pieces))


def object_phrase(values: Mapping[str, str], language: str, number: int) -> Sentence:
    """ "a small green metal cylinder" for the object `number` with these attribute values."""
    said = [_say(language, values[a]) for a in _ORDER]
    pieces = (PHRASES[language].article, *said)
    return Sentence(pieces, (number,) * len(pieces))


def _enumerated(phrases: Sequence[Sentence], language: str) -> Sentence:
    """ "X, Y and Z"; nothing in words when there are none."""
    p = PHRASES[language]
    if not phrases:
        return _plain(p.nothing)
    found = phrases[0]
    for k, phrase in enumerate(phrases[1:], start=2):
        found = found + _plain(p.last if k == len(phrases) else p.comma) + phrase
    return found


def description(phrases: Sequence[Sentence], language: str) -> Sentence:
    """A scene in one or two sentences: how many objects, and all of them from left to right."""
    p, counted = PHRASES[language], _COUNTED[language][len(phrases)]
    if len(phrases) == 1:
        start = _plain(p.there_is, "一" if language == "zh" else counted, p.one_object)
    else:
        start = _plain(p.there_are, counted, p.objects, p.in_order)
    return start + _enumerated(phrases, language) + _plain(p.stop)


def reason(sides: Sequence[Sequence[Sentence]], language: str) -> Sentence:
    """Why an answer is what it is: the objects of the one set or of the two it was read from."""
    p = PHRASES[language]
    if len(sides) == 1:
        if not sides[0]:
            return _plain(p.nothing_like_it)
        return _plain(p.because) + _enumerated(sides[0], language) + _plain(p.stop)
    first, second = (_enumerated(side, language) for side in sides)
    return _plain(p.one_side) + first + _plain(p.other_side) + second + _plain(p.stop)


def sentence_pieces() -> tuple[str, ...]:
    """Every piece that sentences are made of, each once."""
    found: dict[str, None] = {}
    for language, p in PHRASES.items():
        found.update(dict.fromkeys(vars(p).values()))
        found.update(dict.fromkeys(_COUNTED[language][1:]))
        found.update(dict.fromkeys(_say(language, v) for a in _ORDER for v in ATTRIBUTES[a]))
    found["一"] = None
    return tuple(found)


_NAMED = {
    language: re.compile(
        (r"\ba " if language == "en" else PHRASES[language].article)
        + (" " if language == "en" else "").join(
            "(" + "|".join(_say(language, v) for v in ATTRIBUTES[a]) + ")" for a in _ORDER
        )
    )
    for language in PHRASES
}


def objects_said(text: str, language: str) -> list[dict[str, str]]:
    """The objects that a sentence speaks of, in its order, as attribute -> value."""
    meant = {_say(language, v): v for a in _ORDER for v in ATTRIBUTES[a]}
    return [
        {a: meant[word] for a, word in zip(_ORDER, found, strict=True)}
        for found in _NAMED[language].findall(text)
    ]
