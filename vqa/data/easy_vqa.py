"""easy-VQA (Zhou 2019): `train/` and `test/`, each with `questions.json` and `images/<id>.png`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vqa.data.files import Pictures, read_json
from vqa.data.sample import Sample
from vqa.errors import DataError


def splits(folder: Path) -> list[str]:
    """The splits that are in `folder`."""
    return [s for s in ("train", "test") if (folder / s / "questions.json").is_file()]


def read(folder: Path, split: str) -> Iterator[Sample]:
    """Samples of one split; the kind is "yes/no", "color" or "shape".

    Raises:
        DataError: see `vqa.data.files`; also a record that is not [question, answer, image id].
    """
    path = folder / split / "questions.json"
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path} should hold a list of [question, answer, image id].")
    pictures = Pictures(folder / split / "images")
    for number, entry in enumerate(entries):
        place = f"{path}, question {number}"
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[0], str):
            raise DataError(f"{place}: should be [question, answer, image id].")
        question, answer, image = entry
        if not question.strip():
            raise DataError(f"{place}: the question is empty.")
        if not isinstance(answer, str) or not answer:
            raise DataError(f"{place}: there is no answer.")
        yield Sample(pictures.find(str(image), place), question, (answer,), _kind(answer))


def _kind(answer: str) -> str:
    if answer in ("yes", "no"):
        return "yes/no"
    return "shape" if answer in ("circle", "rectangle", "triangle") else "color"
