"""The errors a user may see.

Each carries one sentence that names the input and the remedy. The page shows it, the command
line prints it and exits with 2, the HTTP API returns it with a 4xx status. Any other exception
that reaches a user is a bug.
"""

from __future__ import annotations

import traceback


class VQAError(Exception):
    """Base of all errors meant for a user; `str(error)` is the sentence to show.

    Args:
        message: the sentence in English.
        zh: the same sentence in Chinese, for errors that a visitor of the page can cause.
    """

    def __init__(self, message: str, zh: str = "") -> None:
        super().__init__(message)
        self.zh = zh

    def sentence(self, language: str) -> str:
        """The sentence in `language` ("en" or "zh"); English where there is no translation."""
        return self.zh if language == "zh" and self.zh else str(self)


class ImageError(VQAError):
    """The picture cannot be read, or is too large or too small."""


class AudioError(VQAError):
    """The recording cannot be read, is silent, or is too short or too long."""


class QuestionError(VQAError):
    """The question is empty, too long, or has no word the model knows."""


class CheckpointError(VQAError):
    """A checkpoint folder is missing, damaged, foreign, or of another version."""


class DataError(VQAError):
    """A data set, scene or question file is not what its format says."""


class ConfigError(VQAError):
    """An option or a configuration value is not valid."""


class BusyError(VQAError):
    """More requests wait than may wait.

    Args:
        retry_after: seconds after which asking again makes sense, a whole number from 1.
        why, why_zh: what keeps it from answering now, without a full stop.
    """

    def __init__(
        self, retry_after: int, why: str = "The server is busy", why_zh: str = "服务器繁忙"
    ) -> None:
        super().__init__(
            f"{why}; try again in {retry_after} s.", zh=f"{why_zh}，请 {retry_after} 秒后再试。"
        )
        self.retry_after = retry_after


class StoppingError(VQAError):
    """The service is being stopped and takes nothing new."""

    def __init__(self) -> None:
        super().__init__(
            "The server is stopping; try again in a minute.", zh="服务正在停止，请一分钟后再试。"
        )


_WHY = {
    PermissionError: "permission is denied",
    NotADirectoryError: "a part of its path is a file, not a folder",
    FileExistsError: "a file is in its way",
    IsADirectoryError: "it is a folder",
}


def plainly(error: Exception, writing: bool = False) -> str:
    """Why a file cannot be read, or written, in words without the system's numbers."""
    if isinstance(error, FileNotFoundError):
        return "there is no folder for it" if writing else "there is no such file"
    known = next((words for kind, words in _WHY.items() if isinstance(error, kind)), None)
    return known or getattr(error, "strerror", None) or str(error)


def described(error: BaseException) -> str:
    """Where a bug struck, for a log: its message is left out, it may hold what somebody asked."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
