"""Batches of feature grids instead of photographs: a frozen encoder sees each picture only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor

from vqa.models.grid_regions import GridRegions
from vqa.train.photo_feed import PhotoFeed, pictures_key, pixels_of, read_pictures, stored

_BATCH = 32
_MOST = 65504.0  # the largest number in half precision


def grid_cache(
    pictures: Sequence[Path], encoder: GridRegions, folder: Path, name: str, device: torch.device
) -> np.ndarray:
    """The encoder's grids of all pictures as one (n, C, h, w) float16 array on disk, made on first
    use and again for other pictures, another size or other weights.

    Args:
        encoder: on `device`; it is put in evaluation mode.
    """
    width, height = size = encoder.config.image_size
    encoder.eval()
    with torch.no_grad():
        shape = encoder.grid(torch.zeros(1, 3, height, width, device=device)).shape[1:]
    key = f"{width}x{height}-{pictures_key(pictures)}-{encoder.fingerprint()}"
    rows = _grids(encoder, read_pictures(pictures, size, name), device)
    return stored(folder / f"grids-{name}-{key}.npy", (len(pictures), *shape), np.float16, rows)


def _grids(
    encoder: GridRegions, pictures: Iterator[np.ndarray], device: torch.device
) -> Iterator[np.ndarray]:
    while batch := list(islice(pictures, _BATCH)):
        images = pixels_of(torch.from_numpy(np.stack(batch)).to(device))
        with torch.no_grad():
            yield from encoder.grid(images).clamp(-_MOST, _MOST).half().cpu().numpy()


class GridFeed(PhotoFeed):
    """As `PhotoFeed`, but the sources come with arrays of `grid_cache`, and a batch's first tensor
    is grids (P, C, h, w). They are not varied: that would need the pictures."""

    def blank(self, count: int) -> Tensor:
        shape = next(grids.shape[1:] for _, grids, _ in self.sources if grids is not None)
        return torch.zeros(count, *shape, dtype=torch.float16)

    def shown(self, images: Tensor, flips: Tensor, step: int, rng: Random) -> Tensor:
        return self.plain(images)

    def plain(self, images: Tensor) -> Tensor:
        return images.to(self.device).float()
