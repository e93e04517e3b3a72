"""The files that a visitor sent for many questions: one table, and pictures, zipped or not.

A file of a zip goes to a folder with a number, so that no name in it leads elsewhere.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gradio_client.utils import strip_invalid_filename_characters

from vqa.data.files import IMAGE_SUFFIXES
from vqa.errors import DataError

TABLES = (".csv", ".jsonl")
PICTURES = (*IMAGE_SUFFIXES, ".avif")
ACCEPTED = [*TABLES, *PICTURES, ".zip"]
_PIECE = 2**20
_DAMAGED = (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class UnpackLimits:
    """What one visitor may send at once.

    Attributes:
        rows: questions. files: pictures and tables, those in zips included.
        file_bytes: the largest of them. all_bytes: all that zips unpack to.
    """

    rows: int = 2000
    files: int = 2000
    file_bytes: int = 10 * 2**20
    all_bytes: int = 256 * 2**20


@dataclass
class Unpacked:
    """The table, and the file of each picture by its name; `folder` is the zips' content."""

    folder: Path
    tables: list[Path] = field(default_factory=list)
    pictures: dict[str, Path] = field(default_factory=dict)
    count: int = 0
    total: int = 0

    @property
    def table(self) -> Path:
        """Raises: DataError: there is no table, or more than one."""
        if len(self.tables) != 1:
            raise DataError(
                f"There are {len(self.tables)} tables of questions among the files; send one "
                ".csv or .jsonl file, and the pictures or a zip of them.",
                zh=f"文件中有 {len(self.tables)} 个问题表格，请只上传一个 .csv 或 .jsonl 文件，"
                "以及图片或图片的 zip 压缩包。",
            )
        return self.tables[0]

    def find(self, name: str) -> Path:
        """The picture of a row; a path without a file where there is none of that name.

        A name may lead through folders, as in the zip; the last part is enough.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        known = (str(parts), parts.name, _plain(parts.name))
        path = next((self.pictures[name] for name in known if name in self.pictures), None)
        return path or self.folder / "none" / (parts.name or "?")

    def add(self, name: str, path: Path) -> None:
        """Takes a file by its name; the first of one name counts."""
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.suffix.lower() in TABLES:
            self.tables.append(path)
        else:
            self.pictures.setdefault(str(parts), path)
            self.pictures.setdefault(parts.name, path)
            self.pictures.setdefault(_plain(parts.name), path)


def _plain(name: str) -> str:
    """A file's name as Gradio keeps it when it is uploaded: letters, digits, " ._-,"."""
    return strip_invalid_filename_characters(name)[-80:]


def unpack(files: Sequence[str], folder: Path, limits: UnpackLimits) -> Unpacked:
    """Sorts the files, and unpacks zips into `folder`.

    Raises:
        DataError: a zip is damaged or encrypted, or something is beyond the limits.
    """
    found = Unpacked(folder)
    for file in map(Path, files):
        if file.suffix.lower() == ".zip":
            _unzip(file, found, limits)
        else:
            _count(found, limits)
            found.add(file.name, file)
    return found


def _unzip(file: Path, found: Unpacked, limits: UnpackLimits) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                suffix = PurePosixPath(info.filename).suffix.lower()
                hidden = info.filename.startswith("__MACOSX/")
                if info.is_dir() or hidden or suffix not in (*TABLES, *PICTURES):
                    continue
                _count(found, limits)
                path = found.folder / str(found.count) / _plain(PurePosixPath(info.filename).name)
                path.parent.mkdir()
                _extract(archive, info, path, found, limits)
                found.add(info.filename, path)
    except (*_DAMAGED, lzma.LZMAError) as error:
        raise DataError(
            f"The zip file {file.name} is damaged or encrypted; pack it anew, without a password.",
            zh=f"压缩包 {file.name} 已损坏或已加密，请重新打包，不要设密码。",
        ) from error


def _extract(archive, info, path: Path, found: Unpacked, limits: UnpackLimits) -> None:
    """Writes one file, counting what really comes out: headers may lie."""
    size = 0
    with archive.open(info) as source, path.open("wb") as target:
        while piece := source.read(_PIECE):
            size += len(piece)
            found.total += len(piece)
            name = PurePosixPath(info.filename).name[-60:]
            if size > limits.file_bytes:
                _refuse(f"{name} in the zip", f"压缩包中的 {name} ", limits.file_bytes)
            if found.total > limits.all_bytes:
                _refuse("What the zip holds", "压缩包中的内容", limits.all_bytes)
            target.write(piece)


def _refuse(what: str, zh: str, most: int) -> None:
    size = f"{most / 2**20:.0f} MB" if most >= 2**20 else f"{most / 2**10:.0f} KB"
    raise DataError(f"{what} is larger than {size}; send less.", zh=f"{zh}超过 {size}，请减少。")


def _count(found: Unpacked, limits: UnpackLimits) -> None:
    found.count += 1
    if found.count > limits.files:
        raise DataError(
            f"There are more than {limits.files:,} files; send fewer at once.",
            zh=f"文件超过 {limits.files:,} 个，请分批上传。",
        )
