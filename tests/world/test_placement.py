"""Sampled scenes keep CLEVR's margins, and each is its number's own."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from vqa.world.geometry import CAMERA
from vqa.world.placement import sample_objects, sample_scene, scene_rng
from vqa.world.scene import ATTRIBUTES, DIRECTIONS, RADIUS, relations_of


@pytest.fixture(scope="module")
def many():
    return [sample_objects(scene_rng(8, number)) for number in range(250)]


def test_objects_stand_apart(many):
    for scene in many:
        for a, b in combinations(scene.objects, 2):
            apart = np.subtract(a.position, b.position)[:2]
            assert np.hypot(*apart) - RADIUS[a.size] - RADIUS[b.size] >= 0.25
            assert all(abs(apart @ np.array(d)) >= 0.4 for d in DIRECTIONS.values())


def test_objects_stand_on_the_ground_within_reach(many):
    for scene in many:
        for o in scene.objects:
            x, y, z = o.position
            assert abs(x) <= 3 and abs(y) <= 3 and z == RADIUS[o.size]
            assert 0 <= o.rotation < 360


def test_all_counts_and_values_come_up(many):
    counts = Counter(map(len, many))
    assert set(counts) == set(range(3, 11)) and min(counts.values()) > 5
    objects = [o for scene in many for o in scene.objects]
    for attribute, values in ATTRIBUTES.items():
        seen = Counter(o.attribute(attribute) for o in objects)
        assert set(seen) == set(values)
        # Large objects fit less often; everything else is drawn alike.
        assert min(seen.values()) > 0.7 * len(objects) / len(values)


def test_every_pair_is_related_one_way_on_each_axis(many):
    for scene in many:
        assert scene.relations == relations_of([o.position for o in scene.objects])
        for one, other in (("left", "right"), ("front", "behind")):
            for a, b in combinations(range(len(scene)), 2):
                assert (b in scene.relations[one][a]) != (b in scene.relations[other][a])
                assert (b in scene.relations[one][a]) == (a in scene.relations[other][b])


def test_a_scene_depends_on_seed_number_and_stream():
    first = sample_objects(scene_rng(8, 3))
    assert first == sample_objects(scene_rng(8, 3))
    others = [(9, 3, 0), (8, 4, 0), (8, 3, 1)]
    assert all(sample_objects(scene_rng(*key)) != first for key in others)


def test_cameras_are_jittered_within_half_a_unit():
    cameras = np.array([sample_scene(scene_rng(8, n), n, "x.png")[1] for n in range(12)])
    apart = np.abs(cameras - np.array(CAMERA))
    assert apart.max() <= 0.5 + 1e-6 and cameras.std(0).min() > 0.1


def test_names_and_numbers_are_kept():
    scene, _ = sample_scene(scene_rng(8, 3), 3, "three.png")
    assert (scene.index, scene.filename) == (3, "three.png")
