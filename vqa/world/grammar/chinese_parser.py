"""Reads Chinese questions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vqa.world.grammar import chinese
from vqa.world.grammar.parser import IT, Phrases, QuestionParser, Reading, Tree
from vqa.world.plans import Plan
from vqa.world.scene import ATTRIBUTES

# Words no meaning hangs on, longest first.
_SILENT = re.compile("其他|其它|另外|别的|任何|另一个|那个|一个|的|在")
_HAN = re.compile("[\u4e00-\u9fff]")


def tokenize(text: str) -> tuple[str, ...]:
    """Characters, without punctuation and silent words."""
    return tuple(_HAN.findall(_SILENT.sub("", text)))


def _longest_first(table: dict[str, object]) -> list[tuple[tuple[str, ...], object]]:
    # Silent characters are no part of any word here, so words are as they stand.
    return [(tuple(w), table[w]) for w in sorted(table, key=len, reverse=True)]


_ATTRIBUTE_OF_VALUE = {v: a for a, values in ATTRIBUTES.items() for v in values}
_ADJECTIVE = _longest_first(
    {
        word: (_ATTRIBUTE_OF_VALUE[value], value)
        for value, words in chinese.ADJECTIVES.items()
        for word in words
    }
)
_NOUN = _longest_first({w: shape for shape, words in chinese.NOUNS.items() for w in words})
_DIRECTION = _longest_first({w: d for d, words in chinese.DIRECTIONS.items() for w in words})
_ATTRIBUTE = _longest_first({w: a for a, words in chinese.ATTRIBUTES.items() for w in words})
_SAME = [tuple(word) for word in ("相同", "一样")]
_OR = [tuple(word) for word in ("或者是", "或者", "或")]
_ALSO = [tuple(word) for word in ("并且", "同时", "又", "也")]
_POLITE = sorted({tokenize(p) for p in chinese.POLITE}, key=len, reverse=True)


class ChinesePhrases(Phrases):
    def _first(self, table: list, place: int):
        """(value, place behind) of the longest word of the table at `place`, or None."""
        for word, value in table:
            end = self.after(word, place)
            if end is not None:
                return value, end
        return None

    def _skip(self, place: int, word: str) -> int:
        return place + 1 if self.tokens[place : place + 1] == (word,) else place

    def readings(self, kind: str, place: int) -> Iterator[Reading]:
        match kind:
            case "N":
                yield from self._nouns(place, True)
            case "inner":
                yield from self._nouns(place, False)
            case "H":
                yield from self._head(place)
            case "R":
                yield from self._relation(place)
                yield from self._both(place)
                yield from self._sides(place)
                yield from self._or(place, "bare")
            case "U":
                yield from self._sides(place)
                yield from self.read("N", place)
            case "A":
                found = self._first(_ATTRIBUTE, place)
                if found:
                    yield found
            case "bare":
                found = self._adjectives(place)
                if found and found[0]:
                    yield Tree("scene", filters=tuple(sorted(found[0].items()))), found[1]

    def _adjectives(self, place: int) -> tuple[dict[str, str], int] | None:
        filters: dict[str, str] = {}
        while found := self._first(_ADJECTIVE, place):
            (attribute, value), place = found
            if attribute in filters:
                return None
            filters[attribute] = value
        return filters, place

    def _head(self, place: int) -> Iterator[Reading]:
        """Filters of a noun with its adjectives."""
        adjectives = self._adjectives(place)
        noun = adjectives and self._first(_NOUN, adjectives[1])
        if noun:
            filters = dict(adjectives[0])
            if noun[0]:
                filters["shape"] = noun[0]
            yield tuple(sorted(filters.items())), noun[1]

    def _nouns(self, place: int, top: bool) -> Iterator[Reading]:
        """Noun phrases. The relation stands before its noun, so each phrase found may be what
        the next relation starts from: "红球左边的方块" then "红球左边的方块后面的球"."""
        found: list[Reading] = []
        if self._skip(place, "它") > place:
            yield IT, place + 1
        for filters, end in self.read("H", place):
            found.append((Tree("scene", filters=filters), end))
        for relation, end in self._same(place):
            found += self._with_head(relation, end)
        if top:
            for relation, end in (*self._both(place), *self._or(place, "bare")):
                found += self._with_head(relation, end)
            start = self._skip(place, "是")
            if start > place:
                for relation, end in self._sides(start):
                    found += self._with_head(relation, end)
        for tree, end in found:  # grows while it is read
            yield tree, end
            direction = self._first(_DIRECTION, end)
            if direction:
                found += self._with_head(Tree("relate", direction[0], (tree,)), direction[1])

    def _with_head(self, relation: Tree, place: int) -> list[Reading]:
        return [(relation._replace(filters=f), end) for f, end in self.read("H", place)]

    def _referent(self, place: int) -> Iterator[Reading]:
        if self._skip(place, "它") > place:
            yield IT, place + 1
        yield from self.read("inner", place)

    def _relation(self, place: int) -> Iterator[Reading]:
        yield from self._place(place)
        yield from self._same(place)

    def _place(self, place: int) -> Iterator[Reading]:
        """ "红球左边" """
        for tree, end in self._referent(place):
            direction = self._first(_DIRECTION, end)
            if direction:
                yield Tree("relate", direction[0], (tree,)), direction[1]

    def _same(self, place: int) -> Iterator[Reading]:
        """ "和红球颜色相同" and its other forms"""
        if place >= len(self.tokens) or self.tokens[place] not in "和与跟":
            return
        for tree, end in self._referent(place + 1):
            for attribute, behind in self._shared(end):
                yield Tree("same", attribute, (tree,)), behind

    def _shared(self, place: int) -> Iterator[Reading]:
        for words, attribute in ((tuple("一样大"), "size"), (tuple("同色"), "color")):
            end = self.after(words, place)
            if end is not None:
                yield attribute, end
        found = self._first(_ATTRIBUTE, place)
        if found:
            for same in _SAME:
                end = self.after(same, found[1])
                if end is not None:
                    yield found[0], end
        have = self._skip(self._skip(place, "具"), "有")
        for same in _SAME if have > place else ():
            end = self.after(same, have)
            found = None if end is None else self._first(_ATTRIBUTE, end)
            if found:
                yield found

    def _both(self, place: int) -> Iterator[Reading]:
        """ "既在 A 左边又在 B 后面" """
        for first, middle in self._place(self._skip(place, "既")):
            for also in _ALSO:
                start = self.after(also, middle)
                if start is not None:
                    for second, end in self._place(start):
                        yield Tree("intersect", children=(first, second)), end

    def _sides(self, place: int) -> Iterator[Reading]:
        """ "A 或者 B" of noun phrases"""
        yield from self._or(place, "inner")

    def _or(self, place: int, side: str) -> Iterator[Reading]:
        for first, middle in self.read(side, place):
            starts = [e for e in (self.after(word, middle) for word in _OR) if e is not None]
            for start in starts[:1]:
                for second, end in self.read(side, start):
                    yield Tree("union", children=(first, second)), end


_PARSER = QuestionParser(chinese.BOOK, tokenize, ChinesePhrases)


def phrases(text: str, kind: str) -> list[Tree]:
    """What all of the text can be read as, as a noun phrase ("N") or a relation ("R")."""
    tokens = tokenize(text)
    read = ChinesePhrases(tokens).read(kind, 0)
    return list(dict.fromkeys(tree for tree, end in read if end == len(tokens)))


def plans(text: str, it: Tree | None = None) -> list[Plan]:
    """All different plans the question can mean, with or without its politeness; "它" stands for
    the set `it`, if given."""
    tokens = tokenize(text)
    starts = [0] + [len(p) for p in _POLITE if tokens[: len(p)] == p]
    for start in starts:
        found = _PARSER.plans(tokens[start:], it)
        if found:
            return found
    return []
