"""Pictures of the simulated world: repeatable, true to their labels, and lit like CLEVR's."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from vqa.errors import ConfigError
from vqa.world.appearance import COLOR_RGB, plain_look
from vqa.world.geometry import CAMERA, project
from vqa.world.picture import draw_picture, refuse_evaluation_seed
from vqa.world.placement import EVALUATION_SEEDS, sample_scene, scene_rng
from vqa.world.renderer import finish, owners, render
from vqa.world.scene import RADIUS, Scene, SceneObject, make_scene

SEED = 31
NOMINAL = np.array(CAMERA, np.float32)


def single(
    color="red", shape="sphere", size="large", material="rubber", place=(0.0, 0.0), turn=0.0
) -> Scene:
    """A scene of one object."""
    position = (*place, RADIUS[size])
    return make_scene([SceneObject(color, shape, size, material, position, turn)])


def drawn(scene: Scene, width=160, height=120, **look) -> tuple[torch.Tensor, torch.Tensor]:
    """(3, H, W) in [0, 1] and (H, W) owners in CLEVR's own light."""
    looks = [replace(plain_look(scene, NOMINAL), **look)]
    image, owner = render([scene], looks, width, height)
    return image[0], owner[0]


def linear(srgb: torch.Tensor) -> torch.Tensor:
    """IEC 61966-2-1 backwards."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def digest(number: int, seed: int = SEED) -> str:
    picture = draw_picture(seed, number, 160, 120)
    return hashlib.sha256(picture.pixels.tobytes() + repr(picture.scene).encode()).hexdigest()


def test_a_picture_depends_on_its_seed_and_number_only():
    first = [digest(k) for k in range(3)]
    assert first == [digest(k) for k in (2, 1, 0)][::-1]
    assert len({*first, digest(0, SEED + 1)}) == 4


def test_another_process_draws_the_same_bits():
    """In another order, with another number of threads and another hash seed."""
    code = (
        "import sys; sys.path[:0] = ['tests/world', '.']; import test_renderer as t;"
        "print(*[t.digest(k) for k in (2, 0, 1)])"
    )
    env = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "1"}
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=True
    ).stdout
    assert out.split() == [digest(k) for k in (2, 0, 1)]


@pytest.mark.parametrize("variety", [0.0, 1.0])
def test_pictures_are_8_bit_and_varied(variety):
    pictures = [draw_picture(SEED, k, 64, 48, variety).pixels for k in range(3)]
    for pixels in pictures:
        assert pixels.shape == (48, 64, 3) and pixels.dtype == np.uint8
        assert pixels.std() > 5
    assert (pictures[0] != pictures[1]).mean() > 0.5


def test_a_scene_looks_the_same_alone_and_in_a_batch():
    scenes = [single(), single("blue", "cube", place=(1.0, -1.0), material="metal")]
    looks = [plain_look(s, NOMINAL) for s in scenes]
    together, owner = render(scenes, looks, 64, 48)
    for k in range(2):
        alone, its_owner = render(scenes[k : k + 1], looks[k : k + 1], 64, 48)
        assert (owner[k] == its_owner[0]).float().mean() > 0.999
        assert (together[k] - alone[0]).abs().mean() < 1e-3


def test_a_small_picture_is_the_large_one_shrunk():
    scene, _ = sample_scene(scene_rng(SEED, 0))
    large, small = drawn(scene, 320, 240)[0], drawn(scene, 80, 60)[0]
    shrunk = torch.nn.functional.avg_pool2d(large.unsqueeze(0), 4)[0]
    assert (shrunk - small).abs().mean() < 0.015


@pytest.fixture(scope="module")
def seen() -> list[tuple[Scene, np.ndarray, torch.Tensor]]:
    """(scene, camera, owners at 320x240) of a few sampled scenes."""
    found = []
    for number in range(10):
        scene, camera = sample_scene(scene_rng(SEED, number), number)
        found.append((scene, camera, owners([scene], camera[None])[0]))
    return found


def test_pixels_belong_to_the_object_whose_centre_lies_there(seen):
    whole = 0
    for scene, camera, owner in seen:
        for k, o in enumerate(scene.objects):
            alone = owners([make_scene([o])], camera[None])[0] == 0
            if (alone & (owner != k)).any():
                continue  # something stands before it
            whole += 1
            u, v, _ = o.pixel
            assert owner[int(v), int(u)] == k
            row, column = (owner == k).nonzero(as_tuple=True)
            middle = torch.stack([column.float().mean(), row.float().mean()]) + 0.5
            # Perspective shifts the middle of what is seen a little off the centre.
            assert (middle - torch.tensor([u, v])).norm() < 5
    assert whole > 20


def test_centres_are_projected_by_the_pictures_own_camera(seen):
    jittered = 0
    for scene, camera, _ in seen:
        positions = torch.tensor([o.position for o in scene.objects])
        expected = project(positions, torch.from_numpy(camera), 320, 240)
        assert torch.allclose(torch.tensor([o.pixel for o in scene.objects]), expected)
        nominal = project(positions, torch.tensor(CAMERA), 320, 240)
        jittered += not torch.allclose(nominal, expected, rtol=0, atol=3)
    assert jittered > len(seen) / 2


def test_every_object_is_well_visible(seen):
    for scene, _, owner in seen:
        counts = torch.bincount(owner.flatten() + 1, minlength=len(scene) + 1)[1:].tolist()
        for o, count in zip(scene.objects, counts, strict=True):
            assert o.visible_pixels >= 200
            # The label is counted at half size.
            assert count == pytest.approx(o.visible_pixels, rel=0.1)


def test_nearer_objects_hide_farther_ones():
    back = single(place=(-1.0, 1.0)).objects[0]
    front = single("blue", place=(0.2, -0.1)).objects[0]  # towards the camera
    both = owners([make_scene([back, front])], NOMINAL[None])[0]
    alone = [owners([make_scene([o])], NOMINAL[None])[0] == 0 for o in (back, front)]
    assert (alone[0] & alone[1]).any()
    assert (both[alone[0] & alone[1]] == 1).all()
    assert (both[alone[0] & ~alone[1]] == 0).all()


def test_large_is_twice_as_wide_as_small():
    areas = [int((drawn(single(size=size), 320, 240)[1] == 0).sum()) for size in RADIUS]
    assert areas[0] / areas[1] == pytest.approx(4, rel=0.15)


def test_light_is_written_as_srgb():
    """Twice the exposure is twice the light, once the sRGB curve is undone."""
    once, owner = drawn(single(), exposure=1.0, blur=0.0)
    twice, _ = drawn(single(), exposure=2.0, blur=0.0)
    unclipped = (twice < 0.98).all(0) & (once > 0.02).all(0)
    ratio = (linear(twice) / linear(once))[:, unclipped]
    # Edge pixels are means of four and bend the curve a little.
    assert ratio.median() == pytest.approx(2.0, abs=1e-3)
    assert ((ratio - 2).abs() < 0.05).float().mean() > 0.9


@pytest.mark.parametrize("color", COLOR_RGB)
def test_colours_are_those_named(color):
    image, owner = drawn(single(color))
    seen = linear(image[:, owner == 0]).mean(1)
    named = torch.tensor(COLOR_RGB[color]).float()
    assert torch.allclose(seen / seen.norm(), named / named.norm(), atol=0.12)


def test_metal_differs_from_rubber_and_only_there():
    rubber, owner = drawn(single("gray"))
    metal, _ = drawn(single("gray", material="metal"))
    difference = (metal - rubber).abs().amax(0)
    assert difference[owner == 0].mean() > 0.05
    beside = torch.nn.functional.max_pool2d((owner == 0).float()[None], 7, 1, 3)[0] == 0
    assert difference[beside].max() < 1e-4
    # Mirrored lamps and ground give more contrast, and a highlight.
    assert metal[:, owner == 0].std() > 1.3 * rubber[:, owner == 0].std()
    assert metal[:, owner == 0].max() > rubber[:, owner == 0].max() + 0.1


def test_shadows_darken_the_ground_beside_an_object():
    """One object in two places: each picture shows what the other's ground is without shadow."""
    near, owner = drawn(single(place=(0.0, 0.0)))
    far, other = drawn(single(place=(-2.5, 2.5)))
    ground = (owner < 0) & (other < 0)
    ratio = (near.mean(0) / far.mean(0)).where(ground, 1.0)
    row, column = (ratio < 0.8).nonzero(as_tuple=True)
    assert len(row) > 50
    foot = project(torch.tensor([0.0, 0.0, 0.0]), torch.tensor(CAMERA), 160, 120)[:2]
    apart = (torch.stack([column, row], 1) - foot).norm(dim=1)
    assert apart.max() < 40 and ratio.min() > 0.3, "soft, and not far from what casts it"


