"""What commands share: reading options, moving progress bars."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path


class OneLineParser(argparse.ArgumentParser):
    """Answers a wrong option in one line, with exit code 2."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message.rstrip('.')}; see {self.prog} --help.\n")


def number(low: int, high: int):
    """A reader of whole numbers from `low` to `high`, for `add_argument(type=...)`."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return read


def moved(bar):
    """What moves a progress bar: (done, total). Its clock starts at the first call."""

    def move(done: int, total: int) -> None:
        if bar.total != total:
            bar.total, bar.start_t = total, time.time()
        bar.update(done - bar.n)

    return move


def public(typed: Sequence[str]) -> str:
    """A command as others may see it: folders outside this one are cut to their last part."""
    shown = []
    for word in typed:
        kind, colon, where = word.rpartition(":")
        shown.append(kind + colon + ",".join(_named(part) for part in where.split(",")))
    return shlex.join(shown)


def _named(path: str) -> str:
    outside = Path(path).is_absolute() or path.startswith("..")
    return Path(path).name if outside else path
