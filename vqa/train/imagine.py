"""Imagined perception: descriptors as the encoder would give them, drawn from labels alone.

Reasoning needs to know what an encoder reports, not to see pictures. So most of its training runs
on descriptors made up from labelled scenes, with the errors an encoder makes: unsure or wrong
attributes, shifted places, missed and spurious objects. It is polished on real ones afterwards.
"""

from __future__ import annotations

import numpy as np
import torch

from vqa.config import ImageEncoderConfig
from vqa.data.renders import label_arrays
from vqa.models.image_encoder import GROUND_SCALE
from vqa.train.bank import Bank
from vqa.world.appearance import sample_camera
from vqa.world.placement import sample_objects, scene_rng, with_pixels

_WRONG = 0.01  # attributes read as another value
_UNSURE = 0.04  # attributes with probability spread over two values
_MISSED, _SPURIOUS = 0.01, 0.08


def imagine(
    config: ImageEncoderConfig, seed: int, count: int
) -> tuple[Bank, dict[str, np.ndarray]]:
    """A bank of `count` scenes that were never drawn, and their labels as in `Renders`."""
    rows, sides = [], ([], [])
    for number in range(count):
        rng = scene_rng(seed, number, stream=1)
        scene, camera = sample_objects(rng), sample_camera(rng)
        scene = with_pixels(scene, camera, [0] * len(scene), number, "")
        labels = label_arrays(scene, camera)
        rows.append(labels)
        for mirrored in (False, True):
            sides[mirrored].append(_perceive(config, labels, mirrored, rng))
    labels = {name: np.stack([r[name] for r in rows]) for name in rows[0]}
    bank = [
        [torch.from_numpy(np.stack([view[k] for view in side])) for side in sides] for k in range(4)
    ]
    return Bank(*bank), labels


def _perceive(
    config: ImageEncoderConfig, labels: dict, mirrored: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Descriptors (R, K), mask (R,), boxes (R, 4) and regions of objects (N,) of one view."""
    sizes = [len(values) for values in config.attributes.values()]
    count, most = int(labels["count"]), config.regions
    shown = np.full(len(labels["attributes"]), -1, np.int64)
    parts = []
    # The camera's jitter turns and stretches all places of a picture together.
    turn, stretch = rng.normal(0, 0.03), 1 + rng.normal(0, 0.03, 2)
    cos, sin = np.cos(turn), np.sin(turn)
    for n in rng.permutation(count)[:most]:
        if rng.random() < _MISSED:
            continue
        shown[n] = len(parts)
        x, y = labels["ground"][n] * (-1 if mirrored else 1, 1)
        place = np.array([cos * x - sin * y, sin * x + cos * y]) * stretch
        place = place + rng.normal(0, 0.06, 2)
        x0, y0, x1, y1 = labels["box"][n]
        box = np.array([1 - x1, y0, 1 - x0, y1] if mirrored else [x0, y0, x1, y1])
        parts.append(_descriptor(labels["attributes"][n], sizes, place, box, rng, rng.beta(8, 1.2)))
    while len(parts) < most and rng.random() < _SPURIOUS:
        values = [rng.integers(size) for size in sizes]
        corner = rng.uniform(0, 0.9, 2)
        box = np.concatenate([corner, corner + rng.uniform(0.05, 0.2, 2)])
        score = rng.uniform(0.3, 0.6)
        parts.append(_descriptor(values, sizes, rng.uniform(-4, 4, 2), box, rng, score))
    order = rng.permutation(len(parts))
    descriptors = np.zeros((most, 1 + sum(sizes) + 6), np.float32)
    for slot, k in enumerate(order):
        descriptors[slot] = parts[k]
    where = np.argsort(order)
    shown = np.where(shown >= 0, where[shown], -1) if len(parts) else shown
    mask = np.arange(most) < max(len(parts), 1)
    return descriptors, mask, descriptors[:, -4:].copy(), shown


def _descriptor(values, sizes, place, box, rng: np.random.Generator, score: float) -> np.ndarray:
    probabilities = []
    for value, size in zip(values, sizes, strict=True):
        p = np.full(size, 0.0)
        other = int(rng.integers(size))
        chance = rng.random()
        trust = rng.uniform(0.5, 0.9) if chance < _UNSURE else rng.uniform(0.95, 1.0)
        p[other if chance > 1 - _WRONG else value] += trust
        p[int(rng.integers(size))] += 1 - trust
        probabilities.append(p)
    box = (box + rng.normal(0, 0.005, 4)).clip(0, 1)
    return np.concatenate([[score], *probabilities, place / GROUND_SCALE, box]).astype(np.float32)
