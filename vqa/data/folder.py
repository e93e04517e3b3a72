"""Own data: a folder with pictures and `questions.csv` or `questions.jsonl`.

Columns (or keys): image, question, answer; optionally split ("train", "val", "test") and
question_type. Several answers of several people are separated by "|" (in JSON: a list).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from vqa.data.files import Pictures, read_csv, read_json_lines
from vqa.data.sample import Sample
from vqa.errors import DataError
from vqa.text import MAX_QUESTION_CHARS

SPLITS = ("train", "val", "test")
_OTHER_NAMES = {"training": "train", "validation": "val", "valid": "val", "testing": "test"}
_NAMES = ("questions.csv", "questions.jsonl")
_NEEDED = ("image", "question", "answer")
# Shares of pictures that go to val and test when the data names no splits.
_VAL, _TEST = 0.1, 0.1


def splits(folder: Path) -> list[str]:
    """The splits that have questions."""
    return [s for s in SPLITS if any(split == s for split, _ in _samples(folder))]


def read(folder: Path, split: str) -> Iterator[Sample]:
    """Samples of one split.

    Without a split column, a picture's content-free name decides: about 80 % of the pictures are
    for training, 10 % each for val and test, and no picture is on two sides.

    Raises:
        DataError: see `vqa.data.files`; also an unknown split, or a picture in several splits.
    """
    for of_sample, sample in _samples(folder):
        if of_sample == split:
            yield sample


def split_of(name: str) -> str:
    """The split of a picture by its name, the same on every machine."""
    # A hash of its own: training holds pictures back by another one, and with the same hash it
    # would find none among those that are for training here.
    digest = hashlib.blake2b(name.encode(), digest_size=4, person=b"split").digest()
    place = int.from_bytes(digest) / 2**32
    return "test" if place < _TEST else "val" if place < _TEST + _VAL else "train"


def _samples(folder: Path) -> Iterator[tuple[str, Sample]]:
    found = [folder / name for name in _NAMES if (folder / name).is_file()]
    if not found:
        raise DataError(
            f"{folder} has neither {' nor '.join(_NAMES)}; the README says under "
            '"Your own pictures" what they hold.'
        )
    if len(found) > 1:
        raise DataError(f"{folder} has both {' and '.join(_NAMES)}; keep one.")
    path = found[0]
    rows = read_csv(path, _NEEDED) if path.suffix == ".csv" else read_json_lines(path)
    pictures = Pictures(folder, folder / "images")
    sides: dict[Path, str] = {}
    empty = True
    for place, row in rows:
        empty = False
        for name in _NEEDED:
            if row.get(name) in (None, "", []):
                raise DataError(f"{place}: {name} is missing.")
        if not isinstance(row["question"], str):
            raise DataError(f"{place}: question should be text, not {row['question']!r}.")
        if len(row["question"]) > MAX_QUESTION_CHARS:
            raise DataError(
                f"{place}: the question has {len(row['question']):,} characters and the limit is "
                f"{MAX_QUESTION_CHARS}; shorten it."
            )
        image = pictures.find(str(row["image"]), place)
        split = str(row.get("split") or split_of(image.name)).strip().lower()
        split = _OTHER_NAMES.get(split, split)
        if split not in SPLITS:
            raise DataError(f"{place}: split {split!r} is not one of {', '.join(SPLITS)}.")
        if sides.setdefault(image, split) != split:
            raise DataError(
                f"{place}: {image.name} is in {sides[image]} and in {split}; a picture must stay "
                "on one side, or the test figures mean nothing."
            )
        yield (
            split,
            Sample(
                image,
                row["question"],
                _answers(row["answer"], place),
                str(row.get("question_type") or "question"),
            ),
        )
    if empty:
        raise DataError(f"{path} holds no questions.")


def _answers(value: object, place: str) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else str(value).split("|")
    if isinstance(value, bool | dict) or any(isinstance(p, bool | dict | list) for p in parts):
        raise DataError(f"{place}: answer should be text, a number or a list, not {value!r}.")
    answers = tuple(str(part).strip() for part in parts if str(part).strip())
    if not answers:
        raise DataError(f"{place}: answer is empty.")
    return answers
