import numpy as np
import pytest
from fakes import REGIONS, scene_picture
from PIL import Image

from vqa.page.overlays import MAX_SIDE, MIN_SIDE, attention_overlay, data_uri, display_size


def brightness(image: Image.Image, box) -> float:
    """Mean of the inner half of a box."""
    x0, y0, x1, y1 = box
    xs = ((x0 * 3 + x1) / 4 * image.width, (x0 + x1 * 3) / 4 * image.width)
    ys = ((y0 * 3 + y1) / 4 * image.height, (y0 + y1 * 3) / 4 * image.height)
    return float(np.asarray(image)[int(ys[0]) : int(ys[1]), int(xs[0]) : int(xs[1])].mean())


@pytest.mark.parametrize("looked_at", range(3))
def test_what_was_looked_at_stays_bright_and_the_rest_is_dimmed(looked_at):
    plain = display_size(scene_picture())
    weights = [0.02] * 3
    weights[looked_at] = 0.9
    overlay = attention_overlay(scene_picture(), REGIONS, weights)
    for index, box in enumerate(REGIONS):
        share = brightness(overlay, box) / brightness(plain, box)
        assert share > 0.9 if index == looked_at else share < 0.7


def test_only_attended_boxes_are_outlined():
    overlay = np.asarray(attention_overlay(scene_picture(), REGIONS, (0.9, 0.02, 0.0))).astype(int)
    amber = (overlay[..., 0] - overlay[..., 2] > 100) & (overlay[..., 1] > 120)
    columns = np.flatnonzero(amber.any(axis=0)) / overlay.shape[1]
    assert columns.size and columns.max() < REGIONS[0][2] + 0.05


def test_stronger_attention_is_brighter():
    overlay = attention_overlay(scene_picture(), REGIONS, (0.9, 0.5, 0.05))
    plain = display_size(scene_picture())
    shares = [brightness(overlay, box) / brightness(plain, box) for box in REGIONS]
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize("weights", [(0, 0, 0), (float("nan"),) * 3])
def test_without_any_attention_the_picture_is_unchanged(weights):
    overlay = attention_overlay(scene_picture(), REGIONS, weights)
    assert np.array_equal(np.asarray(overlay), np.asarray(display_size(scene_picture())))


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (-1, -1, 3, 3), (0.5, 0.5, 0.5, 0.5), (1, 1, 0, 0)])
@pytest.mark.parametrize("size", [(16, 16), (3000, 16), (16, 900)])
def test_odd_boxes_and_pictures_are_drawn(box, size):
    overlay = attention_overlay(Image.new("RGB", size, "gray"), [box], [1.0])
    assert overlay.mode == "RGB" and MIN_SIDE <= max(overlay.size) <= MAX_SIDE


def test_the_address_holds_a_jpeg():
    assert data_uri(scene_picture()).startswith("data:image/jpeg;base64,/9j/")
