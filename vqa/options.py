"""What commands share: reading options, moving progress bars."""

from __future__ import annotations

import argparse
import time


class OneLineParser(argparse.ArgumentParser):
    """Answers a wrong option in one line, with exit code 2."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


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
