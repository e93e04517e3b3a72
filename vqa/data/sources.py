"""Training data as sources of questions about pictures, drawn at random as training goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np

from vqa.data.labels import LabelTable
from vqa.data.sample import Sample
from vqa.text import normalize_answer


class Source(Protocol):
    """Pictures that can be asked about.

    Attributes:
        pictures: paths; a text-only source has one that is None.
        classes: for each of C labels that all pictures have, how many values it takes; C may be 0.
        labels: (pictures, C) int64, the value of each label, -1 where it is not known.
    """

    pictures: Sequence[Path | None]
    classes: tuple[int, ...]
    labels: np.ndarray

    def ask(self, picture: int, rng: Random) -> tuple[str, tuple[str, ...]]:
        """A question about one of the pictures, and its answers."""

    def texts(self) -> Iterator[str]:
        """Questions that hold every word the source asks with."""

    def answers(self) -> Counter:
        """How often each (normalised) answer occurs."""


class AskedSource:
    """Questions that people wrote.

    Args:
        samples: the questions; all of one picture are kept together.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        of_picture: dict[Path, list[tuple[str, tuple[str, ...]]]] = {}
        for s in samples:
            of_picture.setdefault(s.image, []).append((s.question, s.answers))
        self.pictures = list(of_picture)
        self._asked = list(of_picture.values())
        self.classes, self.labels = _unlabelled(self.pictures)

    def ask(self, picture: int, rng: Random) -> tuple[str, tuple[str, ...]]:
        return rng.choice(self._asked[picture])

    def texts(self) -> Iterator[str]:
        return (question for asked in self._asked for question, _ in asked)

    def answers(self) -> Counter:
        return Counter(
            normalize_answer(answer)
            for asked in self._asked
            for _, answers in asked
            for answer in set(answers)
        )


class TextSource:
    """Questions without pictures; they teach words and what is usual."""

    def __init__(self, asked: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        self.pictures: list[Path | None] = [None]
        self._asked = asked
        self.classes, self.labels = _unlabelled(self.pictures)

    def ask(self, picture: int, rng: Random) -> tuple[str, tuple[str, ...]]:
        return rng.choice(self._asked)

    def texts(self) -> Iterator[str]:
        return (question for question, _ in self._asked)

    def answers(self) -> Counter:
        return Counter(normalize_answer(a) for _, answers in self._asked for a in set(answers))


class LabelSource:
    """Questions made from a table of labels, new ones every time.

    Args:
        rows: those of the table to ask about; those with nothing to ask are left out.
    """

    def __init__(
        self, table: LabelTable, rows: Sequence[dict[str, str]], languages: Sequence[str]
    ) -> None:
        self.table, self.languages = table, tuple(languages)
        self.rows = [row for row in rows if table.can_ask(row, languages)]
        name = table.schema.image
        self.pictures = [table.pictures.find(row[name], row[name]) for row in self.rows]
        self._columns = list(table.schema.columns)
        values = [list(table.values[name]) for name in self._columns]
        self.classes = tuple(max(1, len(v)) for v in values)
        place = [{value: k for k, value in enumerate(v)} for v in values]
        self.labels = np.empty((len(self.rows), len(values)), dtype=np.int64)
        for k, row in enumerate(self.rows):
            self.labels[k] = [
                known.get(row[c], -1) for known, c in zip(place, self._columns, strict=True)
            ]

    def ask(self, picture: int, rng: Random) -> tuple[str, tuple[str, ...]]:
        while True:
            column, language = rng.choice(self._columns), rng.choice(self.languages)
            # Naming a value teaches more than confirming one.
            confirm = rng.random() < 0.35
            asked = self.table.ask(self.rows[picture], column, language, confirm, rng)
            if asked is not None:
                return asked[0], (asked[1],)

    def texts(self) -> Iterator[str]:
        for name, column in self.table.schema.columns.items():
            for language in self.languages:
                yield from column.ask.get(language, ())
                for text in column.confirm.get(language, ()):
                    for value in self.table.values[name]:
                        yield text.replace("{value}", column.say(value, language).lower())

    def answers(self) -> Counter:
        found = Counter({"yes": len(self.rows), "no": len(self.rows)})
        for counts in self.table.values.values():
            for value, n in counts.items():
                found[normalize_answer(value)] += n
        return found

    def translations(self) -> dict[str, dict[str, str]]:
        """Language -> canonical answer -> as said in that language."""
        said: dict[str, dict[str, str]] = {}
        for column in self.table.schema.columns.values():
            for language, values in column.values.items():
                for value, text in values.items():
                    said.setdefault(language, {})[normalize_answer(value)] = text
        return said


def _unlabelled(pictures: Sequence[Path | None]) -> tuple[tuple[int, ...], np.ndarray]:
    return (), np.empty((len(pictures), 0), dtype=np.int64)
