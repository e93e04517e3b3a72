"""CLEVR's file formats (Johnson et al. 2017): what `simulate` writes and CLEVR itself is.

A folder holds `images/`, `scenes.json` and `questions.json`, or is laid out as CLEVR v1.0
(`images/<split>/`, `scenes/CLEVR_<split>_scenes.json`, `questions/CLEVR_<split>_questions.json`).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vqa.data.renders import Renders, labels_of_clevr
from vqa.data.sample import Sample
from vqa.errors import DataError, plainly
from vqa.image import load_image, resized
from vqa.world.families import family_of
from vqa.world.plans import plan_of
from vqa.world.programs import program_from_clevr
from vqa.world.scene import Scene, scene_from_clevr


def _file(folder: Path, kind: str, split: str) -> Path:
    choices = [folder / f"{kind}.json", folder / kind / f"CLEVR_{split}_{kind}.json"]
    for path in choices:
        if path.is_file():
            return path
    shown = " nor ".join(str(path) for path in choices)
    raise DataError(f"There is neither {shown}; give a folder in CLEVR's layout.")


def splits(folder: Path) -> list[str]:
    """The splits with questions and answers; a folder with `questions.json` counts as "val"."""
    if (folder / "questions.json").is_file():
        return ["val"]
    path = folder / "questions"
    return [s for s in ("train", "val") if (path / f"CLEVR_{s}_questions.json").is_file()]


def _images(folder: Path, split: str) -> Path:
    for path in (folder / "images" / split, folder / "images"):
        if path.is_dir():
            return path
    raise DataError(f"{folder} has no images folder; give a folder in CLEVR's layout.")


def _entries(path: Path, kind: str) -> list[dict]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not readable JSON: {plainly(error)}.") from error
    entries = found.get(kind) if isinstance(found, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise DataError(f"{path} should hold a list under {kind!r}, as CLEVR's files do.")
    if not entries:
        raise DataError(f"{path} holds no {kind}.")
    return entries


def read_questions(folder: Path, split: str = "val", language: str | None = None) -> list[Sample]:
    """The questions of a folder in CLEVR's layout.

    The kind of a sample is the family of its program, or "other" where there is no program.

    Args:
        split: the part of CLEVR v1.0 to read; of no meaning in a folder with `questions.json`.
        language: keep only questions with this value of the key "language" (`simulate` writes
            it; questions without the key are English).

    Raises:
        DataError: a file or picture is missing or malformed; names file and record.
    """
    path, images = _file(folder, "questions", split), _images(folder, split)
    samples: list[Sample] = []
    there: dict[str, bool] = {}
    for place, entry in enumerate(_entries(path, "questions")):
        if language is not None and entry.get("language", "en") != language:
            continue
        try:
            name = entry["image_filename"]
            question, answer = entry["question"], str(entry["answer"])
            program = entry.get("program")
            kind = family_of(plan_of(program_from_clevr(program))) if program else "other"
        except KeyError as error:
            raise DataError(f"{path}, question {place}: {error.args[0]} is missing.") from error
        except DataError as error:
            raise DataError(f"{path}, question {place}: {error}") from error
        if name not in there:
            there[name] = (images / name).is_file()
        if not there[name]:
            raise DataError(f"{path}, question {place}: picture {images / name} is missing.")
        samples.append(Sample(images / name, question, (answer,), kind))
    if not samples:
        raise DataError(f"{path} has no question in the language {language!r}.")
    return samples


def read_scenes(folder: Path, split: str = "val") -> list[tuple[Path, Scene]]:
    """Pictures and scenes of a folder in CLEVR's layout.

    Raises:
        DataError: as `read_questions`.
    """
    path, images = _file(folder, "scenes", split), _images(folder, split)
    found = []
    for place, entry in enumerate(_entries(path, "scenes")):
        scene = scene_from_clevr(entry)
        if not (images / scene.filename).is_file():
            raise DataError(f"{path}, scene {place}: picture {images / scene.filename} is missing.")
        found.append((images / scene.filename, scene))
    return found


def read_renders(folder: Path, width: int, height: int, split: str = "train") -> Renders:
    """Pictures with labels for training perception, shrunk to `width` x `height` pixels.

    The camera, which CLEVR's files do not hold, is fitted to each scene's pixel coordinates.
    """
    images, rows = [], []
    for path, scene in read_scenes(folder, split):
        images.append(np.array(resized(load_image(path), (width, height))))
        rows.append(labels_of_clevr(scene))
    return Renders(np.stack(images), **{n: np.stack([r[n] for r in rows]) for n in rows[0]})
