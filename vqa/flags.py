"""Disputed answers with their corrections, kept as a `folder:` data set that can be trained on."""

from __future__ import annotations

import io
import json
import os
import tempfile
import threading
from pathlib import Path

from PIL import Image

from vqa.errors import ConfigError, DataError
from vqa.image import content_hash
from vqa.text import MAX_QUESTION_CHARS

MAX_ANSWER_CHARS = 200
MAX_BYTES = 2**30


class Flags:
    """A folder with `questions.jsonl` and `images`; one server writes to it at a time.

    A picture is on the disk before the row that names it, and a row is there when `add` returns,
    whatever ends the process afterwards. A row that was not written to its end is removed by the
    next start or row.

    Args:
        folder: made when missing. most: bytes of pictures and rows that it may hold.

    Raises:
        ConfigError: the folder cannot be written.
    """

    def __init__(self, folder: Path, most: int = MAX_BYTES) -> None:
        self.folder, self._most, self._lock = folder, most, threading.Lock()
        self._images, self._rows = folder / "images", folder / "questions.jsonl"
        if (folder / "questions.csv").exists():
            raise ConfigError(
                f"--flags {folder} holds a questions.csv; choose a folder of its own."
            )
        try:
            self._images.mkdir(parents=True, exist_ok=True)
            self._open().close()
            self._bytes = sum(file.stat().st_size for file in self._images.iterdir())
        except OSError as error:
            raise ConfigError(
                f"--flags {folder} cannot be written ({error.strerror or error}); "
                "choose another folder."
            ) from error

    def add(self, image: Image.Image, question: str, correction: str, given: dict) -> None:
        """Keeps one correction.

        Args:
            image: from `load_image`; stored as PNG, without what a camera wrote into its file.
            question: stands alone. correction: the right answer.
            given: what else the row says, such as the answer that is disputed.

        Raises:
            DataError: the correction is empty or too long, the question is, or the folder is full
                or cannot be written.
        """
        correction = " ".join(correction.split())
        if not correction or len(correction) > MAX_ANSWER_CHARS:
            raise DataError(
                f"The right answer has {len(correction)} characters; it must have 1 to "
                f"{MAX_ANSWER_CHARS}.",
                zh=f"正确答案有 {len(correction)} 个字符，应为 1 到 {MAX_ANSWER_CHARS} 个。",
            )
        if not question.strip() or len(question) > MAX_QUESTION_CHARS:
            raise DataError("The question is empty or too long.", zh="问题为空或过长。")
        name = f"{content_hash(image)}.png"
        # A list: in a text "|" would part it into several answers.
        row = {"image": name, "question": question, "answer": [correction]} | given
        try:
            with self._lock:
                self._keep(image, name)
                self._append(json.dumps(row).encode() + b"\n")
        except OSError as error:
            raise DataError(
                f"The correction cannot be stored ({error.strerror or error}).",
                zh="无法保存更正，请告诉网站管理员。",
            ) from error

    def _keep(self, image: Image.Image, name: str) -> None:
        path = self._images / name
        if path.exists():
            return
        file = io.BytesIO()
        image.save(file, "PNG")
        if self._bytes + file.tell() + self._rows.stat().st_size > self._most:
            raise DataError(
                "The host's folder for corrections is full; please tell the host.",
                zh="保存更正的文件夹已满，请告诉网站管理员。",
            )
        handle, part = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(file.getbuffer())
                target.flush()
                os.fsync(target.fileno())
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        self._bytes += file.tell()
        _sync_folder(self._images)

    def _append(self, line: bytes) -> None:
        with self._open() as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _open(self):
        """The rows, opened at their end, behind the last whole one."""
        new = not self._rows.exists()
        file = self._rows.open("a+b")
        size = file.seek(0, os.SEEK_END)
        start = max(size - 2**16, 0)  # longer than any row
        file.seek(start)
        tail = file.read()
        file.truncate(start + tail.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        if new:
            _sync_folder(self.folder)
        return file


def _sync_folder(folder: Path) -> None:
    """Makes the names in a folder lasting; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
