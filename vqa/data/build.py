"""Data by name: "KIND:WHERE" -> splits and samples."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.data import clevr, daquar, easy_vqa, folder, grocery, heldout, vqa_v2
from vqa.data.label_schema import Schema
from vqa.data.labels import LabelTable
from vqa.data.sample import Sample
from vqa.errors import ConfigError, DataError

KINDS = {
    "world": "world:heldout, world:replies or world:dialogues (drawn on first use)",
    "clevr": "clevr:DIR (CLEVR's layout)",
    "vqa_v2": "vqa_v2:DIR (official VQA v2 JSON with COCO pictures)",
    "easy_vqa": "easy_vqa:DIR",
    "daquar": "daquar:DIR",
    "grocery": "grocery:DIR[,SCHEMA.json] (Grocery Store data set)",
    "folder": "folder:DIR (own pictures with questions.csv or questions.jsonl)",
    "labels": "labels:FILE.csv[,SCHEMA.json] (a table of labels, one row per picture)",
}
# Also those with a year, such as val2014 of VQA v2.
_FOR_EVALUATION = re.compile("(by_question_)?(val|test|heldout)")


@dataclass(frozen=True)
class Data:
    """A data set that is there.

    Attributes:
        name: as given. splits: those it has.
        read: (split, languages) -> samples.
        guessed: how questions are made from labels, where no schema says so.
    """

    name: str
    splits: tuple[str, ...]
    read: Callable[[str, Sequence[str]], Iterator[Sample]]
    guessed: Schema | None = None

    def samples(self, split: str, languages: Sequence[str] = ("en",)) -> list[Sample]:
        """The samples of a split.

        Raises:
            ConfigError: there is no such split. DataError: the data is off, or the split empty.
        """
        if split not in self.splits:
            raise ConfigError(
                f"{self.name} has no split {split!r}; it has: {', '.join(self.splits) or 'none'}."
            )
        found = list(self.read(split, languages))
        if not found:
            raise DataError(f"{self.name} has no questions in the split {split!r}.")
        return found

    def training_samples(self, split: str, languages: Sequence[str] = ("en",)) -> list[Sample]:
        """As `samples`, but refuses what is meant for evaluation.

        Raises:
            ConfigError: also when `split` is an evaluation split.
        """
        refuse_evaluation(self.name, split)
        return self.samples(split, languages)


def refuse_evaluation(name: str, split: str) -> None:
    """Raises ConfigError when `split` of the data `name` is what figures are measured on."""
    if is_evaluation(split):
        raise ConfigError(
            f"{name}: the split {split!r} is for evaluation, and training on it makes its figures "
            "worthless; choose another."
        )


def is_evaluation(split: str) -> bool:
    """Whether figures are measured on a split, so that it is never trained on."""
    return _FOR_EVALUATION.match(split) is not None


def training_split(data: Data, split: str) -> str | None:
    """The split that a model is trained on before it is measured on `split`: "train2014" for
    "val2014", "by_question_train" for "by_question_test"; None when the data has none."""
    train = re.sub("val|test", "train", split)
    return train if train != split and train in data.splits else None


def held_back(picture: Path, share: float) -> bool:
    """Whether a training picture is among the `share` in [0, 1] that training leaves out for
    calibration; its name decides, so that it is the same everywhere."""
    digest = hashlib.blake2b(picture.name.encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32 < share


def split_name(name: str) -> tuple[str, str]:
    """ "clevr:DIR" -> ("clevr", "DIR").

    Raises:
        ConfigError: it has no such form, or the kind is not known; lists the kinds.
    """
    kind, colon, where = name.partition(":")
    if not colon or not where or kind not in KINDS:
        raise ConfigError(f"Data {name!r} is not one of: {'; '.join(KINDS.values())}.")
    return kind, where


def existing_folder(where: str) -> Path:
    """Raises DataError when there is no such folder."""
    path = Path(where).expanduser()
    if not path.is_dir():
        raise DataError(f"There is no folder {path}; give the folder that holds the data.")
    return path


def open_data(
    name: str,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Data:
    """The data set `name`, "KIND:WHERE".

    Args:
        workers, progress: for data that is drawn on first use (see `heldout.held_out`).

    Raises:
        ConfigError: unknown kind. DataError: it is not there, or is malformed.
    """
    kind, where = split_name(name)
    if kind == "world":
        readers = {
            "heldout": heldout.held_out,
            "replies": heldout.held_out_replies,
            "dialogues": heldout.held_out_dialogues,
        }
        if where not in readers:
            known = ", ".join(f"world:{part}" for part in readers)
            raise ConfigError(f"Data {name!r} is not known; there are {known}.")
        return Data(
            name,
            ("heldout",),
            lambda _, languages: _each(
                languages, lambda lang: readers[where](lang, workers=workers, progress=progress)
            ),
        )
    if kind in ("labels", "grocery"):
        table = label_table(name)
        guessed = table.schema if table.guessed else None
        return Data(name, tuple(table.splits), table.samples, guessed)
    root = existing_folder(where)
    if kind == "clevr":
        return Data(
            name,
            tuple(clevr.splits(root)),
            lambda split, languages: _each(
                languages, lambda lang: clevr.read_questions(root, split, lang)
            ),
        )
    reader = {"vqa_v2": vqa_v2, "easy_vqa": easy_vqa, "daquar": daquar, "folder": folder}[kind]
    return Data(name, tuple(reader.splits(root)), lambda split, _: reader.read(root, split))


def label_table(name: str) -> LabelTable:
    """The table behind "labels:FILE.csv[,SCHEMA.json]" or "grocery:DIR[,SCHEMA.json]".

    Raises:
        DataError: it is not there, or is malformed.
    """
    kind, both = split_name(name)
    where, comma, given = both.partition(",")
    schema = Path(given).expanduser() if comma else None
    if kind == "grocery":
        return grocery.table(existing_folder(where), schema)
    path = Path(where).expanduser()
    if not path.is_file():
        raise DataError(f"There is no file {path}; give the CSV file with the labels.")
    return LabelTable(path, schema)


def _each(languages: Sequence[str], read: Callable[[str], list[Sample]]) -> Iterator[Sample]:
    for language in languages:
        yield from read(language)


def evaluation_split(data: Data) -> str:
    """The split that is measured when none is named: test, else val, else the only one.

    Raises:
        DataError: there is none, or only one for training.
    """
    for split in ("heldout", "test", "val"):
        if split in data.splits:
            return split
    if not data.splits:
        raise DataError(f"{data.name} has no questions with answers.")
    if data.splits[-1] == "train":
        raise DataError(
            f"All pictures of {data.name} are for training; add pictures, or a column split with "
            "test in some rows (--split train measures what was learned by heart)."
        )
    return data.splits[-1]
