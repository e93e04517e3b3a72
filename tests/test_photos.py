"""Training on photographs: one step, and a whole run in miniature."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqa.checkpoint import FILES, load
from vqa.config import (
    FusionConfig,
    ImageEncoderConfig,
    ModelConfig,
    PhotoConfig,
    QuestionEncoderConfig,
)
from vqa.data.build import held_back
from vqa.errors import ConfigError, DataError
from vqa.models.network import build
from vqa.routing import load_predictor
from vqa.train import loop
from vqa.train.photo_feed import PhotoFeed
from vqa.train.photos import PhotoJob, PhotoStep, train_photos

CPU = torch.device("cpu")
MODEL = ModelConfig(
    dim=16,
    image_encoder=ImageEncoderConfig(name="grid", image_size=(32, 32), width=8),
    question_encoder=QuestionEncoderConfig(embedding=12),
    fusion=FusionConfig(name="stacked_attention", steps=1),
)


@pytest.fixture
def step() -> PhotoStep:
    torch.manual_seed(3)
    return PhotoStep(build(MODEL, 6, 4), MODEL.dim, (3, 2), 0.5)


def test_a_hidden_picture_tells_nothing(step):
    step.eval()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    tokens, lengths, picture = torch.tensor([[2, 3], [2, 3]]), torch.tensor([2, 2]), torch.arange(2)
    regions = step.network.image_encoder(images)

    def differ(seen):
        with torch.no_grad():
            logits = step.answer(regions, torch.tensor(seen), tokens, lengths, picture)
        return not torch.allclose(logits[0], logits[1])

    assert differ([True, True]) and differ([True, False]) and not differ([False, False])


def test_labels_that_are_not_known_teach_nothing(step):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    asked = torch.tensor([[2, 3]]), torch.tensor([2]), torch.tensor([0]), torch.eye(4)[:1]

    def told(labels):
        return step(images, torch.ones(2, dtype=torch.bool), *asked, torch.tensor(labels))[1]

    assert told([[-1, -1], [-1, -1]])["probes"] == 0
    one = told([[2, -1], [-1, -1]])["probes"]
    # About -log(1/3) for an untrained choice of three.
    assert 0.5 < one < 2
    assert told([[2, 1], [0, 1]])["probes"] != one


# A whole run: pictures of one colour each, told by a table.

COLOURS = {"Red": (200, 40, 40), "Blue": (40, 60, 200), "Green": (40, 160, 60)}


def make_table(folder: Path, colours: dict, count: int = 60) -> Path:
    """A table in which every fifth picture is for testing; with a schema in two languages."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(7)
    rows = ["name,colour,split"]
    for k in range(count):
        colour = list(colours)[k % len(colours)]
        pixels = np.array(colours[colour]) + rng.integers(-30, 31, (32, 32, 3))
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        picture.save(folder / "images" / f"p{k:02}.png")
        rows.append(f"p{k:02}.png,{colour},{'test' if k % 5 == 0 else 'train'}")
    (folder / "table.csv").write_text("\n".join(rows), encoding="utf-8")
    zh = {"Red": "红色", "Blue": "蓝色", "Green": "绿色", "Yellow": "黄色"}
    column = {
        "ask": {"en": ["what colour is it?"], "zh": ["它是什么颜色？"]},
        "confirm": {"en": ["is it {value}?"], "zh": ["是{value}吗？"]},
        "values": {"zh": {c: zh[c] for c in colours}},
    }
    schema = {"image": "name", "split": "split", "columns": {"colour": column}}
    (folder / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    return folder


RUN = PhotoConfig(
    model=MODEL,
    pictures=8,
    questions=2,
    shares={"labels": 1.0},
    steps=150,
    rate=5e-3,
    early=0.3,
    early_scale=0.75,
    crop=0.8,
    validation=0.25,
    least_words=1,
    least_answers=1,
)


def job(folder: Path, out: Path, config=RUN, **more) -> PhotoJob:
    data = (f"labels:{folder / 'table.csv'},{folder / 'schema.json'}",)
    return PhotoJob(config, out, data, CPU, command="python -m vqa train x.json", **more)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return make_table(tmp_path_factory.mktemp("table") / "own", COLOURS)


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory) -> tuple[Path, dict[bool, set[str]]]:
    """The folder of a checkpoint, and the names of the pictures for training and calibration."""
    used: dict[bool, set[str]] = {}
    made = PhotoFeed.__init__

    def watched(self, sources, *rest, **more):
        made(self, sources, *rest, **more)
        names = {path.name for source, _, _ in sources for path in source.pictures}
        used.setdefault(self.varied, set()).update(names)

    out = tmp_path_factory.mktemp("runs") / "colours"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PhotoFeed, "__init__", watched)
        train_photos(job(table, out))
    return out, used


