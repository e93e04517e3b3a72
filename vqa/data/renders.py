"""Rendered scenes for training perception, kept in shards on disk.

A shard holds `SHARD` pictures with their labels as plain arrays. Shards are written atomically
and found again, so an interrupted run goes on where it was, and several processes can share the
work by taking different shards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vqa.running import helpers
from vqa.world.geometry import FULL_HEIGHT, FULL_WIDTH, fit_camera, project
from vqa.world.picture import draw_picture, refuse_evaluation_seed
from vqa.world.placement import MAX_OBJECTS
from vqa.world.scene import ATTRIBUTES, DIRECTIONS, Scene
from vqa.world.shapes import CUBE, CYLINDER

SHARD = 250


@dataclass
class Renders:
    """Pictures and labels as arrays; n pictures, up to `MAX_OBJECTS` objects each.

    Attributes:
        images: (n, H, W, 3) uint8.
        count: (n,) objects per picture.
        attributes: (n, MAX_OBJECTS, 4) int8 value indices in the order of `ATTRIBUTES`.
        centre: (n, MAX_OBJECTS, 2) projected centres in [0, 1] of width and height.
        box: (n, MAX_OBJECTS, 4) x0, y0, x1, y1 in [0, 1] (may reach a little outside).
        ground: (n, MAX_OBJECTS, 2) place on the ground along right and behind, world units.
    """

    images: np.ndarray
    count: np.ndarray
    attributes: np.ndarray
    centre: np.ndarray
    box: np.ndarray
    ground: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def label_arrays(scene: Scene, camera: np.ndarray) -> dict[str, np.ndarray]:
    """Labels of one scene in the layout of `Renders`, without the picture."""
    n = len(scene)
    attributes = np.zeros((MAX_OBJECTS, 4), np.int8)
    centre = np.zeros((MAX_OBJECTS, 2), np.float32)
    box = np.zeros((MAX_OBJECTS, 4), np.float32)
    ground = np.zeros((MAX_OBJECTS, 2), np.float32)
    for i, o in enumerate(scene.objects):
        attributes[i] = [values.index(o.attribute(a)) for a, values in ATTRIBUTES.items()]
        x, y, _ = o.position
        ground[i] = [x * DIRECTIONS[d][0] + y * DIRECTIONS[d][1] for d in ("right", "behind")]
    size = np.array([FULL_WIDTH, FULL_HEIGHT], np.float32)
    centre[:n] = np.array([o.pixel[:2] for o in scene.objects], np.float32) / size
    box[:n] = np.stack([_box(o, camera) for o in scene.objects]) / np.tile(size, 2)
    return {
        "count": np.int64(n),
        "attributes": attributes,
        "centre": centre,
        "box": box,
        "ground": ground,
    }


def _box(o, camera: np.ndarray) -> np.ndarray:
    """(4,) pixel box around an object, from points on its surface."""
    radius = o.position[2]
    kind = ATTRIBUTES["shape"].index(o.shape)
    turn = np.deg2rad(o.rotation)
    angles = np.arange(16) * np.pi / 8
    if kind == CUBE:
        corner = angles[2::4] + turn
        ring = 0.965 * radius * 2**0.5 * np.stack([np.cos(corner), np.sin(corner)], 1)
        levels = (-radius, radius)
    elif kind == CYLINDER:
        ring = radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        levels = (-radius, radius)
    else:
        ring = radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        levels = (0.0,)
    points = [np.append(p, z) for p in ring for z in levels]
    if len(levels) == 1:  # a sphere: two more great circles
        points += [np.array([p[0], 0, p[1]]) for p in ring]
        points += [np.array([0, p[0], p[1]]) for p in ring]
    world = torch.tensor(np.array(points) + np.array(o.position), dtype=torch.float32)
    seen = project(world, torch.from_numpy(camera), FULL_WIDTH, FULL_HEIGHT)[:, :2]
    return torch.cat([seen.amin(0), seen.amax(0)]).numpy()


def labels_of_clevr(scene: Scene) -> dict[str, np.ndarray]:
    """Labels of a scene whose camera is not recorded (CLEVR's files): the camera is fitted."""
    positions = torch.tensor([o.position for o in scene.objects])
    pixels = torch.tensor([o.pixel[:2] for o in scene.objects], dtype=torch.float32)
    return label_arrays(scene, fit_camera(positions, pixels).numpy())


def _write_shard(job: tuple[Path, int, int, int, int]) -> Path:
    folder, seed, shard, width, height = job
    path = folder / f"{shard:05d}.npz"
    if path.exists():
        return path
    pictures = [draw_picture(seed, shard * SHARD + k, width, height) for k in range(SHARD)]
    rows = [label_arrays(p.scene, p.camera) for p in pictures]
    arrays = {name: np.stack([r[name] for r in rows]) for name in rows[0]}
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.savez(file, images=np.stack([p.pixels for p in pictures]), **arrays)
    partial.replace(path)
    return path


def render_shards(
    folder: Path, seed: int, shards: range, width: int, height: int, workers: int = 1
):
    """Yields the paths of `shards` of the set `seed`, drawing those that are not there yet."""
    refuse_evaluation_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, seed, shard, width, height) for shard in shards]
    if workers <= 1:
        yield from map(_write_shard, jobs)
        return
    with helpers(workers) as pool:
        yield from pool.imap(_write_beside, jobs)


def _write_beside(job: tuple) -> Path:
    """Beside other processes."""
    torch.set_num_threads(1)
    return _write_shard(job)


def read_shard(path: Path) -> Renders:
    with np.load(path) as arrays:
        return Renders(**{name: arrays[name] for name in arrays.files})


def join(parts: list[Renders]) -> Renders:
    """One set from several, in order."""
    names = Renders.__dataclass_fields__
    return Renders(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})
