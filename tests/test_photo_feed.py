"""Batches of photographs: what they hold, what they depend on, and how pictures are varied."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqa.config import PhotoConfig
from vqa.data.sources import TextSource
from vqa.errors import ConfigError
from vqa.text import AnswerSpace, Vocab
from vqa.train import photo_feed
from vqa.train.photo_feed import PhotoFeed, picture_cache, vary

CPU = torch.device("cpu")
CONFIG = PhotoConfig(pictures=8, questions=2, steps=10, crop=1.0)


class Plain:
    """A source whose pictures all have the same questions and labels."""

    def __init__(self, count, asked, classes=(), labels=()):
        self.pictures = [Path(f"{k}.png") for k in range(count)]
        self.asked, self.classes = asked, tuple(classes)
        self.labels = np.tile(np.array(labels, np.int64), (count, 1)).reshape(count, len(classes))

    def ask(self, picture, rng):
        return rng.choice(self.asked)

    def texts(self):
        return (question for question, _ in self.asked)

    def answers(self):
        return Counter(a for _, answers in self.asked for a in answers)


def feed(*parts, config=CONFIG, answers=("cat", "dog"), varied=True, size=(32, 32), seed=1):
    """A feed of (source, pictures) with equal shares that knows all their words."""
    vocab = Vocab.from_questions(text for source, _ in parts for text in source.texts())
    sources = [(source, pictures, 1.0) for source, pictures in parts]
    return PhotoFeed(sources, vocab, AnswerSpace(answers), size, config, seed, CPU, varied)


def sided(count: int, size: int = 32) -> np.ndarray:
    """Pictures that are dark on the left and bright on the right."""
    pictures = np.full((count, size, size, 3), 60, np.uint8)
    pictures[:, :, size // 2 :] = 190
    return pictures


def noise(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def same(one: tuple, other: tuple) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


WHAT = [("what is it?", ("cat",)), ("who is it?", ("dog", "dog", "cat"))]


def test_a_batch_depends_on_seed_step_and_rank_alone():
    config = replace(CONFIG, crop=0.7, turn=10.0)
    one, other = (feed((Plain(20, WHAT), noise(20)), config=config) for _ in range(2))
    for step, rank in ((0, 0), (3, 0), (3, 1)):
        other(step + 1, rank, 2)  # what was drawn before does not matter
        assert same(one(step, rank, 2), other(step, rank, 2))
    assert not same(one(3, 0, 2), one(4, 0, 2))
    assert not same(one(3, 0, 2), one(3, 1, 2))
    assert not same(
        one(3, 0, 2), feed((Plain(20, WHAT), noise(20)), config=config, seed=2)(3, 0, 2)
    )


def test_what_a_batch_holds():
    images, seen, tokens, lengths, picture, targets, labels = feed(
        (Plain(20, WHAT, (3, 2), (2, -1)), noise(20))
    )(0, 0, 1)
    assert images.shape == (8, 3, 32, 32) and 0 <= images.min() and images.max() <= 1
    assert seen.all() and picture.tolist() == [k for k in range(8) for _ in range(2)]
    assert tokens.shape == (16, 3) and lengths.tolist() == [3] * 16
    # Either all say cat, or two of three say dog.
    assert {tuple(round(x, 3) for x in row) for row in targets.tolist()} == {
        (1.0, 0.0),
        (0.333, 0.667),
    }
    assert labels.tolist() == [[2, -1]] * 8


def test_questions_without_a_known_answer_are_not_asked():
    asked = [("what is it?", ("cat", "yeti", "yeti")), ("who?", ("yeti",))]
    batch = feed((Plain(4, asked), noise(4)))(0, 0, 1)
    assert batch[3].tolist() == [3] * len(batch[3])
    assert batch[5].tolist() == [[1.0, 0.0]] * len(batch[5])
    with pytest.raises(ConfigError, match="least_answers"):
        feed((Plain(4, [("who?", ("yeti",))]), noise(4)))


def test_each_source_has_labels_of_its_own():
    one, two = Plain(3, WHAT, (4,), (3,)), Plain(3, WHAT, (2, 2), (0, 1))
    text = TextSource([("and this?", ("cat",))])
    made = feed((one, noise(3)), (text, None), (two, noise(3)))
    assert made.classes == (4, 2, 2)
    rows = {tuple(row) for step in range(5) for row in made(step, 0, 1)[6].tolist()}
    assert rows == {(3, -1, -1), (-1, 0, 1), (-1, -1, -1)}


def test_a_picture_that_is_drawn_again_has_no_labels_of_the_first():
    """All that is asked about the first source's pictures is unknown, so others are drawn."""
    unknown = Plain(3, [("who?", ("yeti",))], (4,), (3,))
    made = feed((unknown, noise(3)), (Plain(3, WHAT), noise(3)), config=replace(CONFIG, pictures=1))
    for step in range(20):
        assert made(step, 0, 1)[6].tolist() == [[-1]]


def test_text_comes_without_a_picture():
    text = TextSource([("and this?", ("cat",))])
    made = feed((text, None), (Plain(3, WHAT), sided(3)), varied=False)
    for step in range(5):
        images, seen, _, lengths, picture, _, _ = made(step, 0, 1)
        assert 0 < seen.sum() < len(seen)
        for k in range(len(seen)):
            flat = images[k].std() < 0.01
            assert flat == (not seen[k])
        asked_text = {k for k, n in zip(picture.tolist(), lengths.tolist(), strict=True) if n == 2}
        assert asked_text == {k for k in range(len(seen)) if not seen[k]}


