"""Image encoders whose regions are the cells of a feature grid: what they have in common."""

from __future__ import annotations

from hashlib import blake2b

import torch
from torch import Tensor, nn

from vqa.config import ImageEncoderConfig
from vqa.models.familiarity import Familiarity, spread
from vqa.models.image_encoder import Regions


class GridRegions(nn.Module):
    """Encodes in two steps: `grid` finds features, `regions` makes their cells regions.

    Args:
        config: sizes. dim: D. body: (B, 3, H, W) -> (B, C, h, w). channels: C.
    """

    cells = True  # that is what its regions are

    def __init__(
        self, config: ImageEncoderConfig, dim: int, body: nn.Module, channels: int
    ) -> None:
        super().__init__()
        self.config = config
        self.body = body
        self.project = nn.Linear(channels + 2, dim)
        self.familiarity = Familiarity(2 * channels, contrast=True)

    def normalised(self, images: Tensor) -> Tensor:
        """Images in [0, 1] as the body wants them: in [-1, 1] unless a subclass knows better."""
        return images * 2 - 1

    def grid(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> features (B, C, h, w)."""
        return self.body(self.normalised(images))

    def regions(self, grid: Tensor) -> Regions:
        """(B, C, h, w) -> h x w regions, all valid, row by row."""
        clarity = self.familiarity(spread(grid))
        batch, _, rows, columns = grid.shape
        y = (torch.arange(rows, device=grid.device) + 0.5) / rows
        x = (torch.arange(columns, device=grid.device) + 0.5) / columns
        middle = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1).view(1, -1, 2)
        cells = torch.cat(
            [grid.flatten(2).transpose(1, 2), (middle * 2 - 1).expand(batch, -1, -1)], dim=-1
        )
        half = torch.tensor([0.5 / columns, 0.5 / rows], device=grid.device)
        boxes = torch.cat([middle - half, middle + half], dim=-1).expand(batch, -1, -1)
        mask = torch.ones(boxes.shape[:2], dtype=torch.bool, device=grid.device)
        return Regions(self.project(cells), mask, boxes, clarity)

    def signature(self, images: Tensor) -> Tensor:
        """(B, F): what `familiarity` judges pictures by."""
        return spread(self.grid(images))

    def forward(self, images: Tensor) -> Regions:
        """(B, 3, H, W) in [0, 1] -> regions."""
        return self.regions(self.grid(images))

    def fingerprint(self) -> str:
        """Differs between encoders whose grids differ."""
        found = blake2b(self.config.name.encode(), digest_size=8)
        for name, value in self.state_dict().items():
            if not name.startswith(("project.", "familiarity.")):
                found.update(value.detach().cpu().numpy().tobytes())
        return found.hexdigest()
