"""Links that reproduce a question: its picture, words and model, kept for a while."""

from __future__ import annotations

import json
import re
import secrets
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vqa.errors import DataError, QuestionError
from vqa.text import MAX_QUESTION_CHARS

LINK_SECONDS = 7 * 24 * 3600
MAX_LINKS = 500  # the oldest make room for new ones
MAX_LINKS_BYTES = 512 * 2**20
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Linked:
    """What a link shows: a picture's file, the question, and the checkpoint that was chosen."""

    picture: Path
    question: str
    model: str


class Links:
    """Kept in a folder that is removed when the server ends; nobody can list them."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vqa-links-")
        self._lock = threading.Lock()

    def make(self, image: Image.Image, question: str, model: str) -> str:
        """Keeps a question; returns its token of 22 letters, which cannot be guessed.

        Raises:
            QuestionError: the question is too long to be asked.
        """
        if len(question) > MAX_QUESTION_CHARS:
            raise QuestionError(
                f"The question has {len(question):,} characters and the limit is "
                f"{MAX_QUESTION_CHARS}; shorten it.",
                zh=f"问题有 {len(question):,} 个字符，上限为 {MAX_QUESTION_CHARS}，请缩短。",
            )
        token, folder = secrets.token_urlsafe(16), Path(self._folder.name)
        with self._lock:
            # PNG, so that the very same picture is asked about; without the file's metadata.
            image.save(folder / f"{token}.png", "PNG")
            text = json.dumps({"question": question, "model": model})
            (folder / f"{token}.json").write_text(text, encoding="utf-8")
            self._make_room(folder)
        return token

    def find(self, token: str) -> Linked:
        """Raises: DataError: there is no such link, or no longer."""
        path = Path(self._folder.name) / f"{token}.json"
        try:
            if not _TOKEN.fullmatch(token) or _age(path) > LINK_SECONDS:
                raise FileNotFoundError(token)
            kept = json.loads(path.read_text(encoding="utf-8"))
            return Linked(path.with_suffix(".png"), kept["question"], kept["model"])
        except FileNotFoundError:
            raise DataError(
                "This link is not kept any more; ask for a new one.",
                zh="这个链接已失效，请重新生成。",
            ) from None

    def _make_room(self, folder: Path) -> None:
        kept = sorted(folder.glob("*.json"), key=_age)
        total = 0
        for number, path in enumerate(kept):
            picture = path.with_suffix(".png")
            total += picture.stat().st_size
            late = _age(path) > LINK_SECONDS or number >= MAX_LINKS
            if late or (total > MAX_LINKS_BYTES and number):
                path.unlink()
                picture.unlink()


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime
