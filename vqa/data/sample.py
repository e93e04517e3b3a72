"""One question about one picture, as every data format gives it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from vqa.text import normalize_answer
from vqa.vqa_accuracy import vqa_accuracy


@dataclass(frozen=True)
class Sample:
    """A question with its answers.

    Attributes:
        image: path of the picture. question: as written.
        answers: as written, in the language of the question; one of each annotator, or just one.
        kind: type of question that figures are split by.
    """

    image: Path
    question: str
    answers: tuple[str, ...]
    kind: str

    @property
    def answer(self) -> str:
        """The answer given most often, the first of those in a tie."""
        return Counter(self.answers).most_common(1)[0][0]


def score(answer: str, sample: Sample) -> float:
    """How right an answer is, in [0, 1]: by the official accuracy where several people answered,
    else whether it is the sample's answer."""
    if len(sample.answers) > 1:
        return vqa_accuracy(answer, sample.answers)
    return float(normalize_answer(answer) == normalize_answer(sample.answer))
