"""One numbered scene of a seeded set, with its picture: the unit of all simulated data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vqa.errors import ConfigError
from vqa.world.appearance import sample_look
from vqa.world.placement import EVALUATION_SEEDS, OBJECTS, sample_scene, scene_rng
from vqa.world.renderer import finish, render
from vqa.world.scene import Scene


@dataclass(frozen=True)
class Picture:
    """A scene, the (3,) camera it is seen from, and (H, W, 3) uint8 pixels."""

    scene: Scene
    camera: np.ndarray
    pixels: np.ndarray


def draw_picture(
    seed: int,
    number: int,
    width: int = 320,
    height: int = 240,
    variety: float = 1.0,
    filename: str = "",
    objects: tuple[int, int] = OBJECTS,
) -> Picture:
    """Scene `number` of the set `seed`, drawn on the CPU.

    Each scene is drawn by itself from its own random numbers, so that the result does not depend
    on which process draws it or what else that process draws.
    """
    rng = scene_rng(seed, number)
    scene, camera = sample_scene(rng, number, filename, objects)
    look = sample_look(scene, rng, camera, variety)
    image, _ = render([scene], [look], width, height)
    return Picture(scene, camera, finish(image[0], look, rng))


def refuse_evaluation_seed(seed: int) -> None:
    """Raises ConfigError when `seed` is reserved for evaluation."""
    if seed in EVALUATION_SEEDS:
        raise ConfigError(
            f"Seed {seed} is reserved for evaluation (from {EVALUATION_SEEDS.start} on); "
            "train with a smaller seed."
        )
