"""torchvision's networks as image encoders: their contract, their weights, frozen training.

No test reaches the network: where weights are wanted, a file in torch's cache stands in for the
download, under the name that torchvision looks for.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vqa.checkpoint import load, save
from vqa.cli import main
from vqa.config import PhotoConfig, to_dict
from vqa.data.questions import world_answers, world_vocab
from vqa.errors import ConfigError
from vqa.models.grid_regions import GridRegions
from vqa.models.network import build
from vqa.models.torchvision_encoder import trained_backbone
from vqa.train import grid_feed, loop, photos
from vqa.train.grid_feed import grid_cache
from vqa.train.photos import PhotoJob, train_photos

CPU = torch.device("cpu")
SMALL = "torchvision:regnet_y_400mf"
FILE = "regnet_y_400mf-e6988f5f.pth"
CHANNELS = {
    SMALL: 440,
    "torchvision:mobilenet_v3_small": 576,
    "torchvision:shufflenet_v2_x0_5": 1024,
}


@torch.no_grad()
def awake(network: nn.Module) -> nn.Module:
    """Lets batch norms see pictures: in random networks that did not, features all but vanish."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    network.train()(torch.rand(8, 3, 64, 96))
    return network.eval()


@pytest.fixture
def model(tiny_model):
    """Gives a network's configuration with a given image encoder."""

    def named(name: str = SMALL, size: tuple[int, int] = (96, 64)):
        return replace(
            tiny_model, image_encoder=replace(tiny_model.image_encoder, name=name, image_size=size)
        )

    return named


@pytest.fixture
def encoder(model):
    def made(name: str = SMALL, size: tuple[int, int] = (96, 64)) -> GridRegions:
        torch.manual_seed(3)
        return awake(build(model(name, size), 9, 5).image_encoder)

    return made


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """An empty cache of torch's, and a network that does not answer."""

    def refuse(url, *_, **__):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return tmp_path / "torch home" / "hub" / "checkpoints"


@pytest.fixture
def seeded(offline):
    """The cache has a file of weights; gives the network they belong to."""
    from torchvision.models import get_model

    torch.manual_seed(11)
    network = awake(get_model(SMALL.partition(":")[2]))
    offline.mkdir(parents=True)
    torch.save(network.state_dict(), offline / FILE)
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """40 pictures in two colors, with a question each."""
    where = tmp_path_factory.mktemp("data")
    lines = ["image,question,answer,split"]
    for k in range(40):
        color = ("red", "blue")[k % 2]
        pixels = np.random.default_rng(k).integers(0, 60, (64, 64, 3), dtype=np.uint8)
        pixels[..., 0 if color == "red" else 2] += 180
        Image.fromarray(pixels).save(where / f"{k}.png")
        lines.append(f"{k}.png,what color is it?,{color},train")
    (where / "questions.csv").write_text("\n".join(lines))
    return where


@pytest.fixture
def job(folder, tmp_path, model):
    def made(out: str = "run", **options) -> PhotoJob:
        changes = options.pop("preset", {})
        config = PhotoConfig(
            **{
                "model": model(size=(64, 64)),
                "shares": {"folder": 1.0},
                "steps": 6,
                "pictures": 8,
                "questions": 2,
                "validation": 0.3,
                "least_words": 1,
                "least_answers": 1,
                **changes,
            }
        )
        return PhotoJob(config, tmp_path / out, (f"folder:{folder}",), CPU, **options)

    return made


@pytest.mark.parametrize("name", CHANNELS)
@torch.no_grad()
def test_the_cells_of_the_last_grid_are_the_regions(encoder, name):
    found = encoder(name)
    images = torch.rand(2, 3, 64, 96)
    regions = found(images)
    assert regions.features.shape == (2, 6, 16) and regions.mask.all()
    assert found.signature(images).shape == (2, 2 * CHANNELS[name])
    assert torch.equal(regions.clarity, torch.ones(2)), "nothing is unfamiliar yet"
    # Two rows of three, from left to right, which together are the picture.
    rows = [[x / 3, y / 2, (x + 1) / 3, (y + 1) / 2] for y in range(2) for x in range(3)]
    assert torch.allclose(regions.boxes, torch.tensor(rows).expand(2, -1, -1), atol=1e-6)
    found.familiarity.mean.fill_(5)
    found.familiarity.whiten.fill_diagonal_(1)
    assert torch.equal(found(images).clarity, found.familiarity(found.signature(images)))
    assert found(images).clarity.max() < 0.1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("torchvision:shufflenet_v2_x05", r"near it: torchvision:shufflenet_v2_x0_5.*list_models"),
        ("torchvision:zebra", "no network 'zebra'.*list_models"),
        ("torchvision:fcn_resnet50", "no network 'fcn_resnet50' for classification"),
        ("torchvision:vit_b_32", "vit_b_32 cannot be an image encoder.*for example"),
        ("torchvision", "choose one of: compact, grid, torchvision:NAME"),
        ("grid:resnet18", "choose one of: compact, grid, torchvision:NAME"),
    ],
)
def test_names_that_cannot_be_are_said(encoder, name, says):
    with pytest.raises(ConfigError, match=says) as caught:
        encoder(name)
    assert "\n" not in str(caught.value)


def test_a_network_that_does_more_between_its_parts_is_refused(model, monkeypatch):
    """As GoogLeNet with trained weights, which changes the colors of what it is shown."""
    from torchvision import models

    def changing(*_, **__) -> nn.Module:
        return models.googlenet(init_weights=False, transform_input=True)

    monkeypatch.setattr(models, "get_model", changing)
    with pytest.raises(ConfigError, match="googlenet cannot be an image encoder"):
        build(model("torchvision:googlenet"), 9, 5)


def test_a_grid_of_one_cell_is_too_small(encoder):
    with pytest.raises(ConfigError, match="32x32 is too small for .*regnet_y_400mf"):
        encoder(size=(32, 32))


@torch.no_grad()
def test_a_checkpoint_needs_neither_network_nor_cache(model, seeded, offline, tmp_path):
    network = build(model(), len(world_vocab()), len(world_answers())).half().float().eval()
    network.image_encoder.adopt(trained_backbone(SMALL))
    network.half().float()
    save(tmp_path / "saved", network, model(), world_vocab(), world_answers(), {})
    (offline / FILE).unlink()
    again = load(tmp_path / "saved").network
    asked = torch.rand(2, 3, 64, 96), torch.tensor([[2, 3, 4], [5, 6, 0]]), torch.tensor([3, 2])
    assert torch.equal(again(*asked).logits, network(*asked).logits)


@torch.no_grad()
def test_trained_weights_see_pictures_as_they_were_trained_to(encoder, seeded):
    found = encoder()
    images = torch.rand(2, 3, 64, 96)
    before = found.grid(images)
    found.adopt(trained_backbone(SMALL))
    grid = found.eval().grid(images)
    assert not torch.allclose(grid, before)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    assert torch.allclose(
        seeded.fc(grid.mean(dim=(2, 3))), seeded((images - mean) / std), atol=1e-4
    )