def test_a_few_pictures_are_hidden_in_training_only():
    source = Plain(3, WHAT), noise(3)
    shares = []
    for varied in (True, False):
        made = feed(source, varied=varied)
        seen = torch.cat([made(step, 0, 1)[1] for step in range(100)])
        shares.append(1 - float(seen.float().mean()))
    assert 0.02 < shares[0] < 0.09 and shares[1] == 0


def test_early_pictures_are_smaller():
    config = replace(CONFIG, early=0.5, early_scale=0.75)
    source = Plain(3, WHAT)
    made = feed((source, noise(3)), config=config)
    sizes = [made(step, 0, 1)[0].shape[-1] for step in range(10)]
    assert sizes == [24] * 5 + [32] * 5
    # What is measured on always has the full size, and is as it is.
    still = feed((source, noise(3)), config=config, varied=False)
    images = still(0, 0, 1)[0]
    known = torch.from_numpy(noise(3)).permute(0, 3, 1, 2) / 255
    assert images.shape[-1] == 32
    assert all(any(torch.equal(image, k) for k in known) for image in images)


@pytest.mark.parametrize(
    ("question", "mirrored"),
    [
        ("what is it?", True),
        ("这是什么？", True),
        ("what is left of it?", False),
        ("is it on the right?", False),
        ("它的左边是什么？", False),
        ("右边有什么？", False),
    ],
)
def test_pictures_are_mirrored_unless_sides_are_asked_about(question, mirrored):
    made = feed((Plain(3, [(question, ("cat",))]), sided(3)), config=replace(CONFIG, crop=0.9))
    images = torch.cat([made(step, 0, 1)[0] for step in range(20)])
    turned = (images[..., :10].mean((1, 2, 3)) > images[..., -10:].mean((1, 2, 3))).float().mean()
    assert (0.3 < turned < 0.7) if mirrored else turned == 0


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("mirror", [False, True])
def test_without_crop_and_turn_only_brightness_and_contrast_change(mirror):
    images = torch.rand(6, 3, 20, 30, generator=generator(1)) * 0.4 + 0.3
    found = vary(images, torch.full((6,), mirror), (20, 30), 1.0, 0.0, generator())
    wanted = images.flip(-1) if mirror else images
    for before, after in zip(wanted, found, strict=True):
        contrast = after.std() / before.std()
        assert 0.85 <= contrast <= 1.15
        assert torch.allclose(after - after.mean(), contrast * (before - before.mean()), atol=1e-4)
        assert abs(after.mean() - before.mean()) <= 0.0601
    # Not the same for all.
    assert len({round(float(m), 4) for m in (found - wanted).mean((1, 2, 3))}) == 6


def test_a_crop_shows_a_part_of_at_least_the_given_share():
    """Brightness that grows from left to right tells which columns are shown."""
    ramp = torch.linspace(0.2, 0.8, 60).expand(50, 3, 60, 60)
    found = vary(ramp, torch.zeros(50, dtype=torch.bool), (60, 60), 0.5, 0.0, generator())
    shown = (found[..., -1] - found[..., 0]).mean((1, 2)) / 0.6
    # Contrast changes by at most 15 %.
    assert 0.5 * 0.85 - 0.02 <= shown.min() < 0.7 and 0.8 < shown.max() <= 1.15 + 0.02


def test_a_turned_circle_stays_a_circle():
    """On a wide picture too: turning must know the ratio of the sides."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(80.0), indexing="ij")
    disc = (((y - 19.5) ** 2 + (x - 39.5) ** 2).sqrt() < 14).float() * 0.4 + 0.3
    images = disc.expand(30, 3, 40, 80)
    found = vary(images, torch.zeros(30, dtype=torch.bool), (40, 80), 1.0, 60.0, generator())
    for image in found:
        inside = image[0] > (image[0].max() + image[0].min()) / 2
        # Where it changed at all, it did so at the rim.
        assert (inside != (disc > 0.5)).float().mean() < 0.02
    # And a bar does turn.
    bar = torch.full((30, 3, 40, 80), 0.3)
    bar[..., 18:22, :] = 0.7
    found = vary(bar, torch.zeros(30, dtype=torch.bool), (40, 80), 1.0, 60.0, generator())
    assert (found.max(-2).indices[:, 0, 5] - found.max(-2).indices[:, 0, -6]).abs().max() > 10


def test_pictures_are_read_once_and_broken_ones_are_grey(tmp_path, capsys, monkeypatch):
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for k, path in enumerate(paths):
        Image.new("RGB", (50, 40), (80 * k, 0, 0)).save(path)
    paths[1].write_bytes(b"no picture")
    found = picture_cache(paths, (32, 24), tmp_path / "cache", "train0")
    assert found.shape == (3, 24, 32, 3) and found.dtype == np.uint8
    assert found[:, 12, 16].tolist() == [[0, 0, 0], [128] * 3, [160, 0, 0]]
    assert "1.png" in "".join(capsys.readouterr())
    monkeypatch.setattr(photo_feed, "load_image", None)  # not called again
    again = picture_cache(paths, (32, 24), tmp_path / "cache", "train0")
    assert np.array_equal(found, again)
