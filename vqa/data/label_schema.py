"""How questions are made from a table of labels: a small declarative schema, guessed when missing.

A schema is JSON:

    {"image": "id", "split": "split", "columns": {
        "colour": {
            "ask": {"en": ["what colour is it?"], "zh": ["它是什么颜色？"]},
            "confirm": {"en": ["is it {value}?"], "zh": ["它是{value}的吗？"]},
            "values": {"zh": {"Red": "红色"}}}}}

`ask` questions are answered by the column's value, `confirm` questions by yes or no; `values` says
how a value is called in a language where it is not written as in the table.

A column that the table does not have can be read out of a text in another one. Here it is the
first word of the title that is listed, and what stands before it as its value:

    "audience": {"of": "title", "words": {"Women": ["Women", "Womens", "Ladies"]}, "ask": ...}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from vqa.data.files import read_json
from vqa.errors import DataError
from vqa.text import LANGUAGES

YES_NO = {"en": ("yes", "no"), "zh": ("是", "不是")}
_MOST_VALUES = 500  # a column with more different values is a title or a number, not a label
_LONGEST = 40  # characters of a label


@dataclass(frozen=True)
class Column:
    """Questions about one column.

    Attributes:
        ask, confirm: language -> question templates; "{value}" stands for the value asked about.
        values: language -> value in the table -> as said in that language.
        of: column with a text that the value is read out of; "" when the table has the value.
        words: value -> words that tell it in that text.
    """

    ask: dict[str, list[str]] = field(default_factory=dict)
    confirm: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    of: str = ""
    words: dict[str, list[str]] = field(default_factory=dict)

    def read(self, text: str) -> str:
        """The value whose word comes first in a text; "" when there is none."""
        places = {}
        for value, words in self.words.items():
            found = re.search(rf"\b({'|'.join(map(re.escape, words))})\b", text, re.IGNORECASE)
            if found:
                places[value] = found.start()
        return min(places, key=places.__getitem__, default="")

    def say(self, value: str, language: str) -> str:
        """A value as said in `language`."""
        return self.values.get(language, {}).get(value, value)


@dataclass(frozen=True)
class Schema:
    """What a table's columns mean: the column that names the picture, the one that names the
    split ("" when there is none), and label columns by name."""

    image: str
    split: str
    columns: dict[str, Column]

    def to_json(self) -> str:
        """The schema as it is edited; what a column does not use is left out."""
        columns = {
            name: {field: value for field, value in asdict(column).items() if value}
            for name, column in self.columns.items()
        }
        named = {"image": self.image} | ({"split": self.split} if self.split else {})
        return json.dumps(named | {"columns": columns}, ensure_ascii=False, indent=2)


def read_schema(path: Path, header: Sequence[str]) -> Schema:
    """Reads a schema for a table with the columns `header`.

    Raises:
        DataError: missing or malformed; names the place.
    """
    value = read_json(path)
    if not isinstance(value, dict) or set(value) - {"image", "split", "columns"}:
        raise DataError(f"{path} should hold image, split and columns, nothing else.")
    columns = value.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise DataError(f"{path}: columns should name at least one column of the table.")
    image, split = value.get("image", ""), value.get("split", "")
    made = {n: _column(c, f"{path}, {n}") for n, c in columns.items()}
    for name in (image, *([split] if split else []), *(c.of or n for n, c in made.items())):
        if name not in header:
            raise DataError(
                f"{path}: the table has no column {name!r}; it has: {', '.join(header)}."
            )
    return Schema(image, split, made)


def _column(value: object, place: str) -> Column:
    known = [f.name for f in fields(Column)]
    if not isinstance(value, dict) or set(value) - set(known):
        raise DataError(f"{place}: should hold {', '.join(known)}, nothing else.")
    for kind in ("ask", "confirm"):
        table = value.get(kind, {})
        good = isinstance(table, dict) and all(
            language in LANGUAGES
            and isinstance(texts, list)
            and all(isinstance(t, str) and t for t in texts)
            for language, texts in table.items()
        )
        if not good:
            raise DataError(f'{place}: {kind} should be like {{"en": ["what is it?"]}}.')
        for texts in table.values():
            for text in texts:
                if ("{value}" in text) != (kind == "confirm"):
                    raise DataError(
                        f"{place}: {text!r}: confirm questions need {{value}}, ask questions "
                        "must not have it."
                    )
    values = value.get("values", {})
    if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
        raise DataError(f'{place}: values should be like {{"zh": {{"Red": "红色"}}}}.')
    of, words = value.get("of", ""), value.get("words", {})
    listed = isinstance(words, dict) and all(
        isinstance(w, list) and w and all(isinstance(x, str) and x for x in w)
        for w in words.values()
    )
    if not isinstance(of, str) or not listed or bool(of) != bool(words):
        raise DataError(
            f'{place}: a value read out of a text needs both, "of" with the text\'s column and '
            '"words" like {"Women": ["Women", "Ladies"]}.'
        )
    return Column(value.get("ask", {}), value.get("confirm", {}), values, of, words)


def guess_schema(rows: Sequence[Mapping[str, str]], image: str, split: str) -> Schema:
    """A schema for a table: its label columns with everyday questions after their names.

    A label column has at least two different short values, and far fewer values than rows.

    Raises:
        DataError: no column looks like labels.
    """
    columns = {}
    for name in rows[0]:
        if name in (image, split):
            continue
        values = [row[name] for row in rows if row[name]]
        different = set(values)
        repeated = len(different) <= min(_MOST_VALUES, max(2, len(values) // 2))
        if len(different) >= 2 and repeated and max(map(len, different)) <= _LONGEST:
            columns[name] = _templates(name)
    if not columns:
        raise DataError(
            f"None of the columns {', '.join(rows[0])} looks like labels (short values that "
            "repeat); write a schema."
        )
    return Schema(image, split, columns)


def _templates(name: str) -> Column:
    said = re.sub(r"[_\W]+", " ", name).strip().lower()
    if re.search(r"colou?r", said):
        return Column(
            {"en": ["what color is it?", "what's the colour of this?"], "zh": ["它是什么颜色？"]},
            {"en": ["is it {value}?", "is this {value}?"], "zh": ["它是{value}的吗？"]},
        )
    if re.search(r"\b(type|class|kind|name|product|species|label|object)\b", said):
        return Column(
            {
                "en": ["what is it?", "what is this?", f"what {said} is it?"],
                "zh": ["这是什么？", "它是什么？"],
            },
            {"en": ["is it {value}?", "is this {value}?"], "zh": ["这是{value}吗？"]},
        )
    return Column(
        {"en": [f"what is its {said}?", f"what {said} is it?"], "zh": [f"它的{said}是什么？"]},
        {"en": [f"is its {said} {{value}}?"], "zh": [f"它的{said}是{{value}}吗？"]},
    )
