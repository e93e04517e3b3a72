"""The camera of the simulated world: CLEVR's pinhole that looks at the origin.

Facts (Johnson et al. 2017, published generator): camera at (7.48, -6.51, 5.34), each axis
jittered by up to 0.5; lens 35 mm on a 32 mm sensor, hence a focal length of 350 px for an image
320 px wide; the vertical axis is z; the ground is the plane z = 0.
"""

from __future__ import annotations

import torch

CAMERA = (7.48, -6.51, 5.34)
CAMERA_JITTER = 0.5
FOCAL_PER_WIDTH = 350.0 / 320.0
FULL_WIDTH, FULL_HEIGHT = 320, 240


def camera_frame(position: torch.Tensor) -> torch.Tensor:
    """Axes of a camera that looks at the origin.

    Args:
        position: (..., 3) camera positions in world units.

    Returns:
        (..., 3, 3): rows right, up, forward; unit length.
    """
    forward = -position / position.norm(dim=-1, keepdim=True)
    vertical = torch.zeros_like(forward)
    vertical[..., 2] = 1.0
    right = torch.linalg.cross(forward, vertical)
    right = right / right.norm(dim=-1, keepdim=True)
    up = torch.linalg.cross(right, forward)
    return torch.stack([right, up, forward], dim=-2)


def project(points: torch.Tensor, position: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Projects world points to pixels.

    Args:
        points: (..., 3) world units.
        position: (3,) or (..., 3) camera position, broadcast against `points`.
        width, height: image size in pixels.

    Returns:
        (..., 3): u (right) and v (down) in pixels, (0, 0) the top left corner, and the distance
        along the viewing direction in world units.
    """
    frame = camera_frame(position)
    local = ((points - position).unsqueeze(-2) * frame).sum(-1)
    focal = FOCAL_PER_WIDTH * width
    u = width / 2 + focal * local[..., 0] / local[..., 2]
    v = height / 2 - focal * local[..., 1] / local[..., 2]
    return torch.stack([u, v, local[..., 2]], dim=-1)


def pixel_rays(
    u: torch.Tensor, v: torch.Tensor, frame: torch.Tensor, width: int, height: int
) -> torch.Tensor:
    """Unit directions (n, 3) through the pixel positions `u`, `v` (n,) of cameras with axes
    `frame` (n, 3, 3) or (3, 3)."""
    focal = FOCAL_PER_WIDTH * width
    x = (u - width / 2) / focal
    y = (height / 2 - v) / focal
    local = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    world = (local.unsqueeze(-1) * frame).sum(-2)
    return world / world.norm(dim=-1, keepdim=True)


def fit_camera(points: torch.Tensor, pixels: torch.Tensor, steps: int = 20) -> torch.Tensor:
    """Camera position that best explains where points appear (Gauss-Newton on pixel error).

    Args:
        points: (n, 3) world positions, n >= 2.
        pixels: (n, 2) their pixels in a 320x240 image.

    Returns:
        (3,) camera position. Renders from elsewhere record pixels but no camera; this finds it.
    """
    position = torch.tensor(CAMERA, dtype=torch.float64)
    points, pixels = points.double(), pixels.double()

    def residual(p: torch.Tensor) -> torch.Tensor:
        seen = project(points, p, FULL_WIDTH, FULL_HEIGHT)[:, :2]
        # A weak pull to the nominal position settles what few objects leave open.
        prior = 0.3 * (p - torch.tensor(CAMERA, dtype=torch.float64))
        return torch.cat([(seen - pixels).flatten(), prior])

    for _ in range(steps):
        r = residual(position)
        jacobian = torch.autograd.functional.jacobian(residual, position)
        position = position - torch.linalg.lstsq(jacobian, r.unsqueeze(1)).solution.squeeze(1)
    return position.float()
