"""How long each contender may train."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_QUESTIONS = {"k": 1_000, "M": 1_000_000}
_MOST = 100  # hours, or million questions


@dataclass(frozen=True)
class Budget:
    """`seconds` of training or a number of `questions`; the other one is None.

    `text` is how it was typed.
    """

    text: str
    seconds: float | None = None
    questions: int | None = None


def read_budget(text: str) -> Budget:
    """ "90s", "30m", "1h", "200k" or "2M" as a budget, for `add_argument(type=...)`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhkM])", text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a budget like 90s, 30m or 1h of training, or 200k or 2M questions"
        )
    amount, unit = float(found[1]), found[2]
    timed = unit in _SECONDS
    size = amount * (_SECONDS | _QUESTIONS)[unit]
    if not 1 <= size <= _MOST * (3600 if timed else 1_000_000):
        raise argparse.ArgumentTypeError(
            f"{text!r} must be 1s to {_MOST}h of training, or 0.001k to {_MOST}M questions"
        )
    return Budget(text, seconds=size) if timed else Budget(text, questions=int(size))