def test_brightness_is_clevrs():
    means, rows = [], []
    for number in range(8):
        pixels = draw_picture(SEED, number, 64, 48, variety=0.0).pixels
        means.append(pixels.mean())
        rows.append([np.median(pixels[:5]), np.median(pixels[-5:])])
    assert all(78 < mean < 158 for mean in means)
    assert np.mean(means) == pytest.approx(118, abs=15)
    top, bottom = np.mean(rows, axis=0)
    assert top == pytest.approx(105, abs=25) and bottom == pytest.approx(145, abs=25)


def test_grain_is_of_the_strength_asked_for():
    look = replace(plain_look(single(), NOMINAL), grain=3.0)
    flat = torch.full((3, 48, 64), 0.5)
    pixels = finish(flat, look, np.random.default_rng(1))
    assert pixels.std() == pytest.approx(3.0, rel=0.1) and abs(pixels.mean() - 127.5) < 0.5
    assert finish(flat, replace(look, grain=0.0), np.random.default_rng(1)).std() == 0


def test_evaluation_seeds_are_refused():
    for seed in (EVALUATION_SEEDS.start, EVALUATION_SEEDS.stop - 1):
        with pytest.raises(ConfigError, match=f"{seed} is reserved for evaluation"):
            refuse_evaluation_seed(seed)
    for seed in (1, EVALUATION_SEEDS.start - 1, EVALUATION_SEEDS.stop):
        refuse_evaluation_seed(seed)
