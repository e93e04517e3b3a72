"""The official VQA v2 format (Goyal et al. 2017): questions, annotations, COCO image names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vqa.data.files import Pictures, read_json
from vqa.data.sample import Sample
from vqa.errors import DataError

# Splits with questions whose pictures are elsewhere; they teach words.
TEXT_ONLY = "text_only"
_QUESTIONS = "v2_OpenEnded_mscoco_{split}_questions.json"
_ANNOTATIONS = "v2_mscoco_{split}_annotations.json"


def splits(folder: Path) -> list[str]:
    """The splits whose questions and annotations are in `folder`, with pictures."""
    return [s for s in _all_splits(folder) if not s.startswith(TEXT_ONLY)]


def text_splits(folder: Path) -> list[str]:
    """The splits that have no pictures, only questions and answers (see `read_text`)."""
    return [s for s in _all_splits(folder) if s.startswith(TEXT_ONLY)]


def _all_splits(folder: Path) -> list[str]:
    before, after = _QUESTIONS.split("{split}")
    found = [p.name[len(before) : -len(after)] for p in sorted(folder.glob(f"{before}*{after}"))]
    return [s for s in found if (folder / _ANNOTATIONS.format(split=s)).is_file()]


def read(folder: Path, split: str) -> Iterator[Sample]:
    """Samples with ten answers each; the kind is the annotations' answer type.

    Pictures are looked for as `images/<subtype>/`, `<subtype>/` and `images/`, under the name
    `COCO_<subtype>_<12 digits>.jpg`.

    Raises:
        DataError: see `vqa.data.files`; also a duplicate or unknown question id, a picture id that
            is no number, an empty question, or no answers.
    """
    pictures: Pictures | None = None
    for place, subtype, question, answers, kind in _joined(folder, split):
        if pictures is None:
            places = (folder / "images" / subtype, folder / subtype, folder / "images")
            pictures = Pictures(*places)
        name = f"COCO_{subtype}_{_number(question, 'image_id', place):012d}"
        yield Sample(pictures.find(name, place), question["question"], answers, kind)


def read_text(folder: Path, split: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(question, answers) of a split whose pictures may be missing.

    Raises:
        DataError: as `read`.
    """
    for _, _, question, answers, _ in _joined(folder, split):
        yield question["question"], answers


def _joined(folder: Path, split: str) -> Iterator[tuple[str, str, dict, tuple[str, ...], str]]:
    questions_path = folder / _QUESTIONS.format(split=split)
    annotations_path = folder / _ANNOTATIONS.format(split=split)
    questions = _entries(questions_path, "questions")
    annotations: dict[int, dict] = {}
    for number, entry in enumerate(_entries(annotations_path, "annotations")):
        place = f"{annotations_path}, annotation {number}"
        key = _number(entry, "question_id", place)
        if key in annotations:
            raise DataError(f"{place}: question id {key} is there twice.")
        annotations[key] = entry
    subtype = str(read_json(questions_path).get("data_subtype", split))
    seen: set[int] = set()
    for number, entry in enumerate(questions):
        place = f"{questions_path}, question {number}"
        key = _number(entry, "question_id", place)
        asked = _field(entry, "question", place)
        if not isinstance(asked, str) or not asked.strip():
            raise DataError(f"{place}: the question is empty.")
        if key in seen:
            raise DataError(f"{place}: question id {key} is there twice.")
        seen.add(key)
        if key not in annotations:
            raise DataError(f"{place}: question id {key} has no annotation.")
        annotation = annotations[key]
        try:
            answers = tuple(str(a["answer"]) for a in annotation["answers"])
        except (KeyError, TypeError) as error:
            raise DataError(f"{annotations_path}, question id {key}: malformed answers.") from error
        if not answers:
            raise DataError(f"{annotations_path}, question id {key}: there are no answers.")
        yield place, subtype, entry, answers, str(annotation.get("answer_type", "other"))


def _field(entry: dict, name: str, place: str):
    if name not in entry:
        raise DataError(f"{place}: {name} is missing.")
    return entry[name]


def _number(entry: dict, name: str, place: str) -> int:
    """An id."""
    value = _field(entry, name, place)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise DataError(f"{place}: {name} should be a number, not {value!r}.") from None


def _entries(path: Path, key: str) -> list[dict]:
    value = read_json(path)
    entries = value.get(key) if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise DataError(f"{path} should hold a list under {key!r}, as VQA v2's files do.")
    if not entries:
        raise DataError(f"{path} holds no {key}.")
    return entries
