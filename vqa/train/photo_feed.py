"""Batches of photographs with several questions each, varied at random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from vqa.data.sources import Source
from vqa.errors import ConfigError, ImageError
from vqa.image import load_image, resized
from vqa.text import AnswerSpace, Vocab, normalize_answer, tokenize

# Mirroring a picture would make these words wrong.
_SIDES = {"left", "right", "左", "右"}
_UNKNOWN = 0.01  # share of words hidden, so that the model meets words it does not know


def picture_cache(
    pictures: Sequence[Path], size: tuple[int, int], folder: Path, name: str
) -> np.ndarray:
    """All pictures at `size` as one (n, H, W, 3) uint8 array on disk, made on first use.

    A picture that cannot be read becomes grey and is told about.
    """
    width, height = size
    path = folder / f"pictures-{name}-{width}x{height}-{len(pictures)}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp")
        array = np.lib.format.open_memmap(
            partial, "w+", np.uint8, (len(pictures), height, width, 3)
        )
        for k, picture in enumerate(tqdm(pictures, desc=name, unit="picture")):
            try:
                array[k] = np.asarray(resized(load_image(picture), size))
            except ImageError as error:
                tqdm.write(f"left out: {error}")
                array[k] = 128
        array.flush()
        partial.replace(path)
    return np.load(path, mmap_mode="r")


class PhotoFeed:
    """Batches from several sources; each depends on the seed, the step and the rank only.

    Args:
        sources: (source, its pictures as `picture_cache` gives them or None for text, share of
            the pictures in a batch).
        pictures: per batch and process. questions: per picture.

    Raises:
        ConfigError: none of the sources' answers is among `answers`.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, np.ndarray | None, float]],
        vocab: Vocab,
        answers: AnswerSpace,
        size: tuple[int, int],
        pictures: int,
        questions: int,
        seed: int,
        device: torch.device,
        augment: bool = True,
    ) -> None:
        self.sources, self.vocab, self.answers, self.size = sources, vocab, answers, size
        self.pictures, self.questions = pictures, questions
        self.seed, self.device, self.augment = seed, device, augment
        self._index: dict[str, int | None] = {}
        if not any(self._target([said]) for source, _, _ in sources for said in source.answers()):
            raise ConfigError(
                "No question about the pictures (those held back for calibration, or all) has an "
                "answer that is known; lower least_answers in the preset or add data."
            )

    def __call__(self, step: int, rank: int, processes: int) -> tuple:
        """Images (P, 3, H, W), seen (P,) bool, tokens (Q, T), lengths (Q,), picture of each
        question (Q,), targets (Q, A) that sum to 1."""
        rng = Random(f"{self.seed}/{step}/{rank}")
        width, height = self.size
        images = torch.full((self.pictures, height, width, 3), 128, dtype=torch.uint8)
        seen = torch.zeros(self.pictures, dtype=torch.bool)
        flips = torch.zeros(self.pictures, dtype=torch.bool)
        asked: list[list[int]] = []
        of_picture: list[int] = []
        targets: list[dict[int, float]] = []
        shares = [share for _, _, share in self.sources]
        while not asked:  # all answers of a small batch may be unknown
            for p in range(self.pictures):
                source, pictures, _ = rng.choices(self.sources, shares)[0]
                k = rng.randrange(len(source.pictures))
                seen[p] = pictures is not None
                if pictures is not None:
                    images[p] = torch.from_numpy(pictures[k])
                flips[p] = rng.random() < 0.5
                for _ in range(self.questions):
                    question, answers = source.ask(k, rng)
                    target = self._target(answers)
                    if not target:
                        continue
                    tokens = tokenize(question)
                    if _SIDES & set(tokens):
                        flips[p] = False
                    ids = self.vocab.encode(tokens) or [1]
                    asked.append([1 if rng.random() < _UNKNOWN else i for i in ids][:64])
                    of_picture.append(p)
                    targets.append(target)
        lengths = torch.tensor([len(ids) for ids in asked])
        tokens = torch.zeros(len(asked), int(lengths.max()), dtype=torch.long)
        wanted = torch.zeros(len(asked), len(self.answers))
        for row, (ids, target) in enumerate(zip(asked, targets, strict=True)):
            tokens[row, : len(ids)] = torch.tensor(ids)
            for index, share in target.items():
                wanted[row, index] = share
        pixels = images.permute(0, 3, 1, 2).float() / 255
        if self.augment:
            pixels = vary(pixels, flips, torch.Generator().manual_seed(rng.randrange(2**40)))
        return (
            pixels.to(self.device).to(memory_format=torch.channels_last),
            seen.to(self.device),
            tokens.to(self.device),
            lengths,
            torch.tensor(of_picture, device=self.device),
            wanted.to(self.device),
        )

    def _target(self, answers: Sequence[str]) -> dict[int, float]:
        """Share of each known answer among the known ones given."""
        counts: dict[int, float] = {}
        for answer in answers:
            if answer not in self._index:
                self._index[answer] = self._find(answer)
            index = self._index[answer]
            if index is not None:
                counts[index] = counts.get(index, 0.0) + 1
        total = sum(counts.values())
        return {index: n / total for index, n in counts.items()}

    def _find(self, answer: str) -> int | None:
        index = self.answers.index(answer)
        return self.answers.index(normalize_answer(answer)) if index is None else index


def vary(images: Tensor, flips: Tensor, generator: torch.Generator) -> Tensor:
    """Random crops of 75 to 100 % of a side, mirroring, a little brightness and contrast.

    Args:
        images: (P, 3, H, W) in [0, 1]. flips: (P,) bool, those to mirror.
    """
    n = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    scale_x, scale_y = uniform(0.75, 1.0), uniform(0.75, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale_x * (1 - 2 * flips.float())
    theta[:, 1, 1] = scale_y
    theta[:, 0, 2] = uniform(-1, 1) * (1 - scale_x)
    theta[:, 1, 2] = uniform(-1, 1) * (1 - scale_y)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast, brightness = uniform(0.85, 1.15), uniform(-0.06, 0.06)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (
        (images - mean) * contrast.view(-1, 1, 1, 1) + mean + brightness.view(-1, 1, 1, 1)
    ).clamp(0, 1)
