"""Data by name: "KIND:WHERE" -> samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vqa.data import clevr, heldout
from vqa.data.sample import Sample
from vqa.errors import ConfigError, DataError

KINDS = {
    "world": "world:heldout (drawn on first use)",
    "clevr": "clevr:DIR (a folder in CLEVR's layout)",
}


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
    folder = Path(where).expanduser()
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; give the folder that holds the data.")
    return folder


def evaluation_samples(
    name: str,
    language: str = "en",
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """The samples that `name` stands for.

    Raises:
        ConfigError: unknown kind. DataError: the data is missing or malformed.
    """
    kind, where = split_name(name)
    if kind == "clevr":
        return clevr.read_questions(existing_folder(where), language=language)
    if where != "heldout":
        raise ConfigError(f"Data {name!r} is not known; the simulated world has: world:heldout.")
    return heldout.held_out(language, workers=workers, progress=progress)
