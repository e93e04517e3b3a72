"""Pictures that are sure not to be photographs, for telling what a checkpoint does not know."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vqa.image import resized
from vqa.world.picture import draw_picture

_DRAWN = 128, 96  # pixels at which scenes are drawn


def strangers(size: tuple[int, int], count: int, seed: int) -> np.ndarray:
    """(count, H, W, 3) uint8: simulated scenes, and a quarter of random patches and gradients.

    Args:
        size: (width, height).
    """
    rng = np.random.default_rng([seed, 77])
    scenes = count - count // 4
    pictures = [Image.fromarray(draw_picture(seed, k, *_DRAWN).pixels) for k in range(scenes)]
    for k in range(count - scenes):
        cells = (3, 4) if k % 2 else (12, 16)
        patches = Image.fromarray(rng.integers(0, 256, (*cells, 3), dtype=np.uint8))
        # Enlarged by copying, cells are patches; by interpolation, gradients.
        how = Image.Resampling.BILINEAR if k % 4 < 2 else Image.Resampling.NEAREST
        pictures.append(patches.resize(_DRAWN, how))
    return np.stack([np.asarray(resized(picture, size)) for picture in pictures])
