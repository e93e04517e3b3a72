"""Batches of photographs with several questions each, varied at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vqa.config import PhotoConfig
from vqa.data.sources import Source
from vqa.errors import ConfigError, ImageError
from vqa.image import load_image, resized
from vqa.running import Bar
from vqa.text import AnswerSpace, Vocab, normalize_answer, tokenize

# Mirroring a picture would make these words wrong.
_SIDES = {"left", "right", "左", "右"}
_BLIND = 0.05  # share of pictures hidden, so that the model also answers from the question alone
# Share of questions without pictures that are shown with any picture, so that what is usual is
# known with a picture in view too, and not only in the dark.
_LENT = 0.5
_UNKNOWN = 0.01  # share of words hidden, so that the model meets words it does not know


def picture_cache(
    pictures: Sequence[Path], size: tuple[int, int], folder: Path, name: str
) -> np.ndarray:
    """All pictures at `size` as one (n, H, W, 3) uint8 array on disk, made on first use.

    A picture that cannot be read becomes grey and is told about.
    """
    width, height = size
    path = folder / f"pictures-{name}-{width}x{height}-{pictures_key(pictures)}.npy"
    rows = read_pictures(pictures, size, name)
    return stored(path, (len(pictures), height, width, 3), np.uint8, rows)


def pictures_key(pictures: Sequence[Path]) -> str:
    """Another one when other pictures are meant, or when one of them has changed."""
    key = blake2b(digest_size=8)
    for picture in pictures:
        try:
            state = picture.stat()
            changed = f"{state.st_size} {state.st_mtime_ns}"
        except OSError:
            changed = "missing"
        key.update(f"{picture} {changed}\n".encode())
    return key.hexdigest()


def read_pictures(
    pictures: Sequence[Path], size: tuple[int, int], name: str
) -> Iterator[np.ndarray]:
    """Each picture at `size` as (H, W, 3) uint8, with a bar called `name`."""
    with Bar(total=len(pictures), desc=name, unit="picture") as bar:
        for picture in pictures:
            try:
                yield np.asarray(resized(load_image(picture), size))
            except ImageError as error:
                bar.write(f"left out: {error}")
                yield np.full((size[1], size[0], 3), 128, np.uint8)
            bar.update()


def stored(
    path: Path, shape: tuple[int, ...], kind: type, rows: Iterator[np.ndarray]
) -> np.ndarray:
    """The array of `shape` at `path`, mapped from disk; made from `rows` when it is not there."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp")
        array = np.lib.format.open_memmap(partial, "w+", kind, shape)
        for k, row in enumerate(rows):
            array[k] = row
        array.flush()
        partial.replace(path)
    return np.load(path, mmap_mode="r")


