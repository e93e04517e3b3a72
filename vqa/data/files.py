"""Reading data files so that whatever is off is named: the file, the record, and the remedy."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from vqa.errors import DataError, plainly
from vqa.rows import unreadable

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def read_json(path: Path) -> object:
    """Raises DataError when `path` is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not readable JSON: {plainly(error)}.") from error


def read_json_lines(path: Path) -> Iterator[tuple[str, dict]]:
    """(place like "FILE, line 3", object) of each line; empty lines are passed over."""
    for place, line in read_lines(path):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise DataError(f"{place}: not JSON ({error}).") from error
        if not isinstance(value, dict):
            raise DataError(f"{place}: should be an object with named values.")
        yield place, value


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(place like "FILE, line 3", line) of each line that is not empty."""
    # Not splitlines(): JSON may hold the other line separators of Unicode as they are.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield f"{path}, line {number}", line


def read_csv(path: Path, needed: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """(place like "FILE, row 3", column -> text) of each row; the header is row 1.

    Raises:
        DataError: no header, a needed column is missing, a column is there twice, or a row has too
            many or few values.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        header, *rows = list(reader) or [[]]
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}; is a quotation mark left open?"
        ) from error
    header = [name.strip() for name in header]
    if not any(header):
        raise DataError(f"{path} is empty; its first line should name the columns.")
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(f"{path} has two columns {twice[0]!r}; rename one.")
    lacking = [name for name in needed if name not in header]
    if lacking:
        hint = "; separate columns by commas" if len(header) == 1 else ""
        raise DataError(
            f"{path} lacks the column {lacking[0]!r}; it has: {', '.join(header)}{hint}."
        )
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {number}: {len(row)} values where the header names {len(header)}; "
                "texts with commas need quotes."
            )
        values = (value.strip() for value in row)
        yield f"{path}, row {number}", dict(zip(header, values, strict=True))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def copies(files: Sequence[Path], others: Sequence[Path]) -> set[Path]:
    """Those of `files` whose bytes are those of one of `others`."""
    sizes = {path.stat().st_size for path in others}
    alike = [path for path in files if path.stat().st_size in sizes]
    known = {content(path) for path in others}
    return {path for path in alike if content(path) in known}


def content(path: Path) -> bytes:
    """16 bytes that files of the same content share."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()


class Pictures:
    """Finds pictures by name; each folder is listed once, however many questions there are.

    Args:
        folders: searched in this order.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = [folder for folder in folders if folder.is_dir()]
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, name: str, place: str) -> Path:
        """The picture `name`: a path below one of the folders, its suffix may be left out.

        Raises:
            DataError: there is none; names `place`.
        """
        wanted = Path(name)
        if name and not wanted.is_absolute() and ".." not in wanted.parts:
            for folder in self.folders:
                found = self._listed(folder / wanted.parent).get(wanted.name)
                if found is not None:
                    return folder / wanted.parent / found
        searched = ", ".join(str(folder) for folder in self.folders) or "no folder"
        raise DataError(f"{place}: there is no picture {name!r} (searched: {searched}).")

    def _listed(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            names: dict[str, str] = {}
            try:
                paths = sorted(folder.iterdir()) if folder.is_dir() else []
            except OSError:  # a name longer than the system allows, or a folder not to be read
                paths = []
            for path in paths:
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    names[path.name] = path.name
                    names.setdefault(path.stem, path.name)
            self._names[folder] = names
        return self._names[folder]
