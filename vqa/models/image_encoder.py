"""Image encoders: pictures -> regions with features, a mask and boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.config import ImageEncoderConfig
from vqa.errors import ConfigError
from vqa.models.familiarity import Familiarity, spread
from vqa.registry import Registry

IMAGE_ENCODERS: Registry[nn.Module] = Registry("image encoder")
GROUND_SCALE = 1.5  # world units that a region's ground position is divided by


@dataclass
class Regions:
    """What an image encoder offers to the fusion.

    Attributes:
        features: (B, R, D). mask: (B, R) bool, True where there is a region.
        boxes: (B, R, 4) x0, y0, x1, y1 in [0, 1] of the image.
        clarity: (B,) in [0, 1], how plainly the regions could be told: low for pictures unlike
            those the encoder was trained on.
    """

    features: Tensor
    mask: Tensor
    boxes: Tensor
    clarity: Tensor

    def row(self, k: int) -> Regions:
        """The k-th image alone, as a batch of one with memory of its own."""
        return Regions(*(x[k : k + 1].clone() for x in self._tensors()))

    @property
    def row_bytes(self) -> int:
        """Bytes that the numbers of one image take."""
        return sum(x[:1].nbytes for x in self._tensors())

    def like(self, images: int) -> Regions:
        """Memory for as many images, not yet filled."""
        return Regions(*(x.new_empty(images, *x.shape[1:]) for x in self._tensors()))

    def put(self, place: int, other: Regions, k: int) -> None:
        """Writes the k-th image of another batch over the one at `place`."""
        for x, y in zip(self._tensors(), other._tensors(), strict=True):
            x[place] = y[k]

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.features, self.mask, self.boxes, self.clarity

    @staticmethod
    def join(parts: list[Regions]) -> Regions:
        """One batch from several."""
        return Regions(
            *(
                torch.cat([getattr(p, name) for p in parts])
                for name in ("features", "mask", "boxes", "clarity")
            )
        )


@dataclass
class Proposals:
    """Objects found by `CompactEncoder`, before projection to D.

    Attributes:
        descriptors: (B, R, K): objectness, attribute probabilities, ground position, box.
        mask: (B, R) bool. boxes: (B, R, 4) in [0, 1].
    """

    descriptors: Tensor
    mask: Tensor
    boxes: Tensor


class _Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def _down(before: int, after: int) -> nn.Sequential:
    """Halves the grid."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


