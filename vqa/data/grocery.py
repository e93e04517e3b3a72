"""The Grocery Store data set (Klasson et al. 2019): lists of "path, fine id, coarse id"."""

from __future__ import annotations

from pathlib import Path

from vqa.data.files import read_csv, read_lines
from vqa.data.label_schema import Column, Schema, read_schema
from vqa.data.labels import LabelTable
from vqa.errors import DataError

_FINE, _COARSE = "Class Name (str)", "Coarse Class Name (str)"
_FINE_ID, _COARSE_ID = "Class ID (int)", "Coarse Class ID (int)"
_COLUMNS = ("image", "split", "fine", "coarse")
_QUESTIONS = Schema(
    "image",
    "split",
    {
        "coarse": Column(
            {
                "en": ["what kind of product is it?", "what food is this?"],
                "zh": ["这是哪种食品？", "这是什么食物？"],
            },
            {"en": ["is this food {value}?"], "zh": ["这种食品是{value}吗？"]},
        ),
        "fine": Column(
            {
                "en": ["what exactly is it?", "which product is this?"],
                "zh": ["这具体是什么？", "这是哪个商品？"],
            },
            {"en": ["is it exactly {value}?"], "zh": ["这具体是{value}吗？"]},
        ),
    },
)


def splits(folder: Path) -> list[str]:
    """The splits whose lists are in `folder`."""
    return [s for s in ("train", "val", "test") if (folder / f"{s}.txt").is_file()]


def table(folder: Path, schema: Path | None = None) -> LabelTable:
    """All splits as a table with the columns fine and coarse; names are written with spaces.

    Args:
        schema: JSON file with the questions (see `label_schema`); a few plain ones when None.

    Raises:
        DataError: see `vqa.data.files`; also an unknown class id.
    """
    names: dict[tuple[str, str], dict[str, str]] = {}
    for _, row in read_csv(folder / "classes.csv", (_FINE, _COARSE, _FINE_ID, _COARSE_ID)):
        fine, coarse = (row[c].replace("-", " ") for c in (_FINE, _COARSE))
        names[row[_FINE_ID], row[_COARSE_ID]] = {"fine": fine, "coarse": coarse}
    rows = []
    for split in splits(folder):
        for place, line in read_lines(folder / f"{split}.txt"):
            parts = tuple(part.strip() for part in line.split(","))
            if len(parts) != 3 or parts[1:] not in names:
                raise DataError(f"{place}: should be a path, a fine id and its coarse id.")
            rows.append((split, place, {"image": parts[0], "split": split} | names[parts[1:]]))
    if not rows:
        raise DataError(f"{folder} has no pictures in train.txt, val.txt or test.txt.")
    made = _QUESTIONS if schema is None else read_schema(schema, _COLUMNS)
    return LabelTable.of_rows(folder, rows, made, guessed=schema is None)
