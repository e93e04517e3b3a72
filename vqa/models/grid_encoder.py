"""An image encoder for photographs: every cell of a feature grid is a region."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vqa.config import ImageEncoderConfig
from vqa.models.grid_regions import GridRegions
from vqa.models.image_encoder import IMAGE_ENCODERS


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
class GridEncoder(GridRegions):
    """A small residual network whose last grid, a 16th of the image's size, gives the regions.

    Args:
        config: sizes; `width` is the number of channels of the first stage. dim: D.
    """

    def __init__(self, config: ImageEncoderConfig, dim: int) -> None:
        w = config.width
        body = nn.Sequential(
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
        super().__init__(config, dim, body, channels=4 * w)
