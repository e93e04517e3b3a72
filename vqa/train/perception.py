"""Teaching the image encoder to find and describe objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.data.renders import Renders
from vqa.models.image_encoder import GROUND_SCALE, CompactEncoder


@dataclass
class Labels:
    """Labels of a batch on a device; N objects at the most, see `Renders` for units."""

    present: Tensor  # (B, N) bool
    attributes: Tensor  # (B, N, 4)
    centre: Tensor  # (B, N, 2)
    box: Tensor  # (B, N, 4)
    ground: Tensor  # (B, N, 2)


def draw_batch(
    renders: Renders, rows: np.ndarray, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, Labels]:
    """Rows of a set as images (B, 3, H, W) in [0, 1] and labels, varied at random.

    Half of the pictures are mirrored. The camera looks along "behind", so that mirroring only
    turns the sign of an object's place along "right". Brightness and contrast vary a little.
    """
    pixels = renders.images[rows]
    centre, box = renders.centre[rows].copy(), renders.box[rows].copy()
    ground = renders.ground[rows].copy()
    flip = rng.random(len(rows)) < 0.5
    pixels[flip] = pixels[flip, :, ::-1]
    centre[flip, :, 0] = 1 - centre[flip, :, 0]
    box[flip] = np.stack(
        [1 - box[flip, :, 2], box[flip, :, 1], 1 - box[flip, :, 0], box[flip, :, 3]], -1
    )
    ground[flip, :, 0] *= -1
    # A table of the 256 values per picture and channel: powers of every pixel would be slow.
    gain = np.exp(rng.normal(0, 0.12, (len(rows), 3, 1)))
    gain = 0.7 * gain.mean(1, keepdims=True) + 0.3 * gain
    gamma = np.exp(rng.normal(0, 0.08, (len(rows), 1, 1)))
    table = ((np.arange(256) / 255) ** gamma * gain).clip(0, 1).astype(np.float32)
    images = torch.empty(len(rows), 3, *pixels.shape[1:3])
    for k, picture in enumerate(pixels):
        for c in range(3):
            images[k, c] = torch.from_numpy(table[k, c][picture[..., c]])
    present = np.arange(centre.shape[1]) < renders.count[rows][:, None]

    def put(x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).to(device)

    labels = Labels(
        put(present),
        put(renders.attributes[rows].astype(np.int64)),
        put(centre),
        put(box),
        put(ground),
    )
    return images.to(device).to(memory_format=torch.channels_last), labels


def heat_target(labels: Labels, height: int, width: int) -> Tensor:
    """(B, h, w): Gaussians of about one cell around object centres, their peak cell exactly 1."""
    cell = _cells(labels.centre, height, width)
    row, column = (cell // width).float(), (cell % width).float()
    y = torch.arange(height, device=cell.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=cell.device).view(1, 1, 1, -1)
    square = (y - row[..., None, None]) ** 2 + (x - column[..., None, None]) ** 2
    spots = torch.exp(-square / 1.4) * labels.present[..., None, None]
    return spots.amax(dim=1)


def _cells(centre: Tensor, height: int, width: int) -> Tensor:
    """Flat index of the grid cell that holds each centre."""
    column = (centre[..., 0] * width).long().clamp(0, width - 1)
    row = (centre[..., 1] * height).long().clamp(0, height - 1)
    return row * width + column


def perception_loss(
    encoder: CompactEncoder, images: Tensor, labels: Labels, nudge: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Focal loss on the heat map (Zhou et al. 2019, eq. 1) plus descriptions at true centres.

    Args:
        nudge: (B, N, 2) in {-1, 0, 1}: cells are read this far from the true centre, because a
            found peak may be a cell off.
    """
    features, heat = (x.float() for x in encoder.grid(images))
    height, width = heat.shape[-2:]
    target = heat_target(labels, height, width)
    p = heat.sigmoid().clamp(1e-5, 1 - 1e-5)
    hit = target == 1
    missed = -((1 - p) ** 2) * p.log()
    spurious = -((1 - target) ** 4) * p**2 * (1 - p).log()
    objects = labels.present.sum().clamp(min=1)
    heat_loss = torch.where(hit, missed, spurious).sum() / objects
    cell = _cells(labels.centre, height, width)
    row = (cell // width + nudge[..., 1]).clamp(0, height - 1)
    column = (cell % width + nudge[..., 0]).clamp(0, width - 1)
    # Places need all their digits, so this part is never computed in half precision.
    with torch.autocast(images.device.type, enabled=False):
        found = encoder.describe_at(features, row * width + column)
    there = labels.present
    losses = {"heat": heat_loss}
    for k, logits in enumerate(found["attributes"].split(encoder.sizes, dim=-1)):
        name = list(encoder.config.attributes)[k]
        losses[name] = F.cross_entropy(logits[there], labels.attributes[..., k][there])
    losses["centre"] = 20 * F.l1_loss(found["centre"][there], labels.centre[there])
    losses["box"] = 5 * F.l1_loss(found["box"][there], labels.box[there])
    ground = labels.ground / GROUND_SCALE
    losses["ground"] = 2 * F.smooth_l1_loss(found["ground"][there], ground[there], beta=0.1)
    return sum(losses.values()), {k: float(v.detach()) for k, v in losses.items()}


class PerceptionStep(nn.Module):
    """`perception_loss` as a module, so that it can run on several processes.

    The encoder's projection belongs to reasoning, and its familiarity is fitted at the end.
    """

    def __init__(self, encoder: CompactEncoder) -> None:
        super().__init__()
        apart = ("project", "familiarity")
        parts = {name: part for name, part in encoder.named_children() if name not in apart}
        self.parts = nn.ModuleDict(parts)
        self._loss = partial(perception_loss, encoder)

    def forward(self, images: Tensor, labels: Labels, nudge: Tensor):
        return self._loss(images, labels, nudge)


def match(
    centre: Tensor, found: Tensor, mask: Tensor, present: Tensor, limit: float = 0.04
) -> Tensor:
    """Which proposal shows which object: (B, N) proposal index, -1 when the object was missed.

    Greedy by distance. centre: (B, N, 2) true, found: (B, R, 2) proposed, both in [0, 1].
    """
    distance = torch.cdist(centre, found)
    distance = distance.masked_fill(~mask.unsqueeze(1) | ~present.unsqueeze(2), float("inf"))
    result = torch.full(present.shape, -1, dtype=torch.long, device=centre.device)
    rows = torch.arange(len(centre), device=centre.device)
    for _ in range(centre.shape[1]):
        best, flat = distance.flatten(1).min(dim=1)
        n, r = flat // found.shape[1], flat % found.shape[1]
        near = best < limit
        result[rows[near], n[near]] = r[near]
        distance[rows[near], n[near]] = float("inf")
        distance[rows[near], :, r[near]] = float("inf")
    return result


@torch.no_grad()
def perception_report(
    encoder: CompactEncoder, renders: Renders, device: torch.device, batch: int = 32
) -> dict[str, float]:
    """Shares of objects found and of attributes read right among them, spurious regions per
    picture, and the median ground error in world units."""
    encoder.eval()
    found = total = spurious = 0
    right = np.zeros(len(encoder.sizes))
    errors = []
    for start in range(0, len(renders), batch):
        rows = np.arange(start, min(start + batch, len(renders)))
        images = torch.from_numpy(renders.images[rows]).permute(0, 3, 1, 2).float() / 255
        proposals = encoder.propose(images.to(device))
        present = torch.from_numpy(
            np.arange(renders.centre.shape[1]) < renders.count[rows][:, None]
        ).to(device)
        centre = torch.from_numpy(renders.centre[rows]).to(device)
        which = match(centre, proposal_centres(encoder, proposals), proposals.mask, present)
        hit = which >= 0
        found += int(hit.sum())
        total += int(present.sum())
        spurious += int(proposals.mask.sum() - hit.sum())
        at = which.clamp(min=0).unsqueeze(-1).expand(-1, -1, proposals.descriptors.shape[-1])
        read = proposals.descriptors.gather(1, at)[hit]
        truth = torch.from_numpy(renders.attributes[rows].astype(np.int64)).to(device)[hit]
        parts = read[:, 1 : 1 + sum(encoder.sizes)].split(encoder.sizes, dim=-1)
        right += [int((p.argmax(-1) == truth[:, k]).sum()) for k, p in enumerate(parts)]
        place = read[:, 1 + sum(encoder.sizes) :][:, :2] * GROUND_SCALE
        errors.append(
            (place.cpu() - torch.from_numpy(renders.ground[rows])[hit.cpu()]).norm(dim=-1)
        )
    names = list(encoder.config.attributes)
    report = {"found": found / total, "spurious": spurious / len(renders)}
    report |= {name: float(right[k]) / max(found, 1) for k, name in enumerate(names)}
    report["ground_error"] = float(torch.cat(errors).median())
    return report


def proposal_centres(encoder: CompactEncoder, proposals) -> Tensor:
    """(B, R, 2) middles of the proposals' boxes in [0, 1]."""
    return (proposals.boxes[..., :2] + proposals.boxes[..., 2:]) / 2
