"""A small ray tracer in torch for the simulated world: batched, on any device.

One primary ray per pixel, four more where neighbouring pixels differ (edges), soft shadows from
area lamps, ambient occlusion, one reflection bounce on metal, sRGB output. Shadows have no grain:
instead of shooting many rays at a lamp, each shadow ray measures how near it passes by an
occluder and compares that with the lamp's apparent size there (penumbra from the closest
approach, as in distance-field rendering; Aaltonen 2018).
"""

from __future__ import annotations

import numpy as np
import torch

from vqa.world import shapes
from vqa.world.appearance import Look, plain_look
from vqa.world.geometry import FULL_WIDTH, camera_frame, pixel_rays
from vqa.world.scene import Scene
from vqa.world.stage import (
    Stage,
    rows_of,
    squared_distance,
    stage_of,
    to_local,
    toward_centres,
)

_SUBPIXELS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


def _nearest(
    stage: Stage, b: torch.Tensor, o: torch.Tensor, d: torch.Tensor, own: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """First object along rays: (ray parameter (n,), object (n,) or -1); `own` is passed over."""
    along = toward_centres(stage, b, d) - (o * d).sum(-1, keepdim=True)
    apart = squared_distance(stage, b, o) - along * along
    bound = rows_of(stage.bound, b)
    near = (apart < bound * bound) & (along > -bound) & (bound > 0)
    near &= torch.arange(bound.shape[1], device=b.device) != own.unsqueeze(1)
    ray, n = near.nonzero(as_tuple=True)
    p, v = to_local(stage, b[ray], n, o[ray], d[ray])
    at = b[ray], n
    t = torch.full(near.shape, float("inf"), device=b.device)
    t[ray, n] = shapes.intersect(p, v, stage.kind[at], stage.half[at], stage.bevel[at])
    best, which = t.min(dim=1)
    return best, torch.where(best.isfinite(), which, torch.full_like(which, -1))


def _lamp_visibility(
    stage: Stage,
    b: torch.Tensor,
    p: torch.Tensor,
    toward: torch.Tensor,
    distance: torch.Tensor,
    size: torch.Tensor,
    own: torch.Tensor,
    lit: torch.Tensor,
) -> torch.Tensor:
    """Share (n,) of a lamp of half side `size` (n,) seen from points `p`."""
    along = toward_centres(stage, b, toward) - (p * toward).sum(-1, keepdim=True)
    apart = squared_distance(stage, b, p) - along * along
    bound = rows_of(stage.bound, b)
    # The cone from the point to the lamp, widened by the occluder's bounding sphere.
    reach = bound + size.unsqueeze(1) * along.clamp(min=0) / distance.unsqueeze(1)
    near = (apart < reach * reach) & (along > 0) & (along < distance.unsqueeze(1))
    near &= (bound > 0) & lit.unsqueeze(1)
    near &= torch.arange(bound.shape[1], device=b.device) != own.unsqueeze(1)
    point, n = near.nonzero(as_tuple=True)
    at = b[point], n
    o, d = to_local(stage, *at, p[point], toward[point])
    gap, t = shapes.closest_approach(o, d, stage.kind[at], stage.half[at], stage.bevel[at])
    width = (size[point] * t.clamp(min=0) / distance[point]).clamp(min=1e-3)
    x = ((gap / width + 1) / 2).clamp(0, 1)
    seen = torch.ones(near.shape, device=b.device)
    seen[point, n] = x * x * (3 - 2 * x)
    return seen.prod(dim=1)


def _diffuse(
    stage: Stage,
    b: torch.Tensor,
    p: torch.Tensor,
    normal: torch.Tensor,
    own: torch.Tensor,
    shadows: bool,
) -> torch.Tensor:
    """Light (n, 3) that arrives at points with normals, divided by pi."""
    ambient, _, bounce = rows_of(stage.light, b).unbind(-1)
    square = squared_distance(stage, b, p).clamp(min=1e-4)
    bound = rows_of(stage.bound, b).clamp(min=0)
    height = toward_centres(stage, b, normal) - (p * normal).sum(-1, keepdim=True)
    facing = height / square.sqrt()
    others = torch.arange(bound.shape[1], device=b.device) != own.unsqueeze(1)
    covered = (facing + 0.2).clamp(0, 1) * (0.7 * bound * bound / square).clamp(max=1) * others
    open_sky = (1 - 0.8 * covered).prod(dim=1)
    up = normal[:, 2]
    total = (ambient * open_sky * (0.65 + 0.35 * up)).unsqueeze(-1).expand(-1, 3).clone()
    total += (bounce * 0.5 * (1 - up) * open_sky * 0.9).unsqueeze(-1) * rows_of(stage.ground, b)
    # All lamps in one list: lamp by lamp, every point.
    count, lamps = len(p), stage.lamps.shape[1]
    lamp = torch.cat([rows_of(stage.lamps[:, k], b).expand(count, 3) for k in range(lamps)])
    size = torch.cat([rows_of(stage.lamp_size[:, k], b).expand(count) for k in range(lamps)])
    power = torch.cat([rows_of(stage.power[:, k], b).expand(count, 3) for k in range(lamps)])
    b, p, normal, own = (
        b.repeat(lamps),
        p.repeat(lamps, 1),
        normal.repeat(lamps, 1),
        own.repeat(lamps),
    )
    toward = lamp - p
    distance = toward.norm(dim=-1)
    toward = toward / distance.unsqueeze(-1)
    # Area lamps shine towards the middle of the scene and fade to their sides.
    shine = ((toward * lamp).sum(-1) / lamp.norm(dim=-1)).clamp(min=0)
    # A lamp of finite size still lights faces turned a little away.
    soft = 0.5 * size / distance
    angle = ((toward * normal).sum(-1) + soft).clamp(min=0) / (1 + soft)
    strength = angle * shine / (distance * distance) / (4 * torch.pi)
    if shadows:
        strength = strength * _lamp_visibility(
            stage, b, p, toward, distance, size, own, strength > 0
        )
    total += (strength.unsqueeze(-1) * power).view(lamps, count, 3).sum(0)
    return total


def _sky(
    stage: Stage, b: torch.Tensor, p: torch.Tensor, d: torch.Tensor, roughness: torch.Tensor
) -> torch.Tensor:
    """What a glossy surface at `p` mirrors along `d` when nothing is in the way: (n, 3)."""
    total = (
        (rows_of(stage.light, b)[:, 1] * (0.6 + 0.4 * d[:, 2])).unsqueeze(-1).expand(-1, 3).clone()
    )
    for k in range(stage.lamps.shape[1]):
        toward = rows_of(stage.lamps[:, k], b) - p
        distance = toward.norm(dim=-1)
        off = torch.acos(((toward * d).sum(-1) / distance).clamp(-1, 1))
        seen = rows_of(stage.lamp_size[:, k], b) / distance
        spread = (seen * seen + roughness * roughness).sqrt()
        # A blurred lamp keeps its energy: wider means dimmer.
        glow = torch.exp(-((off / spread) ** 2) * 1.2) * (seen / spread) ** 2
        total += (0.035 * glow).unsqueeze(-1) * rows_of(stage.power[:, k], b)
    return total


def _shade(
    stage: Stage,
    b: torch.Tensor,
    o: torch.Tensor,
    d: torch.Tensor,
    own: torch.Tensor,
    bounces: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Linear colours (n, 3) seen along rays and the objects (n,) hit, -1 for the ground."""
    t, n = _nearest(stage, b, o, d, own)
    down = d[:, 2] < -1e-4
    ground_t = torch.where(down, -o[:, 2] / d[:, 2].clamp(max=-1e-4), torch.full_like(t, 1e4))
    n = torch.where(ground_t < t, torch.full_like(n, -1), n)
    t = torch.minimum(t, ground_t)
    p = o + t.unsqueeze(-1) * d
    on_object = n >= 0
    normal = torch.zeros_like(d)
    normal[:, 2] = 1.0
    albedo = rows_of(stage.ground, b).expand(len(b), 3)
    hit = on_object.nonzero().squeeze(1)
    at = b[hit], n[hit]
    local, _ = to_local(stage, *at, p[hit], d[hit])
    ln = shapes.surface_normal(local, stage.kind[at], stage.half[at], stage.bevel[at])
    cos, sin = stage.turn[at].unbind(-1)
    normal[hit] = torch.stack(
        [cos * ln[:, 0] - sin * ln[:, 1], sin * ln[:, 0] + cos * ln[:, 1], ln[:, 2]], dim=-1
    )
    albedo = albedo.index_copy(0, hit, stage.albedo[at])
    color = torch.zeros_like(d)
    metal = torch.zeros_like(on_object)
    metal[hit] = stage.metal[at]
    matte = (~metal & (on_object | down)).nonzero().squeeze(1)
    color[matte] = albedo[matte] * _diffuse(
        stage, b[matte], p[matte], normal[matte], n[matte], shadows=True
    )
    away = ~(on_object | down)
    color[away] = stage.light[b[away], 1].unsqueeze(-1)
    mirror = d - 2 * (d * normal).sum(-1, keepdim=True) * normal
    soft = (on_object & ~metal).nonzero().squeeze(1)
    at = b[soft], n[soft]
    shine = _sky(stage, b[soft], p[soft], mirror[soft], stage.roughness[at])
    color[soft] += stage.gloss[at].unsqueeze(-1) * shine
    shiny = metal.nonzero().squeeze(1)
    if len(shiny):
        color[shiny] = _metal(
            stage,
            b[shiny],
            p[shiny],
            normal[shiny],
            mirror[shiny],
            n[shiny],
            albedo[shiny],
            bounces,
        )
    return color, n


def _metal(
    stage: Stage,
    b: torch.Tensor,
    p: torch.Tensor,
    normal: torch.Tensor,
    mirror: torch.Tensor,
    n: torch.Tensor,
    albedo: torch.Tensor,
    bounces: int,
) -> torch.Tensor:
    """Light (k, 3) leaving metal: mirrored surroundings in the metal's own tint."""
    gloss, roughness = stage.gloss[b, n].unsqueeze(-1), stage.roughness[b, n]
    seen = _sky(stage, b, p, mirror, roughness)
    if bounces > 0:
        reflected, hit = _shade(stage, b, p + 1e-3 * normal, mirror, n, bounces - 1)
        blocked = ((hit >= 0) | (mirror[:, 2] < -1e-4)).unsqueeze(-1)
        seen = torch.where(blocked, reflected, seen)
        # Rough metal also scatters light from all around.
        return albedo * (gloss * seen * 1.15 + 0.25 * _diffuse(stage, b, p, normal, n, False))
    return albedo * (seen + 0.25 * stage.light[b, :1])


def _srgb(linear: torch.Tensor) -> torch.Tensor:
    linear = linear.clamp(0, 1)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _blurred(image: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of (3, H, W); `sigma` in pixels."""
    if sigma < 0.15:
        return image
    x = torch.arange(-2, 3, device=image.device, dtype=image.dtype)
    k = torch.exp(-(x * x) / (2 * sigma * sigma))
    k = k / k.sum()
    image = torch.nn.functional.pad(image.unsqueeze(0), (2, 2, 2, 2), mode="replicate")
    image = torch.nn.functional.conv2d(image, k.view(1, 1, 1, 5).expand(3, 1, 1, 5), groups=3)
    return torch.nn.functional.conv2d(image, k.view(1, 1, 5, 1).expand(3, 1, 5, 1), groups=3)[0]


@torch.no_grad()
def render(
    scenes: list[Scene],
    looks: list[Look],
    width: int = 320,
    height: int = 240,
    device: str | torch.device = "cpu",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws scenes.

    Args:
        scenes, looks: B scenes and their looks.
        width, height: size of the pictures in pixels; the proportion should be 4:3.

    Returns:
        images: (B, 3, H, W) float in [0, 1], sRGB, without grain (see `finish`).
        owner: (B, H, W) int64, the object each pixel shows, -1 for the ground.
    """
    device = torch.device(device)
    stage = stage_of(scenes, looks, device)
    count = len(scenes)
    frame = camera_frame(stage.camera)
    b, row, column = _pixels(count, width, height, device)

    def look_at(b: torch.Tensor, u: torch.Tensor, v: torch.Tensor):
        d = pixel_rays(u, v, frame[b], width, height)
        nobody = torch.full_like(b, -1)
        return _shade(stage, b, stage.camera[b], d, nobody, bounces=1)

    color, owner = look_at(b, column, row)
    owner = owner.view(count, height, width)
    image = color.view(count, height, width, 3)
    edges = _edges(image, owner).flatten().nonzero().squeeze(1)
    exposure = torch.tensor([k.exposure for k in looks], device=device)
    image = _srgb(image * exposure.view(-1, 1, 1, 1)).view(-1, 3)
    if len(edges):
        repeated = edges.repeat(len(_SUBPIXELS))
        shift = torch.tensor(_SUBPIXELS, device=device).repeat_interleave(len(edges), dim=0)
        fine, _ = look_at(b[repeated], column[repeated] + shift[:, 0], row[repeated] + shift[:, 1])
        fine = _srgb(fine * exposure[b[repeated]].unsqueeze(-1))
        image[edges] = fine.view(len(_SUBPIXELS), -1, 3).mean(0)
    image = image.view(count, height, width, 3).permute(0, 3, 1, 2)
    scale = width / FULL_WIDTH
    image = torch.stack(
        [_blurred(x, look.blur * scale) for x, look in zip(image, looks, strict=True)]
    )
    return image, owner


@torch.no_grad()
def owners(
    scenes: list[Scene],
    cameras: np.ndarray,
    width: int = 320,
    height: int = 240,
    device: str | torch.device = "cpu",
) -> torch.Tensor:
    """Which object each pixel shows, without drawing: (B, H, W) int64, -1 for the ground.

    Args:
        cameras: (B, 3) camera positions.
    """
    device = torch.device(device)
    looks = [plain_look(scene, camera) for scene, camera in zip(scenes, cameras, strict=True)]
    stage = stage_of(scenes, looks, device)
    b, row, column = _pixels(len(scenes), width, height, device)
    d = pixel_rays(column, row, camera_frame(stage.camera)[b], width, height)
    _, owner = _nearest(stage, b, stage.camera[b], d, torch.full_like(b, -1))
    return owner.view(len(scenes), height, width)


def _pixels(
    count: int, width: int, height: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scene number, v and u (pixel centres) of every pixel of `count` pictures, flat."""
    b, row, column = torch.meshgrid(
        torch.arange(count, device=device),
        torch.arange(height, device=device),
        torch.arange(width, device=device),
        indexing="ij",
    )
    return b.flatten(), row.flatten() + 0.5, column.flatten() + 0.5


def _edges(image: torch.Tensor, owner: torch.Tensor) -> torch.Tensor:
    """(B, H, W) bool: pixels that differ from a neighbour in owner, or strongly in colour."""
    edge = torch.zeros_like(owner, dtype=torch.bool)
    bright = image.sqrt()
    for axis in (1, 2):
        length = owner.shape[axis]
        first, second = (0, length - 1), (1, length - 1)
        a, c = owner.narrow(axis, *first), owner.narrow(axis, *second)
        x, y = bright.narrow(axis, *first), bright.narrow(axis, *second)
        differs = (a != c) | ((x - y).abs().amax(-1) > 0.12)
        edge.narrow(axis, *first).logical_or_(differs)
        edge.narrow(axis, *second).logical_or_(differs)
    return edge


def finish(image: torch.Tensor, look: Look, rng: np.random.Generator) -> np.ndarray:
    """(3, H, W) float in [0, 1] -> (H, W, 3) uint8 with the look's grain."""
    pixels = image.permute(1, 2, 0).cpu().numpy() * 255.0
    noise = rng.normal(0.0, 1.0, pixels.shape).astype(np.float32) * look.grain
    return (pixels + noise + 0.5).clip(0, 255).astype(np.uint8)