class PhotoFeed:
    """Batches from several sources; each depends on the seed, the step and the rank only.

    Args:
        sources: (source, its pictures as `picture_cache` gives them or None for text, share of
            the pictures in a batch).
        size: (width, height) of pictures.
        config: how many pictures and questions, how pictures are varied.
        varied: whether pictures are varied, and smaller early in training.

    Attributes:
        classes: number of values of each of the L labels of all sources.

    Raises:
        ConfigError: none of the sources' answers is among `answers`.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, np.ndarray | None, float]],
        vocab: Vocab,
        answers: AnswerSpace,
        size: tuple[int, int],
        config: PhotoConfig,
        seed: int,
        device: torch.device,
        varied: bool = True,
    ) -> None:
        self.sources, self.vocab, self.answers, self.size = sources, vocab, answers, size
        self.config, self.seed, self.device, self.varied = config, seed, device, varied
        self.classes = tuple(n for source, _, _ in sources for n in source.classes)
        # Pictures with questions of people, which text may be shown with.
        self._lent = [p for source, p, _ in sources if p is not None and not source.classes]
        self._index: dict[str, int | None] = {}
        if not any(self._target([said]) for source, _, _ in sources for said in source.answers()):
            raise ConfigError(
                "No question about the pictures (those held back for calibration, or all) has an "
                "answer that is known; lower least_answers in the preset or add data."
            )

    def __call__(self, step: int, rank: int, processes: int) -> tuple:
        """Images (P, 3, H, W), seen (P,) bool, tokens (Q, T), lengths (Q,), picture of each
        question (Q,), targets (Q, A) that sum to 1, labels (P, L) with -1 where not known."""
        rng = Random(f"{self.seed}/{step}/{rank}")
        count = self.config.pictures
        images = self.blank(count)
        seen = torch.zeros(count, dtype=torch.bool)
        flips = torch.zeros(count, dtype=torch.bool)
        labels = torch.full((count, len(self.classes)), -1)
        asked: list[list[int]] = []
        of_picture: list[int] = []
        targets: list[dict[int, float]] = []
        shares = [share for _, _, share in self.sources]
        first = [0, *accumulate(len(source.classes) for source, _, _ in self.sources)]
        while not asked:  # all answers of a small batch may be unknown
            for p in range(count):
                which = rng.choices(range(len(shares)), shares)[0]
                source, pictures, _ = self.sources[which]
                k = rng.randrange(len(source.pictures))
                labels[p] = -1
                labels[p, first[which] : first[which + 1]] = torch.from_numpy(source.labels[k])
                shown = k
                if pictures is None and self.varied and self._lent and rng.random() < _LENT:
                    pictures = rng.choice(self._lent)
                    shown = rng.randrange(len(pictures))
                hidden = pictures is None or (self.varied and rng.random() < _BLIND)
                seen[p] = not hidden
                if pictures is not None:
                    images[p] = torch.from_numpy(np.array(pictures[shown]))
                flips[p] = rng.random() < 0.5
                for _ in range(self.config.questions):
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
        return (
            self.shown(images, flips, step, rng),
            seen.to(self.device),
            tokens.to(self.device),
            lengths,
            torch.tensor(of_picture, device=self.device),
            wanted.to(self.device),
            labels.to(self.device),
        )

    def blank(self, count: int) -> Tensor:
        """What stands for `count` pictures that there are not: grey ones, as they are stored."""
        width, height = self.size
        return torch.full((count, height, width, 3), 128, dtype=torch.uint8)

    def shown(self, images: Tensor, flips: Tensor, step: int, rng: Random) -> Tensor:
        """What is stored of P pictures, as training shows it; (P,) `flips` may be mirrored."""
        pixels = self.plain(images)
        if self.varied:
            height, width = pixels.shape[2:]
            early = step < self.config.early * self.config.steps
            scale = self.config.early_scale if early else 1.0
            smaller = round(height * scale), round(width * scale)
            draw = torch.Generator().manual_seed(rng.randrange(2**40))
            pixels = vary(pixels, flips, smaller, self.config.crop, self.config.turn, draw)
        return pixels.to(self.device).to(memory_format=torch.channels_last)

    def plain(self, images: Tensor) -> Tensor:
        """What is stored of P pictures, as the encoder takes it: (P, H, W, 3) uint8 -> (P, 3, H, W)
        in [0, 1]."""
        return pixels_of(images)

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


def pixels_of(pictures: Tensor) -> Tensor:
    """(n, H, W, 3) uint8 -> (n, 3, H, W) in [0, 1]."""
    return pictures.permute(0, 3, 1, 2).float() / 255


def vary(
    images: Tensor,
    flips: Tensor,
    size: tuple[int, int],
    crop: float,
    turn: float,
    generator: torch.Generator,
) -> Tensor:
    """Random crops, rotations and mirroring, a little brightness and contrast.

    Args:
        images: (P, 3, H, W) in [0, 1]. flips: (P,) bool, those to mirror.
        size: (height, width) of what is returned. crop: smallest share of a side that is kept.
        turn: largest rotation in degrees.
    """
    n, _, height, width = images.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    scale_x, scale_y = uniform(crop, 1.0), uniform(crop, 1.0)
    angle = uniform(-turn, turn) * (torch.pi / 180)
    mirror = 1 - 2 * flips.float()
    theta = torch.zeros(n, 2, 3)
    # Coordinates run from -1 to 1 on both axes, so that turning has to know the sides' ratio.
    theta[:, 0, 0] = scale_x * angle.cos() * mirror
    theta[:, 0, 1] = -scale_y * angle.sin() * height / width
    theta[:, 1, 0] = scale_x * angle.sin() * mirror * width / height
    theta[:, 1, 1] = scale_y * angle.cos()
    theta[:, 0, 2] = uniform(-1, 1) * (1 - scale_x)
    theta[:, 1, 2] = uniform(-1, 1) * (1 - scale_y)
    grid = F.affine_grid(theta, [n, 3, *size], align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast, brightness = uniform(0.85, 1.15), uniform(-0.06, 0.06)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (
        (images - mean) * contrast.view(-1, 1, 1, 1) + mean + brightness.view(-1, 1, 1, 1)
    ).clamp(0, 1)
