"""The questions that all contenders learn from: drawn once, kept in files, read by each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from vqa.data.questions import BlockMaker, QuestionBlock
from vqa.train.reasoning import family_weights

# Easy families do not come first: a share of the training is a different number of questions for
# each contender, and all are asked the same.
ALL_FAMILIES = family_weights(1.0)


class KeptQuestions:
    """Stands in for a `BlockMaker` where blocks were drawn before.

    Args:
        maker: draws the blocks. folder: where they are kept.
    """

    def __init__(self, maker: BlockMaker, folder: Path) -> None:
        self.size, self.seed = maker.size, maker.seed
        self._maker, self._folder = maker, folder
        self._drawn = 0

    def draw(self, questions: int, workers: int, moved: Callable[[int, int], None]) -> None:
        """Draws what lacks to `questions`; `moved` is told how many of how many blocks are there.

        Args:
            workers: processes that draw; 0 for this one.
        """
        blocks = -(-questions // self.size)
        jobs = [(number, ALL_FAMILIES) for number in range(self._drawn, blocks)]
        if not jobs:
            return
        for block in self._maker.blocks(jobs, workers):
            kept = {name: part for name, part in vars(block).items() if part is not None}
            np.savez(self._path(self._drawn), **kept)
            self._drawn += 1
            moved(self._drawn, blocks)

    def blocks(
        self, jobs: Sequence[tuple[int, Mapping[str, float]]], workers: int
    ) -> Iterator[QuestionBlock]:
        """As `BlockMaker.blocks`, of blocks drawn before; all families are in each."""
        for number, _ in jobs:
            with np.load(self._path(number)) as arrays:
                yield QuestionBlock(**arrays)

    def _path(self, number: int) -> Path:
        return self._folder / f"questions-{number}.npz"
