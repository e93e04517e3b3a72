"""Sampling scenes: objects on the ground with CLEVR's margins, all of them well visible."""

from __future__ import annotations

import numpy as np
import torch

from vqa.world.appearance import sample_camera
from vqa.world.geometry import FULL_HEIGHT, FULL_WIDTH, project
from vqa.world.renderer import owners
from vqa.world.scene import (
    ATTRIBUTES,
    DIRECTIONS,
    RADIUS,
    Scene,
    SceneObject,
    make_scene,
)

MIN_OBJECTS, MAX_OBJECTS = OBJECTS = 3, 10
REACH = 3.0  # centres lie in [-3, 3]^2
GAP = 0.25  # between two objects' radii
DIRECTION_MARGIN = 0.4  # between centres along each image-plane direction
MIN_VISIBLE = 200  # pixels of a 320x240 image
_TRIES = 60
# Visibility is counted at half size: a quarter of the pixels, each standing for four.
_CHECK_WIDTH, _CHECK_HEIGHT = FULL_WIDTH // 2, FULL_HEIGHT // 2
_AXES = np.array([DIRECTIONS["left"], DIRECTIONS["front"]])

# Seeds from here on are for evaluation: training refuses them.
EVALUATION_SEEDS = range(1_000_000, 2_000_000)


def scene_rng(seed: int, number: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of scene `number` of a set; the same on any process or worker."""
    return np.random.default_rng([seed, number, stream])


def _place(count: int, rng: np.random.Generator) -> list[tuple[float, float, float]] | None:
    """(x, y, radius) of `count` objects that keep the margins; None when there is no room."""
    placed: list[tuple[float, float, float]] = []
    for _ in range(count):
        for _ in range(_TRIES):
            x, y = rng.uniform(-REACH, REACH, 2)
            radius = RADIUS["large"] if rng.random() < 0.5 else RADIUS["small"]
            if all(_apart(x, y, radius, other) for other in placed):
                placed.append((float(x), float(y), radius))
                break
        else:
            return None
    return placed


def _apart(x: float, y: float, radius: float, other: tuple[float, float, float]) -> bool:
    dx, dy = x - other[0], y - other[1]
    if (dx * dx + dy * dy) ** 0.5 - radius - other[2] < GAP:
        return False
    return bool((np.abs(_AXES @ (dx, dy)) >= DIRECTION_MARGIN).all())


def sample_objects(rng: np.random.Generator, objects: tuple[int, int] = OBJECTS) -> Scene:
    """A scene that keeps the margins; nothing is said about visibility or pixels.

    Enough where no picture is drawn: questions and reasoning need labels only.

    Args:
        objects: the fewest and the most there may be.
    """
    while True:
        count = int(rng.integers(objects[0], objects[1] + 1))
        places = _place(count, rng)
        if places is None:
            continue
        placed = []
        for x, y, radius in places:
            size = "large" if radius == RADIUS["large"] else "small"
            placed.append(
                SceneObject(
                    color=str(rng.choice(ATTRIBUTES["color"])),
                    shape=str(rng.choice(ATTRIBUTES["shape"])),
                    size=size,
                    material=str(rng.choice(ATTRIBUTES["material"])),
                    position=(x, y, radius),
                    rotation=float(rng.uniform(0, 360)),
                )
            )
        return make_scene(placed)


def sample_scene(
    rng: np.random.Generator,
    number: int = 0,
    filename: str = "",
    objects: tuple[int, int] = OBJECTS,
) -> tuple[Scene, np.ndarray]:
    """A scene with every object visible, and the (3,) camera it is seen from."""
    while True:
        camera = sample_camera(rng)
        scene = sample_objects(rng, objects)
        owner = owners([scene], camera[None], _CHECK_WIDTH, _CHECK_HEIGHT)[0]
        seen = torch.bincount(owner.flatten() + 1, minlength=len(scene) + 1)[1:] * 4
        if int(seen.min()) >= MIN_VISIBLE:
            return with_pixels(scene, camera, seen.tolist(), number, filename), camera


def with_pixels(
    scene: Scene, camera: np.ndarray, visible: list[int], number: int, filename: str
) -> Scene:
    """The scene with projected centres and visible pixels filled in."""
    positions = torch.tensor([o.position for o in scene.objects], dtype=torch.float32)
    pixels = project(positions, torch.from_numpy(camera), FULL_WIDTH, FULL_HEIGHT).tolist()
    objects = [
        SceneObject(
            color=o.color,
            shape=o.shape,
            size=o.size,
            material=o.material,
            position=o.position,
            rotation=o.rotation,
            pixel=tuple(pixel),
            visible_pixels=int(count),
        )
        for o, pixel, count in zip(scene.objects, pixels, visible, strict=True)
    ]
    return Scene(tuple(objects), scene.relations, filename, number)