@IMAGE_ENCODERS.register("compact")
class CompactEncoder(nn.Module):
    """A small residual network that finds objects and describes them.

    A feature grid of a quarter of the image's size (three scales joined as in Lin et al. 2017) is
    searched for object centres (a heat map, Zhou et al. 2019); the R best peaks become regions.
    A region is described by what can be named: how surely it is an object, the probabilities of
    its attributes, where it stands on the ground, and its box. Reasoning needs no more, and can
    be trained on descriptors alone.

    Args:
        config: sizes. dim: D.
    """

    cells = False  # its regions are objects

    def __init__(self, config: ImageEncoderConfig, dim: int) -> None:
        super().__init__()
        width, height = config.image_size
        cells = -(-width // 4) * -(-height // 4)
        if config.regions > cells:
            raise ConfigError(
                f"model.image_encoder.regions must be at most {cells}, the cells that an image "
                f"of {width}x{height} has, not {config.regions}."
            )
        self.config = config
        self.sizes = [len(values) for values in config.attributes.values()]
        w = config.width
        self.stem = nn.Sequential(_down(3, w // 2), _down(w // 2, w), _Residual(w))
        self.middle = nn.Sequential(_down(w, 2 * w), _Residual(2 * w), _Residual(2 * w))
        self.deep = nn.Sequential(_down(2 * w, 3 * w), _Residual(3 * w))
        c = self.channels = w + w // 2
        self.lateral = nn.ModuleList(nn.Conv2d(k * w, c, 1) for k in (1, 2, 3))
        self.join = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(inplace=True),
        )
        self.heat = nn.Conv2d(c, 1, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # few cells hold a centre
        # Per region: attributes, centre offset (2), box around the centre (4), ground (2).
        self.describe = nn.Sequential(
            nn.Linear(c + 2, 2 * c), nn.ReLU(inplace=True), nn.Linear(2 * c, sum(self.sizes) + 8)
        )
        self.descriptor_size = 1 + sum(self.sizes) + 2 + 4
        self.project = nn.Linear(self.descriptor_size, dim)
        self.familiarity = Familiarity(2 * c)

    def grid(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in [0, 1] -> features (B, C, H/4, W/4), heat logits (B, H/4, W/4)."""
        a = self.stem(images * 2 - 1)
        b = self.middle(a)
        c = self.deep(b)
        size = a.shape[-2:]
        joined = self.lateral[0](a)
        for lateral, x in ((self.lateral[1], b), (self.lateral[2], c)):
            joined = joined + F.interpolate(lateral(x), size=size, mode="nearest")
        joined = self.join(joined)
        return joined, self.heat(joined).squeeze(1)

    def describe_at(self, features: Tensor, cells: Tensor) -> dict[str, Tensor]:
        """Reads descriptions at grid cells.

        Args:
            features: (B, C, h, w). cells: (B, R) flat indices into h * w.

        Returns:
            attributes: (B, R, sum of sizes) logits; centre: (B, R, 2) and box: (B, R, 4) in
            [0, 1] of the image; ground: (B, R, 2) in units of `GROUND_SCALE`.
        """
        b, c, h, w = features.shape
        index = cells.unsqueeze(1).expand(b, c, cells.shape[1])
        picked = features.flatten(2).gather(2, index).transpose(1, 2)
        column, row = (cells % w).float() + 0.5, (cells // w).float() + 0.5
        place = torch.stack([column / w, row / h], dim=-1)
        out = self.describe(torch.cat([picked, place * 2 - 1], dim=-1))
        attributes, offset, extent, ground = out.split([sum(self.sizes), 2, 4, 2], dim=-1)
        cell = torch.tensor([1.0 / w, 1.0 / h], device=out.device)
        centre = place + offset * cell
        reach = F.softplus(extent) * 0.1
        box = torch.cat([centre - reach[..., :2], centre + reach[..., 2:]], dim=-1)
        return {"attributes": attributes, "centre": centre, "box": box, "ground": ground}

    def propose(self, images: Tensor) -> Proposals:
        """Finds objects in (B, 3, H, W) images in [0, 1]."""
        return self._propose(*self.grid(images))

    def _propose(self, features: Tensor, heat: Tensor) -> Proposals:
        score = heat.sigmoid()
        peak = F.max_pool2d(score.unsqueeze(1), 3, stride=1, padding=1).squeeze(1)
        score = torch.where(score == peak, score, torch.zeros_like(score)).flatten(1)
        best, cells = score.topk(self.config.regions, dim=1)
        found = self.describe_at(features, cells)
        probabilities = [x.softmax(-1) for x in found["attributes"].split(self.sizes, dim=-1)]
        boxes = found["box"].clamp(0, 1)
        descriptors = torch.cat(
            [best.unsqueeze(-1), *probabilities, found["ground"], boxes], dim=-1
        )
        # At least the best peak stays, so that attention always has somewhere to go.
        first = torch.zeros_like(best, dtype=torch.bool)
        first[:, 0] = True
        return Proposals(descriptors, (best > 0.3) | first, boxes)

    def regions(self, proposals: Proposals) -> Regions:
        """Proposals as the fusion wants them."""
        features = self.project(proposals.descriptors)
        return Regions(features, proposals.mask, proposals.boxes, self._clarity(proposals))

    def _clarity(self, proposals: Proposals) -> Tensor:
        """(B,): mean over regions of objectness times the certainty of their attributes."""
        score, *parts = proposals.descriptors.split([1, *self.sizes, 2 + 4], dim=-1)
        certain = score.squeeze(-1)
        for p in parts[:-1]:
            certain = certain * p.amax(dim=-1)
        mask = proposals.mask.to(certain.dtype)
        return (certain * mask).sum(-1) / mask.sum(-1)

    def signature(self, images: Tensor) -> Tensor:
        """(B, F): what `familiarity` judges pictures by."""
        return spread(self.grid(images)[0])

    def forward(self, images: Tensor) -> Regions:
        features, heat = self.grid(images)
        found = self.regions(self._propose(features, heat))
        return replace(found, clarity=found.clarity * self.familiarity(spread(features)))
