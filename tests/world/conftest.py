"""Scenes for the tests of programs and questions: random objects, no picture needed."""

from __future__ import annotations

from random import Random

import pytest

from vqa.world.scene import (
    ATTRIBUTES,
    DIRECTIONS,
    RADIUS,
    Scene,
    SceneObject,
    make_scene,
)


def random_scene(rng: Random, number: int = 0) -> Scene:
    """3 to 10 objects that stand clear of one another along each direction."""
    wanted = rng.randint(3, 10)
    objects: list[SceneObject] = []
    while len(objects) < wanted:
        values = {a: rng.choice(v) for a, v in ATTRIBUTES.items()}
        x, y = rng.uniform(-3, 3), rng.uniform(-3, 3)
        clear = all(
            abs((x - o.position[0]) * dx + (y - o.position[1]) * dy) > 0.25
            for o in objects
            for dx, dy in DIRECTIONS.values()
        )
        if clear:
            objects.append(SceneObject(**values, position=(x, y, RADIUS[values["size"]])))
    return make_scene(objects, index=number)


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    rng = Random(5)
    return [random_scene(rng, number) for number in range(150)]


@pytest.fixture
def row() -> Scene:
    """Four objects in a row from left to right, each also further back than the one before.

    0 small red metal cube, 1 large red rubber sphere, 2 small blue metal sphere,
    3 large green metal cylinder.
    """
    left, behind = DIRECTIONS["left"], DIRECTIONS["behind"]
    kinds = (
        ("red", "cube", "small", "metal"),
        ("red", "sphere", "large", "rubber"),
        ("blue", "sphere", "small", "metal"),
        ("green", "cylinder", "large", "metal"),
    )
    objects = []
    for i, kind in enumerate(kinds):
        x, y = (i * (b - a) for a, b in zip(left, behind, strict=True))
        objects.append(SceneObject(*kind, position=(x, y, 0.35)))
    return make_scene(objects)
