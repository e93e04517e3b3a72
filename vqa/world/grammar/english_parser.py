"""Reads English questions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vqa.world.grammar import english
from vqa.world.grammar.parser import IT, Phrases, QuestionParser, Reading, Tree
from vqa.world.plans import Plan
from vqa.world.scene import ATTRIBUTES

# Words no meaning hangs on: which one is meant follows from the question's form.
_SILENT = frozenset("the a an some other another else".split())
_CONTRACTED = frozenset("what it that there how".split())  # before 's it is a verb
_TOKEN = re.compile(r"'s|[a-z]+")


def tokenize(text: str) -> tuple[str, ...]:
    """Lower-case words; apostrophe-s its own token ("is" where it is the verb)."""
    tokens: list[str] = []
    for word in _TOKEN.findall(text.lower().replace("\u2019", "'")):
        if word == "'s" and tokens and tokens[-1] in _CONTRACTED:
            word = "is"
        tokens.append(word)
    return tuple(t for t in tokens if t not in _SILENT)


_ATTRIBUTE_OF_VALUE = {v: a for a, values in ATTRIBUTES.items() for v in values}
_ADJECTIVE = {
    word: (_ATTRIBUTE_OF_VALUE[value], value)
    for value, words in english.ADJECTIVES.items()
    for word in words
}
_NOUN = {
    word: shape for shape, forms in english.NOUNS.items() for pair in forms for word in pair
} | dict.fromkeys(("anything", "something"), "")
_DIRECTION = [
    (tokenize(words), direction)
    for direction, all_words in english.DIRECTIONS.items()
    for words in all_words
]
_ATTRIBUTE = {word: a for a, words in english.ATTRIBUTES.items() for word in words}
_BIG = english.ADJECTIVES["large"]
_POLITE = sorted({tokenize(p) for p in english.POLITE}, key=len, reverse=True)
_PLACES = sorted({tokenize(p) for p in english.PLACES}, key=len, reverse=True)


class EnglishPhrases(Phrases):
    def _word(self, place: int) -> str:
        return self.tokens[place] if place < len(self.tokens) else ""

    def _skip(self, place: int, *words: str) -> int:
        return place + 1 if self._word(place) in words else place

    def readings(self, kind: str, place: int) -> Iterator[Reading]:
        match kind:
            case "N":
                yield from self._nouns(place, True)
            case "inner":
                yield from self._nouns(place, False)
            case "H":
                yield from self._head(place)
            case "R":
                yield from self._relation(place, True)
                # Behind "are" alone a union may do without "either".
                if self._word(place) != "either":
                    yield from self._or(place, "side")
            case "U":
                yield from self._or(place, "inner")
                yield from self.read("N", place)
            case "A":
                if self._word(place) in _ATTRIBUTE:
                    yield _ATTRIBUTE[self._word(place)], place + 1

    def _adjectives(self, place: int) -> tuple[dict[str, str], int] | None:
        filters: dict[str, str] = {}
        while self._word(place) in _ADJECTIVE:
            attribute, value = _ADJECTIVE[self._word(place)]
            if attribute in filters:
                return None
            filters[attribute] = value
            place += 1
        return filters, place

    def _head(self, place: int) -> Iterator[Reading]:
        """Filters of a noun with its adjectives."""
        found = self._adjectives(place)
        if found is None or self._word(found[1]) not in _NOUN:
            return
        filters, place = found
        shape = _NOUN[self._word(place)]
        if shape:
            filters["shape"] = shape
        yield tuple(sorted(filters.items())), place + 1

    def _nouns(self, place: int, top: bool) -> Iterator[Reading]:
        """Noun phrases; joined relations only in the outermost (`top`), where they can stand."""
        if self._word(place) == "it":
            yield IT, place + 1
        for filters, end in self.read("H", place):
            yield Tree("scene", filters=filters), end
            for relation, behind in self._relation(end, top):
                yield relation._replace(filters=filters), behind

    def _relation(self, place: int, top: bool) -> Iterator[Reading]:
        key = "relations" if top else "inner relations"
        yield from self.once((key, place), lambda: list(self._relations(place, top)))

    def _relations(self, place: int, top: bool) -> Iterator[Reading]:
        place = self._skip(place, "that", "which")
        yield from self._same(place)
        place = self._skip(place, "is", "are")
        place = self._skip(place, "located", "placed", "standing")
        if top:
            start = self._skip(place, "both")
            for first, middle in self._directed(start):
                if self._word(middle) == "and":
                    second_start = self._skip(middle + 1, "also")
                    for second, end in self._directed(second_start):
                        yield Tree("intersect", children=(first, second)), end
            if self._word(place) == "either":
                yield from self._or(place + 1, "side")
        yield from self._directed(place)

    def _directed(self, place: int) -> Iterator[Reading]:
        """ "left of X" """
        for words, direction in _DIRECTION:
            end = self.after(words, place)
            if end is not None:
                for tree, behind in self.read("inner", end):
                    yield Tree("relate", direction, (tree,)), behind

    def _same(self, place: int) -> Iterator[Reading]:
        """ "of the same color as X" and its other forms"""
        place = self._skip(place, "is", "are", "has", "have")
        if self._word(place) in ("share", "shares"):
            attribute = _ATTRIBUTE.get(self._word(place + 2))
            if attribute and self._word(place + 3) == "with":
                for tree, end in self.read("inner", place + 4):
                    yield Tree("same", attribute, (tree,)), end
        elif self._word(place) in ("match", "matches"):
            for tree, end in self.read("inner", place + 1):
                attribute = _ATTRIBUTE.get(self._word(end + 1))
                if attribute and self._word(end) == "in":
                    yield Tree("same", attribute, (tree,)), end + 2
        elif self._word(place) == "as" and self._word(place + 1) in _BIG:
            if self._word(place + 2) == "as":
                for tree, end in self.read("inner", place + 3):
                    yield Tree("same", "size", (tree,)), end
        else:
            place = self._skip(self._skip(place, "made"), "of", "with")
            attribute = _ATTRIBUTE.get(self._word(place + 1))
            if attribute and self._word(place) == "same" and self._word(place + 2) == "as":
                for tree, end in self.read("inner", place + 3):
                    yield Tree("same", attribute, (tree,)), end

    def _or(self, place: int, side: str) -> Iterator[Reading]:
        """Two sides of a union; a "side" may also be bare adjectives or a bare relation."""
        for first, middle in self._side(place, side):
            if self._word(middle) == "or":
                for second, end in self._side(middle + 1, side):
                    yield Tree("union", children=(first, second)), end

    def _side(self, place: int, side: str) -> Iterator[Reading]:
        yield from self.read("inner", place)
        if side == "side":
            yield from self._directed(place)
            found = self._adjectives(place)
            if found and found[0]:
                yield Tree("scene", filters=tuple(sorted(found[0].items()))), found[1]


_PARSER = QuestionParser(english.BOOK, tokenize, EnglishPhrases)


def plans(text: str, it: Tree | None = None) -> list[Plan]:
    """All different plans the question can mean, with or without its politeness and place; "it"
    stands for the set `it`, if given."""
    tokens = tokenize(text)
    for candidate in _without(tokens):
        found = _PARSER.plans(candidate, it)
        if found:
            return found
    return []


def phrases(text: str, kind: str) -> list[Tree]:
    """What all of the text can be read as, as a noun phrase ("N") or a relation ("R")."""
    tokens = tokenize(text)
    read = EnglishPhrases(tokens).read(kind, 0)
    return list(dict.fromkeys(tree for tree, end in read if end == len(tokens)))


def _without(tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The tokens as they are, then with less and less around them."""
    yield tokens
    for place in _PLACES:
        if tokens[-len(place) :] == place:
            yield from _without(tokens[: -len(place)])
    for polite in _POLITE:
        if tokens[: len(polite)] == polite:
            yield from _without(tokens[len(polite) :])
