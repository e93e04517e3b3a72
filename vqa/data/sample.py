"""One question about one picture, as every data format gives it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """A question with its answer.

    Attributes:
        image: path of the picture. question: as written.
        answer: as written, in the language of the question.
        kind: type of question that figures are split by.
    """

    image: Path
    question: str
    answer: str
    kind: str
