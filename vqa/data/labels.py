"""A table of labels, one row per picture, as questions and answers in English and Chinese."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from vqa.data.files import Pictures, read_csv
from vqa.data.folder import SPLITS, split_of
from vqa.data.label_schema import YES_NO, Schema, guess_schema, read_schema
from vqa.data.sample import Sample
from vqa.errors import DataError

_SPLIT_COLUMNS = ("split", "set", "subset", "fold")


class LabelTable:
    """A table with its schema.

    Args:
        path: a CSV file with a header. schema: JSON file; guessed when None.

    Raises:
        DataError: see `vqa.data.files`; also when no column names pictures, a schema is off, or a
            picture is in several splits.
    """

    def __init__(self, path: Path, schema: Path | None = None) -> None:
        placed = list(read_csv(path))
        if not placed:
            raise DataError(f"{path} holds no rows.")
        self.pictures = Pictures(path.parent, path.parent / "images")
        self.guessed = schema is None
        if schema is None:
            image = self._image_column(path.parent, placed)
            split = next((c for c in placed[0][1] if c.lower() in _SPLIT_COLUMNS), "")
            self.schema = guess_schema([row for _, row in placed], image, split)
        else:
            self.schema = read_schema(schema, list(placed[0][1]))
        self._fill([(self._split(place, row), place, row) for place, row in placed])

    @classmethod
    def of_rows(
        cls,
        folder: Path,
        rows: list[tuple[str, str, dict[str, str]]],
        schema: Schema,
        guessed: bool = False,
    ) -> LabelTable:
        """A table from (split, place for messages, row); pictures lie below `folder`."""
        table = cls.__new__(cls)
        table.pictures, table.guessed, table.schema = Pictures(folder), guessed, schema
        table._fill(rows)
        return table

    def _fill(self, rows: list[tuple[str, str, dict[str, str]]]) -> None:
        read = {name: c for name, c in self.schema.columns.items() if c.of}
        for _, _, row in rows:
            row |= {name: column.read(row[column.of]) for name, column in read.items()}
        self.rows = rows
        sides: dict[str, str] = {}
        for split, place, row in rows:
            name = row[self.schema.image]
            if sides.setdefault(name, split) != split:
                raise DataError(
                    f"{place}: {name} is in {sides[name]} and in {split}; a picture must stay on "
                    "one side, or the test figures mean nothing."
                )
        # Values to ask about in vain are drawn as often as they occur in training.
        taught = [row for split, _, row in rows if split == "train"]
        self.values = {
            name: Counter(row[name] for row in taught if row[name]) for name in self.schema.columns
        }

    def _image_column(self, folder: Path, placed: Sequence[tuple[str, dict[str, str]]]) -> str:
        place, first = placed[0]
        for name, value in first.items():
            try:
                self.pictures.find(value, place)
                return name
            except DataError:
                continue
        raise DataError(f"{place}: no column names a picture in {folder} or its images folder.")

    def _split(self, place: str, row: dict[str, str]) -> str:
        if not self.schema.split:
            return split_of(row[self.schema.image])
        split = row[self.schema.split]
        if split not in SPLITS:
            raise DataError(f"{place}: split {split!r} is not one of {', '.join(SPLITS)}.")
        return split

    @property
    def splits(self) -> list[str]:
        """The splits that have rows."""
        found = {split for split, _, _ in self.rows}
        return [split for split in SPLITS if split in found]

    def samples(self, split: str, languages: Sequence[str] = ("en",)) -> Iterator[Sample]:
        """For each row, column and language: one question for the value, one to confirm it.

        What is asked depends on the row alone. The kind is the column's name, with "?" for yes or
        no.
        """
        for of_row, place, row in self.rows:
            if of_row != split:
                continue
            image = self.pictures.find(row[self.schema.image], place)
            rng = Random(row[self.schema.image])
            for name in self.schema.columns:
                for language in languages:
                    for confirm in (False, True):
                        asked = self.ask(row, name, language, confirm, rng)
                        if asked is not None:
                            said = self.said(name, asked[1], language, confirm)
                            yield Sample(image, asked[0], (said,), name + "?" * confirm)

    def can_ask(self, row: dict[str, str], languages: Sequence[str]) -> bool:
        """Whether there is anything to ask about a row."""
        return any(
            row[name] and (column.ask.get(language) or column.confirm.get(language))
            for name, column in self.schema.columns.items()
            for language in languages
        )

    def said(self, name: str, answer: str, language: str, confirm: bool) -> str:
        """An answer of `ask` in the language of the question."""
        if confirm:
            return YES_NO[language][answer == "no"]
        return self.schema.columns[name].say(answer, language)

    def ask(
        self, row: dict[str, str], name: str, language: str, confirm: bool, rng: Random
    ) -> tuple[str, str] | None:
        """(question, answer) about one column of a row; None when there is nothing to ask.

        The answer is as in the table, or yes or no, whatever the language. Half of the
        confirming questions name the true value, half another one.
        """
        column, value = self.schema.columns[name], row[name]
        templates = (column.confirm if confirm else column.ask).get(language)
        if not value or not templates:
            return None
        text = rng.choice(templates)
        if not confirm:
            return text, value
        named = value if rng.random() < 0.5 else self._other(name, value, rng)
        said = column.say(named, language).lower()
        return text.replace("{value}", said), "yes" if named == value else "no"

    def _other(self, name: str, value: str, rng: Random) -> str:
        """A value that is not `value`; `value` itself when the column knows no other."""
        counts = self.values[name]
        others = [v for v in counts if v != value]
        return rng.choices(others, [counts[v] for v in others])[0] if others else value
