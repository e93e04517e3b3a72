"""Pictures of attention: what a reasoning step looked at stays bright, the rest is dimmed."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Box = tuple[float, float, float, float]

MIN_SIDE, MAX_SIDE = 640, 960  # of the longer side, so that outlines look the same on any picture
_OUTLINE = (255, 184, 28)
_DIM = 0.45
_SHOWN = 0.12  # boxes below this share of the strongest one are not outlined
_LABELLED = 0.3


def display_size(image: Image.Image) -> Image.Image:
    """`image` scaled so that its longer side has `MIN_SIDE` to `MAX_SIDE` pixels."""
    longer = max(image.size)
    scale = min(max(longer, MIN_SIDE), MAX_SIDE) / longer
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def attention_overlay(
    image: Image.Image, regions: Sequence[Box], weights: Sequence[float]
) -> Image.Image:
    """The picture with its attended regions lit and outlined.

    Args:
        image: RGB picture, upright.
        regions: boxes (x0, y0, x1, y1) in [0, 1], R of them.
        weights: R weights in [0, 1].

    Returns:
        RGB picture of `display_size`. The strongest region is fully lit whatever its weight, so
        steps that spread their attention stay readable; labels give the weights themselves.
    """
    image = display_size(image.convert("RGB"))
    shares = np.nan_to_num(np.asarray(weights, dtype=np.float64)).clip(0, 1)
    if not shares.size or shares.max() <= 0:
        return image
    strengths = shares / shares.max()
    boxes = [_pixels(box, image.size) for box in regions]
    heat = _heat(image.size, boxes, strengths)
    dimmed = Image.blend(image.convert("L").convert("RGB"), image, 0.35).point(lambda v: v * _DIM)
    lit = Image.composite(image, dimmed, heat)
    return _outlined(lit, boxes, shares, strengths)


def data_uri(image: Image.Image, quality: int = 88) -> str:
    """The picture as a JPEG `data:` address: nothing is written to disk, nothing else is loaded."""
    return jpeg_uri(jpeg_bytes(image, quality))


def jpeg_bytes(image: Image.Image, quality: int = 88) -> bytes:
    """The picture as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def jpeg_uri(data: bytes) -> str:
    """The bytes of a JPEG file as a `data:` address."""
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _pixels(box: Box, size: tuple[int, int]) -> Box:
    """A box in pixels, inside the picture, at least 2 pixels wide and high."""
    width, height = size
    x0, x1 = sorted(min(max(float(x), 0.0), 1.0) * width for x in (box[0], box[2]))
    y0, y1 = sorted(min(max(float(y), 0.0), 1.0) * height for y in (box[1], box[3]))
    return x0, y0, max(x1, x0 + 2), max(y1, y0 + 2)


def _heat(size: tuple[int, int], boxes: Sequence[Box], strengths: np.ndarray) -> Image.Image:
    """Mode "L": 0 where nobody looked, 255 at the strongest regions, with soft edges."""
    # A quarter of the resolution is enough for something blurred, and 16 times quicker.
    small = (max(1, size[0] // 4), max(1, size[1] // 4))
    heat = Image.new("L", small)
    for box, strength in zip(boxes, strengths, strict=True):
        if strength < 0.02:
            continue
        spot = Image.new("L", small)
        corners = [value / 4 for value in box]
        radius = 0.3 * min(corners[2] - corners[0], corners[3] - corners[1])
        ImageDraw.Draw(spot).rounded_rectangle(corners, radius, fill=round(255 * strength**0.7))
        heat = ImageChops.lighter(heat, spot)
    heat = heat.filter(ImageFilter.GaussianBlur(0.012 * max(small)))
    return heat.resize(size, Image.Resampling.BICUBIC)


def _outlined(
    image: Image.Image, boxes: Sequence[Box], shares: np.ndarray, strengths: np.ndarray
) -> Image.Image:
    """Outlines and labels, drawn at twice the size for smooth edges."""
    layer = Image.new("RGBA", (image.width * 2, image.height * 2), (*_OUTLINE, 0))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=max(image.size) / 22)
    for index in np.argsort(strengths):  # the strongest on top
        strength = float(strengths[index])
        if strength < _SHOWN:
            continue
        corners = [value * 2 for value in boxes[index]]
        color = (*_OUTLINE, round(255 * (0.25 + 0.75 * strength)))
        draw.rounded_rectangle(corners, 12, outline=color, width=round(2 + 6 * strength))
        if strength >= _LABELLED:
            _label(draw, corners, f"{shares[index]:.0%}", font, color, layer.size)
    layer = layer.resize(image.size, Image.Resampling.BOX)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _label(draw, corners, text, font, color, size) -> None:
    """A small plate with `text` above the box, or inside it at the upper edge of the picture."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    width, height = right - left + 16, bottom - top + 12
    x = min(max(corners[0], 0), size[0] - width)
    y = corners[1] - height - 4 if corners[1] >= height + 4 else corners[1] + 4
    draw.rounded_rectangle([x, y, x + width, y + height], 8, fill=color)
    draw.text((x + 8 - left, y + 6 - top), text, font=font, fill=(30, 20, 0, color[3]))