def test_without_network_it_is_said_what_to_fetch_and_where_to_put_it(
    job, offline, tmp_path, capsys
):
    preset = tmp_path / "preset.json"
    preset.write_text(json.dumps(to_dict(job().config)))
    data = job().data[0]
    typed = ["train", str(preset), "--out", str(tmp_path / "run"), "--data", data, "--pretrained"]
    assert main([*typed, "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no route to host" in said
    assert str(offline) in said and f" {FILE} " in said
    assert f"https://download.pytorch.org/models/{FILE}" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", "another network", "code"])
def test_a_file_that_does_not_hold_the_weights_is_named(offline, content, tmp_path):
    offline.mkdir(parents=True)
    if content == "another network":
        torch.save({"fc.weight": torch.zeros(3)}, offline / FILE)
    elif content == "code":
        torch.save({"fc.weight": (tmp_path / "trap").touch}, offline / FILE)
    else:
        (offline / FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=f"{FILE} does not hold the weights"):
        trained_backbone(SMALL)


def test_where_weights_come_from_is_never_left_open(job, model, tmp_path, capsys):
    with pytest.raises(ConfigError, match="--pretrained is for torchvision.*'grid'"):
        train_photos(job(pretrained=True, preset={"model": model("grid")}))
    with pytest.raises(ConfigError, match="frozen.*--pretrained or --from"):
        train_photos(job(preset={"frozen": True}))
    train_photos(job())
    assert f"{SMALL} starts with random weights; --pretrained" in capsys.readouterr().out
    start = load(tmp_path / "run")
    assert "image encoder" not in start.card["trained_on"]
    with pytest.raises(ConfigError, match="--pretrained and --from exclude each other"):
        train_photos(job(pretrained=True, start=start))


def test_only_what_follows_a_frozen_body_learns(job, seeded, tmp_path, monkeypatch, capsys):
    begun = {}
    prepare = photos.prepare_encoder

    def watched(encoder, *options) -> None:
        prepare(encoder, *options)
        begun.update({k: v.clone() for k, v in encoder.state_dict().items()})

    monkeypatch.setattr(photos, "prepare_encoder", watched)
    monkeypatch.setattr(grid_feed, "read_pictures", count := Counted(grid_feed.read_pictures))
    train_photos(job(pretrained=True, preset={"frozen": True}))
    assert count.pictures == 40, "each is read once"
    assert "random" not in capsys.readouterr().out
    ended = load(tmp_path / "run")
    weights = "torchvision RegNet_Y_400MF_Weights.IMAGENET1K_V2"
    assert ended.card["trained_on"]["image encoder"] == weights
    after = ended.network.image_encoder.state_dict()
    for name, value in begun.items():
        same = torch.equal(after[name], value.half().to(value.dtype))
        assert same == (not name.startswith(("project.", "familiarity."))), name
    assert torch.allclose(after["mean"], torch.tensor([0.485, 0.456, 0.406]), atol=1e-3)


class Counted:
    """Counts the pictures that are read."""

    def __init__(self, reader) -> None:
        self.reader, self.pictures = reader, 0

    def __call__(self, pictures, *options):
        for row in self.reader(pictures, *options):
            self.pictures += 1
            yield row


def test_a_frozen_training_can_be_resumed(job, seeded, monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            self.now += 200  # a state is saved at every step
            return self.now

    draw, drawn = photos.GridFeed.__call__, []

    def watched(feed, step, rank, processes):
        if feed.varied:
            drawn.append(step)
            if drawn == [0, 1, 2, 3, 4]:
                raise KeyboardInterrupt
        return draw(feed, step, rank, processes)

    monkeypatch.setattr(loop, "time", Clock())
    monkeypatch.setattr(photos.GridFeed, "__call__", watched)
    frozen = {"pretrained": True, "preset": {"frozen": True}}
    with pytest.raises(KeyboardInterrupt):
        train_photos(job(**frozen))
    monkeypatch.setattr(grid_feed, "read_pictures", count := Counted(grid_feed.read_pictures))
    train_photos(job(resume=True, **frozen))
    assert drawn[5:] == [4, 5]
    assert count.pictures == 0, "the grids are on disk"


@torch.no_grad()
def test_kept_grids_are_those_of_the_pictures_and_never_stale(encoder, folder, tmp_path):
    found = encoder(size=(64, 64))
    paths = [folder / f"{k}.png" for k in range(6)]
    kept = grid_cache(paths, found, tmp_path, "train", CPU)
    assert kept.dtype == np.float16 and isinstance(kept, np.memmap)
    images = torch.from_numpy(np.stack([np.asarray(Image.open(p)) for p in paths]))
    expected = found.grid(images.permute(0, 3, 1, 2) / 255)
    assert torch.allclose(torch.from_numpy(kept.copy()).float(), expected, rtol=1e-3, atol=1e-4)

    def files() -> int:
        return len(list(tmp_path.glob("grids-*.npy")))

    grid_cache(paths, found, tmp_path, "train", CPU)
    found.project.weight.mul_(2)  # comes after the grid
    grid_cache(paths, found, tmp_path, "train", CPU)
    assert files() == 1
    other = [*paths[:5], folder / "7.png"]
    moved = grid_cache(other, found, tmp_path, "train", CPU)
    assert files() == 2 and np.array_equal(moved[:5], kept[:5])
    assert not np.array_equal(moved[5], kept[5])
    grid_cache(paths, encoder(size=(96, 64)), tmp_path, "train", CPU)
    grid_cache(paths, encoder("grid", (64, 64)), tmp_path, "train", CPU)
    found.mean.add_(0.1)
    assert not np.array_equal(grid_cache(paths, found, tmp_path, "train", CPU), kept)
    assert files() == 5
    changed = tmp_path / "0.png"
    for color in ("red", "blue"):
        Image.new("RGB", (64, 64), color).save(changed)
        changed.touch()
        grid_cache([changed], found, tmp_path, "train", CPU)
    assert files() == 7, "a picture was drawn anew under the same name"
