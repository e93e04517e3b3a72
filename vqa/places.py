"""Questions about a place in a picture: what of the picture is looked at.

An encoder that finds objects keeps the one at the place. One whose regions are cells of a grid
sees everything in every cell, so it is given the part of the picture around the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import torch
from PIL import Image

from vqa.errors import ConfigError, QuestionError
from vqa.models.image_encoder import Regions

Place = tuple[float, float]
Window = tuple[float, float, float, float]

# Asks what is at a place; every shipped checkpoint understands it.
WHAT_IS_IT = {"en": "What is it?", "zh": "这是什么物体？"}
_PART = 0.5  # side of the square around a place, as a share of the picture's longer side
_REACH = 1.25  # how far from an object's middle a place belongs to it; its box's edge is at 1


def checked(place: object) -> Place:
    """A place as (x, y).

    Raises:
        ConfigError: it is not two numbers in [0, 1].
    """
    numbers = place if isinstance(place, Sequence) and len(place) == 2 else ()
    if not numbers or not all(isinstance(v, int | float) and isfinite(v) for v in numbers):
        numbers = (-1.0, -1.0)
    if not all(0 <= v <= 1 for v in numbers):
        raise ConfigError(
            f"A place is (x, y) in shares of the picture's width and height, from 0 to 1, not "
            f"{place!r}.",
            zh=f"位置是 (x, y)，各为图片宽和高的份额，从 0 到 1，而不是 {place!r}。",
        )
    return float(numbers[0]), float(numbers[1])


def written(text: str) -> Place:
    """A place written as "x,y", such as "0.2,0.4".

    Raises:
        ConfigError: see `checked`.
    """
    try:
        return checked([float(number) for number in text.split(",")])
    except ValueError:
        return checked(text)


def window(size: tuple[int, int], place: Place) -> Window:
    """The part (x0, y0, x1, y1) in [0, 1] around a place of a picture of `size` pixels."""
    side = _PART * max(size)
    edges = []
    for middle, length in zip(place, size, strict=True):
        share = min(side / length, 1.0)
        low = min(max(middle - share / 2, 0.0), 1.0 - share)
        edges.append((low, low + share))
    (x0, x1), (y0, y1) = edges
    return x0, y0, x1, y1


def cut(image: Image.Image, part: Window) -> Image.Image:
    """That part of the picture, at least a pixel wide and high."""
    x0, y0, x1, y1 = part
    left, top = int(x0 * image.width), int(y0 * image.height)
    right, bottom = round(x1 * image.width), round(y1 * image.height)
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def in_whole(boxes: torch.Tensor, part: Window) -> torch.Tensor:
    """Boxes (R, 4) of a part of a picture as boxes of the whole."""
    x0, y0, x1, y1 = part
    low = torch.tensor([x0, y0, x0, y0]).to(boxes)
    return low + boxes * torch.tensor([x1 - x0, y1 - y0] * 2).to(boxes)


def only_objects_at(regions: Regions, places: Sequence[Place | None]) -> Regions:
    """Regions where pictures with a place keep the one object there, the nearest to its middle.

    Raises:
        QuestionError: there is no object at one of the places. ConfigError: see `checked`.
    """
    if not any(place is not None for place in places):
        return regions
    mask = regions.mask.clone()
    for k, place in enumerate(places):
        if place is None:
            continue
        place = checked(place)
        low, high = regions.boxes[k, :, :2], regions.boxes[k, :, 2:]
        middle, half = (low + high) / 2, ((high - low) / 2).clamp(min=1e-6)
        apart = ((torch.tensor(place).to(middle) - middle).abs() / half).amax(-1)
        apart = apart.masked_fill(~mask[k], torch.inf)
        nearest = int(apart.argmin())
        if apart[nearest] > _REACH:
            raise QuestionError(
                "The model finds nothing at this place of the picture; choose another place.",
                zh="模型在图片的这个位置没有发现物体，请换一个位置。",
            )
        mask[k] = False
        mask[k, nearest] = True
    return replace(regions, mask=mask)
