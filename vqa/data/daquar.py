"""DAQUAR (Malinowski & Fritz 2014): questions about indoor photos, under two protocols.

The official one splits by picture: `train_images_list.txt` and `test_images_list.txt` over
`data.csv`. The other splits by question: `data_train.csv` and `data_eval.csv`. Pictures of one
protocol's training part are in the other's test part, so a model belongs to one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vqa.data.files import Pictures, read_csv, read_lines
from vqa.data.sample import Sample
from vqa.errors import DataError

_COLUMNS = ("question", "answer", "image_id")
_BY_QUESTION = {"by_question_train": "data_train.csv", "by_question_test": "data_eval.csv"}
_BY_PICTURE = {"train": "train_images_list.txt", "test": "test_images_list.txt"}


def splits(folder: Path) -> list[str]:
    """The splits that are in `folder`."""
    files = _BY_PICTURE | _BY_QUESTION
    return [split for split, name in files.items() if (folder / name).is_file()]


def read(folder: Path, split: str) -> Iterator[Sample]:
    """Samples of "train" / "test" or "by_question_train" / "by_question_test".

    Answers that are several things stand as written, "book, scissor"; the kind is "number",
    "several" or "one".

    Raises:
        DataError: see `vqa.data.files`; also an empty question or answer, or a picture on both
            sides of the split by picture.
    """
    if split in _BY_QUESTION:
        path, wanted = folder / _BY_QUESTION[split], None
    else:
        path, wanted = folder / "data.csv", _listed(folder, split)
    pictures = Pictures(folder / "images", folder)
    for place, row in read_csv(path, _COLUMNS):
        question, answer, image = (row[name] for name in _COLUMNS)
        if wanted is not None and image not in wanted:
            continue
        if not question or not answer:
            raise DataError(f"{place}: the question or the answer is empty.")
        kind = "number" if answer.isdigit() else "several" if "," in answer else "one"
        yield Sample(pictures.find(image, place), question, (answer,), kind)


def _listed(folder: Path, split: str) -> set[str]:
    """The names of a split's pictures."""
    found: dict[str, str] = {}
    for place, line in read_lines(folder / _BY_PICTURE[split]):
        found |= dict.fromkeys(line.split(), place)
    other = folder / _BY_PICTURE["train" if split == "test" else "test"]
    for place, line in read_lines(other) if other.is_file() else ():
        for name in set(line.split()) & set(found):
            raise DataError(f"{place}: {name} is also in {found[name]}; keep it in one of the two.")
    return set(found)
