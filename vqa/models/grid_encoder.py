"""An image encoder for photographs: every cell of a feature grid is a region."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.config import ImageEncoderConfig
from vqa.models.familiarity import Familiarity, spread
from vqa.models.image_encoder import IMAGE_ENCODERS, Regions


class _Block(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016), with a stride at the entry."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential()
        if stride > 1 or before != after:
            # Average before the 1x1 convolution: a strided one would drop three of four cells.
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


@IMAGE_ENCODERS.register("grid")
class GridEncoder(nn.Module):
    """A small residual network whose last grid, a 16th of the image's size, gives the regions.

    Args:
        config: sizes; `width` is the number of channels of the first stage. dim: D.
    """

    def __init__(self, config: ImageEncoderConfig, dim: int) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.body = nn.Sequential(
            nn.Conv2d(3, w // 2, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(w // 2),
            nn.ReLU(inplace=True),
            _Block(w // 2, w, 2),
            _Block(w, w, 1),
            _Block(w, 2 * w, 2),
            _Block(2 * w, 2 * w, 1),
            _Block(2 * w, 4 * w, 2),
            _Block(4 * w, 4 * w, 1),
        )
        self.project = nn.Linear(4 * w + 2, dim)
        self.familiarity = Familiarity(8 * w, contrast=True)

    def signature(self, images: Tensor) -> Tensor:
        """(B, F): what `familiarity` judges pictures by."""
        return spread(self.body(images * 2 - 1))

    def forward(self, images: Tensor) -> Regions:
        """(B, 3, H, W) in [0, 1] -> H/16 x W/16 regions, all valid."""
        grid = self.body(images * 2 - 1)
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
