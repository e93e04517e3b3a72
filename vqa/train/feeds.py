"""Where the stages' batches come from; each depends on the seed and the step only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from vqa.data.questions import BlockMaker, QuestionBlock
from vqa.data.renders import Renders
from vqa.train.bank import Bank, gather
from vqa.train.perception import Labels, draw_batch

BLOCK = 16384  # questions drawn at a time
_SORTED = 4  # batches that are sorted by length together


class PictureFeed:
    """Batches of labelled pictures.

    Args:
        parts: sets of pictures, each with the share of a batch it is drawn for; shares sum to 1.
        size: pictures in a batch of one process.
    """

    def __init__(
        self, parts: list[tuple[Renders, float]], size: int, seed: int, device: torch.device
    ) -> None:
        self.parts, self.size, self.seed, self.device = parts, size, seed, device

    def __call__(self, step: int, rank: int, processes: int) -> tuple[Tensor, Labels, Tensor]:
        rng = np.random.default_rng([self.seed, step, rank])
        counts = rng.multinomial(self.size, [share for _, share in self.parts])
        drawn = [
            draw_batch(renders, rng.integers(len(renders), size=n), rng, self.device)
            for (renders, _), n in zip(self.parts, counts, strict=True)
            if n
        ]
        images = torch.cat([x for x, _ in drawn])
        labels = Labels(
            *(torch.cat([getattr(y, f) for _, y in drawn]) for f in Labels.__dataclass_fields__)
        )
        nudge = rng.integers(-1, 2, (*labels.centre.shape[:2], 2))
        return images, labels, torch.from_numpy(nudge).to(self.device)


class QuestionFeed:
    """Batches of questions over a bank, drawn ahead in a process of their own.

    Args:
        size: questions in a batch of one process. steps: number of batches in all.
        weights: share of training done -> family weights. collect: rows of a block -> batch.
    """

    def __init__(
        self,
        bank: Bank,
        maker: BlockMaker,
        size: int,
        steps: int,
        weights: Callable[[float], Mapping[str, float]],
        device: torch.device,
        workers: int = 1,
        collect: Callable[..., tuple] = gather,
    ) -> None:
        self.collect = collect
        self.bank, self.maker, self.size, self.steps = bank, maker, size, steps
        self.weights, self.device, self.workers = weights, device, workers
        self._per_block = maker.size // size
        self._at = -1
        self._blocks: Iterator[QuestionBlock] | None = None
        self._block: QuestionBlock | None = None
        self._order: np.ndarray | None = None

    def __call__(self, step: int, rank: int, processes: int) -> tuple:
        number, place = divmod(step, self._per_block)
        if self._blocks is None:
            last = -(-self.steps // self._per_block)
            jobs = [
                (k * processes + rank, self.weights(k * self._per_block / self.steps))
                for k in range(number, last)
            ]
            self._blocks, self._at = self.maker.blocks(jobs, self.workers), number - 1
        while self._at < number:
            self._block, self._at = next(self._blocks), self._at + 1
            self._order = self._by_length(self._block.lengths, self._at)
        rows = self._order[place]
        return self.collect(self.bank, self._block, rows, self.device)

    def _by_length(self, lengths: np.ndarray, number: int) -> np.ndarray:
        """(batches, size): rows of a block; a batch's questions are of about one length.

        Sorted a few batches at a time, so that little is computed on padding.
        """
        group = _SORTED * self.size
        rows = np.arange(self._per_block * self.size)
        parts = [rows[k : k + group] for k in range(0, len(rows), group)]
        ordered = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
        batches = ordered.reshape(-1, self.size)
        return batches[np.random.default_rng([self.maker.seed, number]).permutation(len(batches))]

    def close(self) -> None:
        """Stops drawing ahead."""
        if self._blocks is not None:
            self._blocks.close()
