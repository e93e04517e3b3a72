"""Scenes and looks as tensors, and the geometry that every ray test of the renderer shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vqa.world import shapes
from vqa.world.appearance import Look
from vqa.world.scene import RADIUS, SHAPES, Scene

_LIGHT = 94.0  # power of the key lamp, fitted to renders of CLEVR's generator


@dataclass
class Stage:
    """A batch of B scenes with up to N objects as tensors; padding objects have radius 0."""

    centre: torch.Tensor  # (B, N, 3)
    kind: torch.Tensor  # (B, N)
    half: torch.Tensor  # (B, N, 2)
    bevel: torch.Tensor  # (B, N)
    bound: torch.Tensor  # (B, N) radius of the bounding sphere, -1 for padding
    turn: torch.Tensor  # (B, N, 2) cosine and sine of the rotation
    metal: torch.Tensor  # (B, N) bool
    albedo: torch.Tensor  # (B, N, 3)
    gloss: torch.Tensor  # (B, N)
    roughness: torch.Tensor  # (B, N)
    camera: torch.Tensor  # (B, 3)
    lamps: torch.Tensor  # (B, L, 3)
    power: torch.Tensor  # (B, L, 3)
    lamp_size: torch.Tensor  # (B, L)
    ground: torch.Tensor  # (B, 3)
    light: torch.Tensor  # (B, 3): ambient, sky, bounce


def stage_of(scenes: list[Scene], looks: list[Look], device: torch.device) -> Stage:
    most = max(len(s) for s in scenes)

    def padded(rows: list[np.ndarray], fill: float = 0.0) -> torch.Tensor:
        out = np.full((len(rows), most, *np.shape(rows[0])[1:]), fill, dtype=np.float32)
        for row, values in zip(out, rows, strict=True):
            row[: len(values)] = values
        return torch.from_numpy(out).to(device)

    def stacked(rows: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(rows).astype(np.float32)).to(device)

    radius = padded([np.array([RADIUS[o.size] for o in s.objects]) for s in scenes])
    kind = padded([np.array([SHAPES.index(o.shape) for o in s.objects]) for s in scenes])
    angle = padded([np.deg2rad([o.rotation for o in s.objects]) for s in scenes])
    half = shapes.half_extents(kind, radius)
    bound = torch.where(
        kind == shapes.SPHERE, radius, (half[..., 0] ** 2 + half[..., 1] ** 2).sqrt()
    )
    bound = torch.where(kind == shapes.CUBE, half[..., 0] * 3**0.5, bound)
    return Stage(
        centre=padded([np.array([o.position for o in s.objects]) for s in scenes]),
        kind=kind,
        half=half,
        bevel=padded([look.bevel for look in looks]) * half[..., 0],
        bound=torch.where(radius > 0, bound, torch.full_like(bound, -1.0)),
        turn=torch.stack([angle.cos(), angle.sin()], dim=-1),
        metal=padded([np.array([o.material == "metal" for o in s.objects]) for s in scenes]) > 0,
        albedo=padded([look.albedo for look in looks]),
        gloss=padded([look.gloss for look in looks]),
        roughness=padded([look.roughness for look in looks], fill=0.1),
        camera=stacked([look.camera for look in looks]),
        lamps=stacked([look.lamps for look in looks]),
        power=stacked([look.power for look in looks]) * _LIGHT,
        lamp_size=stacked([look.lamp_size for look in looks]),
        ground=stacked([look.ground for look in looks]),
        light=stacked([np.array([k.ambient, k.sky, k.bounce]) for k in looks]),
    )


def rows_of(x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """x[b]; a single scene's row is left to broadcast, which spares most of the copying."""
    return x if len(x) == 1 else x[b]


def toward_centres(stage: Stage, b: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Dot products (n, N) of vectors `x` (n, 3) with the centres of their scene's objects."""
    if len(stage.centre) == 1:
        return x @ stage.centre[0].T
    return (stage.centre[b] * x.unsqueeze(1)).sum(-1)


def squared_distance(stage: Stage, b: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Squared distances (n, N) from points `p` (n, 3) to their scene's objects."""
    own = rows_of((stage.centre**2).sum(-1), b)
    return own + (p * p).sum(-1, keepdim=True) - 2 * toward_centres(stage, b, p)


def to_local(
    stage: Stage, b: torch.Tensor, n: torch.Tensor, p: torch.Tensor, d: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and directions (k, 3) in the frames of objects `n` of scenes `b`."""
    cos, sin = stage.turn[b, n].unbind(-1)
    p = p - stage.centre[b, n]

    def turn(x: torch.Tensor) -> torch.Tensor:
        return torch.stack(
            [cos * x[:, 0] + sin * x[:, 1], cos * x[:, 1] - sin * x[:, 0], x[:, 2]], dim=-1
        )

    return turn(p), turn(d)