def right(folder: Path, table: Path) -> float:
    """Share of test pictures whose colour is named, in Chinese."""
    predictor = load_predictor(folder, "cpu")
    rows = [line.split(",") for line in (table / "table.csv").read_text().splitlines()[1:]]
    said = {"Red": "红色", "Blue": "蓝色", "Green": "绿色", "Yellow": "黄色"}
    asked = [(name, said[colour]) for name, colour, split in rows if split == "test"]
    answers = [predictor.ask(table / "images" / name, "它是什么颜色？").answer for name, _ in asked]
    return float(np.mean([a == wanted for a, (_, wanted) in zip(answers, asked, strict=True)]))


@pytest.mark.slow
def test_a_run_ends_in_a_checkpoint_that_answers(trained, table):
    out, _ = trained
    assert {p.name for p in out.iterdir() if p.is_file()} == set(FILES)
    checkpoint = load(out)
    assert set(checkpoint.answers.answers) == {"yes", "no", "red", "blue", "green"}
    assert checkpoint.answers.localise("red", "zh") == "红色"
    assert {"colour", "色", "blue"} <= set(checkpoint.vocab.words)
    assert right(out, table) > 0.8
    card = checkpoint.card
    assert card["command"] == "python -m vqa train x.json" and card["training"]["steps"] == 150
    assert str(table) not in json.dumps(card), "a card does not tell of folders of this machine"
    assert 0.5 <= card["calibration"]["threshold"] <= 1


@pytest.mark.slow
def test_pictures_for_calibration_and_for_testing_are_not_trained_on(trained):
    """Those that evaluation takes for thresholds are those that training left out."""
    _, used = trained
    everything = {f"p{k:02}.png" for k in range(60) if k % 5}
    check = {name for name in everything if held_back(Path(name), RUN.validation)}
    assert check and used == {True: everything - check, False: check}


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(table, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_SAVE_SECONDS", 0)
    config, out = replace(RUN, steps=12), tmp_path / "colours"
    steps, call = [], PhotoFeed.__call__

    def watched(self, step, rank, processes):
        if self.varied:
            steps.append(step)
            if len(steps) == 8:
                raise KeyboardInterrupt
        return call(self, step, rank, processes)

    monkeypatch.setattr(PhotoFeed, "__call__", watched)
    with pytest.raises(KeyboardInterrupt):
        train_photos(job(table, out, config))
    assert not (out / "config.json").exists()
    with pytest.raises(ConfigError, match="--resume"):
        train_photos(job(table, out, config))
    train_photos(job(table, out, config, resume=True))
    assert steps == [*range(8), *range(7, 12)]
    assert load(out).card["training"]["steps"] == 12


@pytest.mark.slow
def test_a_trained_checkpoint_learns_new_answers_and_keeps_the_old(trained, tmp_path):
    start = load(trained[0])
    new = make_table(tmp_path / "new", {"Yellow": (220, 210, 40), "Red": COLOURS["Red"]})
    wider = replace(MODEL, dim=24)
    job_ = job(new, tmp_path / "more", replace(RUN, model=wider, steps=60), start=start)
    train_photos(job_)
    found = load(tmp_path / "more")
    assert found.config == start.config, "its sizes are kept, whatever the preset says"
    kept = len(start.answers.answers)
    assert found.answers.answers[:kept] == start.answers.answers
    assert found.answers.answers[kept:] == ("yellow",)
    assert found.vocab.words[: len(start.vocab.words)] == start.vocab.words
    assert found.answers.localise("green", "zh") == "绿色"
    assert found.answers.localise("yellow", "zh") == "黄色"
    assert right(tmp_path / "more", new) > 0.8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"splits": {"labels": "test"}}, "'test' is for evaluation"),
        ({"splits": {"labels": "val"}}, "'val' is for evaluation"),
        ({"splits": {"labels": "fold"}}, "no pictures to ask about in the split 'fold'.*train"),
        ({"shares": {"daquar": 1.0}}, "gives no share to 'labels'.*daquar"),
        ({"least_answers": 10_000, "validation": 0.0}, "held back for calibration"),
    ],
)
def test_what_cannot_be_trained_on_is_named(table, tmp_path, change, says):
    with pytest.raises((ConfigError, DataError), match=says):
        train_photos(job(table, tmp_path / "out", replace(RUN, **change)))


def test_a_run_needs_data(tmp_path):
    with pytest.raises(ConfigError, match="--data KIND:WHERE"):
        train_photos(PhotoJob(RUN, tmp_path / "out", (), CPU))
