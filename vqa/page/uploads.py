"""Pictures that were uploaded together, singly or in zip files, found by the names in a table."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vqa.data.files import IMAGE_SUFFIXES
from vqa.errors import DataError

MAX_PICTURES = 10_000
MAX_UNPACKED = 512 * 2**20  # bytes out of the zip files of one upload


@dataclass(frozen=True)
class Upload:
    """A file of a visitor: where it lies, and the name it had."""

    path: str
    name: str


@dataclass(frozen=True)
class _Member:
    """A picture in a zip file."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo


class Pictures:
    """Finds pictures by name; what is in a zip file is unpacked when it is asked for.

    A name in a table may leave out folders, as long as only one picture is meant. Nothing outside
    the upload can be named: names are only looked up.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._known: dict[str, Path | _Member] = {}
        self._short: dict[str, list[str]] = {}
        self._left = MAX_UNPACKED

    def __len__(self) -> int:
        return len(self._known)

    def add(self, name: str, what: Path | _Member) -> None:
        """Makes a picture known by its name."""
        name = name.replace("\\", "/")
        self._known[name] = what
        self._short.setdefault(PurePosixPath(name).name, []).append(name)

    def find(self, name: str) -> Path:
        """The file of a picture.

        Raises:
            DataError: there is none of that name, there are several, or it cannot be unpacked.
        """
        name = name.strip().replace("\\", "/").removeprefix("./")
        full = name if name in self._known else self._only(name)
        found = self._known[full]
        if isinstance(found, _Member):
            found = self._known[full] = self._unpack(full, found)
        return found

    def _only(self, name: str) -> str:
        names = self._short.get(name) or self._short.get(PurePosixPath(name).name, [])
        if len(names) == 1:
            return names[0]
        shown = name[:60]
        if names:
            raise DataError(
                f"Several uploaded pictures are called {shown}; name it with its folder.",
                zh=f"上传的图片里有好几张叫 {shown}，请写上文件夹。",
            )
        raise DataError(
            f"There is no picture {shown} among those uploaded.",
            zh=f"上传的图片里没有 {shown}。",
        )

    def _unpack(self, name: str, member: _Member) -> Path:
        short = PurePosixPath(name).name[:80]
        allowed = min(self._most, self._left)
        try:
            with member.archive.open(member.info) as file:
                # The size that the zip file states may be a lie.
                data = file.read(allowed + 1)
        except Exception as error:  # damaged archives raise nearly anything
            raise DataError(
                f"{short} cannot be unpacked; is the zip file damaged or encrypted?",
                zh=f"无法解压 {short}，压缩文件是否损坏或加密？",
            ) from error
        if len(data) > allowed:
            raise DataError(
                f"{short} is larger than a picture may be, or all of them are together.",
                zh=f"{short} 或所有图片的总大小超过了上限。",
            )
        self._left -= len(data)
        # A folder for each, so that messages name the picture as its owner does.
        place = Path(tempfile.mkdtemp(dir=self._folder)) / short
        place.write_bytes(data)
        return place


@contextmanager
def opened(uploads: Sequence[Upload], most: int) -> Iterator[Pictures]:
    """The pictures of an upload, as long as the block lasts.

    Args:
        most: the largest picture, bytes.

    Raises:
        DataError: a zip file cannot be read, or there are more than `MAX_PICTURES`.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vqa-many-")))
        pictures = Pictures(folder, most)
        for upload in uploads:
            if upload.name.lower().endswith(".zip"):
                for member in _members(upload, stack):
                    pictures.add(member.info.filename, member)
            else:
                pictures.add(upload.name, Path(upload.path))
        if len(pictures) > MAX_PICTURES:
            raise DataError(
                f"There are {len(pictures):,} pictures and the limit is {MAX_PICTURES:,}; "
                "upload them in parts.",
                zh=f"共有 {len(pictures):,} 张图片，上限是 {MAX_PICTURES:,} 张，请分批上传。",
            )
        yield pictures


def _members(upload: Upload, stack: ExitStack) -> list[_Member]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(upload.path))
    except Exception as error:  # damaged archives raise nearly anything
        name = upload.name[:60]
        raise DataError(
            f"{name} is not a zip file that can be read; pack it anew.",
            zh=f"无法读取压缩文件 {name}，请重新打包。",
        ) from error
    return [
        _Member(archive, info)
        for info in archive.infolist()
        if PurePosixPath(info.filename).suffix.lower() in IMAGE_SUFFIXES and not info.is_dir()
    ]
