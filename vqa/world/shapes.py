"""Rays against spheres, and cubes and cylinders with rounded edges.

A list of (ray, object) pairs is tested at once. Shapes are given in their own frame: centre at
the origin, turned upright. Kinds are the indices of `scene.SHAPES`: 0 cube, 1 sphere, 2 cylinder.
Rounded shapes use signed distance functions (Hart 1996, "Sphere tracing"): a sharp-edged hit is
found in closed form, then a few sphere-tracing steps walk from there to the rounded surface.
"""

from __future__ import annotations

import torch

CUBE, SPHERE, CYLINDER = 0, 1, 2
_WALK_STEPS = 4
_FAR = 1e6


def half_extents(kind: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """(n, 2): half width (radius for round shapes) and half height of objects, world units.

    A cube's half side is 0.965 radius: measured on renders of CLEVR's generator, whose nominal
    radius / sqrt(2) scales a mesh that is larger than the unit cube.
    """
    width = torch.where(kind == CUBE, 0.965 * radius, radius)
    return torch.stack([width, width], dim=-1)


def signed_distance(
    p: torch.Tensor, kind: torch.Tensor, half: torch.Tensor, bevel: torch.Tensor
) -> torch.Tensor:
    """Distance (n,) of points `p` (n, 3) to the surface, negative inside."""
    ax, ay, az = p.abs().unbind(-1)
    width, height = half.unbind(-1)
    cube = kind == CUBE
    qx = torch.where(cube, ax, torch.hypot(ax, ay)) - (width - bevel)
    qy = torch.where(cube, ay - (width - bevel), -_FAR)
    qz = az - (height - bevel)
    outside = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + qz.clamp(min=0) ** 2).sqrt()
    inside = torch.maximum(torch.maximum(qx, qy), qz).clamp(max=0)
    rounded = outside + inside - bevel
    return torch.where(kind == SPHERE, p.norm(dim=-1) - width, rounded)


def surface_normal(
    p: torch.Tensor, kind: torch.Tensor, half: torch.Tensor, bevel: torch.Tensor
) -> torch.Tensor:
    """Outward unit normals (n, 3) at surface points `p` (n, 3): the distance's gradient."""
    core = half - bevel.unsqueeze(-1)
    a = p.abs()
    radial = torch.hypot(p[:, 0], p[:, 1]).clamp(min=1e-6)
    cube = kind == CUBE
    qx = (torch.where(cube, a[:, 0], radial) - core[:, 0]).clamp(min=0)
    qy = torch.where(cube, a[:, 1] - core[:, 0], torch.zeros_like(radial)).clamp(min=0)
    qz = (a[:, 2] - core[:, 1]).clamp(min=0)
    sign = p.sign()
    box = torch.stack([qx * sign[:, 0], qy * sign[:, 1], qz * sign[:, 2]], dim=-1)
    tube = torch.stack([qx * p[:, 0] / radial, qx * p[:, 1] / radial, qz * sign[:, 2]], dim=-1)
    n = torch.where(cube.unsqueeze(-1), box, tube)
    n = torch.where((kind == SPHERE).unsqueeze(-1), p, n)
    return n / n.norm(dim=-1, keepdim=True).clamp(min=1e-9)


def _sharp_entry(
    o: torch.Tensor, d: torch.Tensor, kind: torch.Tensor, half: torch.Tensor
) -> torch.Tensor:
    """Ray parameter (n,) where rays enter the sharp-edged shape; `_FAR` where they miss."""
    safe = torch.where(d.abs() < 1e-8, torch.full_like(d, 1e-8), d)
    # Slabs: three for the cube, the vertical one for the cylinder too.
    width = half[:, :1]
    extent = torch.cat([width, width, half[:, 1:]], dim=-1)
    t1, t2 = (-extent - o) / safe, (extent - o) / safe
    low, high = torch.minimum(t1, t2), torch.maximum(t1, t2)
    # Round walls: |o + t d| = radius in the plane (cylinder) or in space (sphere).
    space = (kind == SPHERE).to(o.dtype)
    a = d[:, 0] ** 2 + d[:, 1] ** 2 + space * d[:, 2] ** 2
    b = o[:, 0] * d[:, 0] + o[:, 1] * d[:, 1] + space * o[:, 2] * d[:, 2]
    c = o[:, 0] ** 2 + o[:, 1] ** 2 + space * o[:, 2] ** 2 - half[:, 0] ** 2
    a = a.clamp(min=1e-9)
    disc = b * b - a * c
    root = disc.clamp(min=0).sqrt()
    wall_in, wall_out = (-b - root) / a, (-b + root) / a
    cube, sphere = kind == CUBE, kind == SPHERE
    enter_cube = low.amax(-1)
    leave_cube = high.amin(-1)
    enter = torch.where(cube, enter_cube, torch.maximum(wall_in, low[:, 2]))
    leave = torch.where(cube, leave_cube, torch.minimum(wall_out, high[:, 2]))
    enter = torch.where(sphere, wall_in, enter)
    leave = torch.where(sphere, wall_out, leave)
    hit = (enter < leave) & (enter > 1e-3) & (cube | (disc > 0))
    return torch.where(hit, enter, torch.full_like(enter, _FAR))


def intersect(
    o: torch.Tensor,
    d: torch.Tensor,
    kind: torch.Tensor,
    half: torch.Tensor,
    bevel: torch.Tensor,
) -> torch.Tensor:
    """First hits of rays with rounded shapes, pair by pair.

    Args:
        o, d: (n, 3) origins and unit directions in the object's frame.
        kind: (n,) shape indices.
        half: (n, 2) half width and half height.
        bevel: (n,) radius of the rounded edges, world units.

    Returns:
        (n,) ray parameter of the hit, infinity where there is none.
    """
    t = _sharp_entry(o, d, kind, half)
    hit = t < _FAR
    t = torch.where(hit, t, torch.zeros_like(t))
    distance = torch.zeros_like(t)
    for _ in range(_WALK_STEPS):
        distance = signed_distance(o + t.unsqueeze(-1) * d, kind, half, bevel)
        t = t + distance
    missed = distance > 0.02 * half[:, 0]
    return torch.where(hit & ~missed, t, torch.full_like(t, float("inf")))


def closest_approach(
    o: torch.Tensor,
    d: torch.Tensor,
    kind: torch.Tensor,
    half: torch.Tensor,
    bevel: torch.Tensor,
    samples: int = 5,
) -> tuple[torch.Tensor, torch.Tensor]:
    """How near rays pass by an object: (signed distance (n,), ray parameter (n,)).

    Along a line the distance to a convex body is convex, so the best of a few samples, narrowed
    once around the best, is close to the minimum. Used for soft shadows.
    """
    best_t = -(o * d).sum(-1)
    step = half.norm(dim=-1) / (samples // 2)
    places = torch.arange(samples, device=o.device, dtype=o.dtype) - samples // 2
    kind, half, bevel = kind.repeat(samples), half.repeat(samples, 1), bevel.repeat(samples)
    for _ in range(2):
        t = best_t + places.unsqueeze(1) * step
        p = o + t.unsqueeze(-1) * d
        distance = signed_distance(p.flatten(0, 1), kind, half, bevel).view(samples, -1)
        best, which = distance.min(dim=0)
        best_t = t.gather(0, which.unsqueeze(0)).squeeze(0)
        step = step / (samples // 2 + 1)
    return best, best_t
