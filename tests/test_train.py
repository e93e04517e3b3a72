"""The training loop: interrupted, resumed and watched, it ends with the same weights."""

from __future__ import annotations

import copy
import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from vqa.config import ModelConfig, TrainConfig
from vqa.data.questions import BlockMaker
from vqa.data.renders import Renders, label_arrays
from vqa.errors import ConfigError
from vqa.train import loop
from vqa.train.feeds import PictureFeed, QuestionFeed
from vqa.train.imagine import imagine
from vqa.train.loop import Stage, fit, learning_rate
from vqa.train.perception import PerceptionStep
from vqa.train.reasoning import family_weights
from vqa.train.run import Job, train_scenes

CPU = torch.device("cpu")
STEPS = 12


class Clock:
    """Time goes on by `pace` seconds whenever it is asked for."""

    def __init__(self, pace: float) -> None:
        self.pace, self.now = pace, 0.0

    def monotonic(self) -> float:
        self.now += self.pace
        return self.now


@pytest.fixture
def saves_often(monkeypatch):
    """States are saved every second step instead of every few minutes."""
    monkeypatch.setattr(loop, "time", Clock(pace=100))


@pytest.fixture(scope="module")
def renders(pictures) -> Renders:
    rows = [label_arrays(p.scene, p.camera) for p in pictures]
    arrays = {name: np.stack([r[name] for r in rows]) for name in rows[0]}
    return Renders(np.stack([p.pixels for p in pictures]), **arrays)


class Stopped:
    """A feed that counts what is drawn, and is killed at a step."""

    def __init__(self, feed, at: int | None = None) -> None:
        self.feed, self.at, self.drawn = feed, at, []

    def __call__(self, step: int, rank: int, processes: int) -> tuple:
        if step == self.at:
            raise KeyboardInterrupt
        self.drawn.append(step)
        return self.feed(step, rank, processes)


@pytest.fixture
def perceive(renders, tiny_network):
    """Runs a perception stage in a folder and gives the encoder it leaves."""

    def run(folder, at=None, report=False, start=None, **options):
        encoder = copy.deepcopy(start or tiny_network.image_encoder)
        feed = Stopped(PictureFeed([(renders, 1.0)], 4, 7, CPU), at)
        seen = []

        def tell() -> dict[str, float]:
            encoder.eval()  # as real reports do
            seen.append(copy.deepcopy(encoder.state_dict()))
            return {"n": len(seen)}

        parts = PerceptionStep(encoder), feed
        told = tell if report else None
        stage = Stage("perception", STEPS, 2e-3, *parts, half=True, report=told)
        try:
            fit(stage, folder, CPU, **options)
        finally:
            run.last = SimpleNamespace(encoder=encoder, drawn=feed.drawn, reports=seen)
        return run.last

    return run


def same_weights(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_resumed_stage_ends_like_an_uninterrupted_one(
    perceive, tmp_path, saves_often, tiny_model, tiny_network
):
    whole = perceive(tmp_path / "whole").encoder.state_dict()
    assert not same_weights(whole, tiny_network.image_encoder.state_dict())
    with pytest.raises(KeyboardInterrupt):
        perceive(tmp_path / "cut", at=7)
    # The new process starts from other weights; all it needs is in the state. The projection is
    # no part of this stage.
    other = copy.deepcopy(tiny_network.image_encoder)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if not name.startswith("project."):
                weight.mul_(0.5)
    resumed = perceive(tmp_path / "cut", start=other)
    assert resumed.drawn == [6, 7, 8, 9, 10, 11], "the last state was that of six steps"
    assert same_weights(resumed.encoder.state_dict(), whole)


def test_saving_and_reporting_do_not_touch_the_training(perceive, tmp_path, monkeypatch):
    quiet = perceive(tmp_path / "quiet").encoder
    monkeypatch.setattr(loop, "time", Clock(pace=100))
    watched = perceive(tmp_path / "watched", report=True)
    assert same_weights(watched.encoder.state_dict(), quiet.state_dict())
    assert len(watched.reports) == STEPS // 2
    # Reports see the averaged weights, and what a stage leaves is their last state.
    assert same_weights(watched.reports[-1], quiet.state_dict())
    assert not any(part.training for part in watched.encoder.modules())


def test_a_finished_stage_is_not_run_again(perceive, tmp_path):
    first = perceive(tmp_path)
    again = perceive(tmp_path, at=0)
    assert again.drawn == []
    assert same_weights(again.encoder.state_dict(), first.encoder.state_dict())


def test_a_state_is_not_overwritten_unasked(perceive, tmp_path):
    perceive(tmp_path, resume=False)
    before = (tmp_path / "perception.state").read_bytes()
    with pytest.raises(ConfigError, match="--resume"):
        perceive(tmp_path, resume=False)
    assert perceive.last.drawn == []
    assert (tmp_path / "perception.state").read_bytes() == before


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)

    def forward(self, x):
        loss = ((self.line(x) - x.sum(-1, keepdim=True)) ** 2).mean()
        return loss, {"part": float(loss.detach())}


def line_batch(step: int, rank: int, processes: int) -> tuple:
    return (torch.randn(16, 3, generator=torch.Generator().manual_seed(step)),)


def test_each_logged_step_is_in_the_log_once(tmp_path, monkeypatch):
    """A run is killed long after its last state, and logs the same steps again."""
    monkeypatch.setattr(loop, "time", Clock(pace=2))  # a state about every 90 steps
    with pytest.raises(KeyboardInterrupt):
        fit(Stage("line", 220, 0.1, Line(), Stopped(line_batch, at=170)), tmp_path, CPU)
    fed = Stopped(line_batch)
    fit(Stage("line", 220, 0.1, Line(), fed), tmp_path, CPU)
    assert 50 < fed.drawn[0] < 100
    with (tmp_path / "line.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["50", "100", "150", "200"]
    assert list(rows[0]) == ["step", "rate", "loss", "part"]
    assert float(rows[-1]["loss"]) < 0.1 * float(rows[0]["loss"])
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")


def test_learning_rate_starts_gently_and_ends_low():
    rates = np.array([learning_rate(0.3, step, 1000) for step in range(1001)])
    assert rates[0] == pytest.approx(0.3 / 100) and rates[-1] == pytest.approx(0.003)
    top = int(rates.argmax())
    assert 95 <= top <= 105 and 0.28 < rates[top] <= 0.3
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top:]) < 0).all()
    # Half way down half a cosine is left, whatever the warm-up.
    assert rates[500] == pytest.approx(0.3 * (0.99 / 2 + 0.01))
    assert learning_rate(0.3, 0, 1) == pytest.approx(0.3)


def test_batches_depend_on_seed_step_and_process_only(renders):
    feed = PictureFeed([(renders, 0.5), (renders, 0.5)], 5, 7, CPU)
    images, labels, nudge = feed(3, 0, 1)
    assert images.shape == (5, 3, 48, 64) and nudge.shape == (*labels.centre.shape[:2], 2)
    again = PictureFeed([(renders, 0.5), (renders, 0.5)], 5, 7, CPU)(3, 0, 1)
    assert torch.equal(again[0], images) and torch.equal(again[1].box, labels.box)
    others = [feed(4, 0, 1), feed(3, 1, 2), PictureFeed(feed.parts, 5, 8, CPU)(3, 0, 1)]
    assert not any(torch.equal(other[0], images) for other in others)


def test_questions_go_on_at_any_step(tiny_model):
    bank, labels = imagine(tiny_model.image_encoder, 3, 10)
    names = ("count", "attributes", "ground")
    maker = BlockMaker(**{n: labels[n] for n in names}, seed=3, languages=("en",), size=32)

    def feed() -> QuestionFeed:
        return QuestionFeed(bank, maker, 8, 12, family_weights, CPU, workers=0)

    straight = feed()
    batches = [straight(step, 0, 1) for step in range(12)]
    for start in (3, 4, 9):
        resumed = feed()
        for step in (start, start + 1):
            for one, other in zip(resumed(step, 0, 1)[1:], batches[step][1:], strict=True):
                assert torch.equal(one, other)
    assert not torch.equal(batches[0][3], batches[1][3])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 1_000_000}, "1000000 is reserved"),
        ({"seed": 999_999}, "1000000 is reserved"),  # the next seed is that of its held-out set
        ({"renders": 10}, "at least 250"),
        ({"calibration_scenes": 0}, "at least 250"),
        ({"question_batch": 100}, "question_batch"),
        ({"model": replace(ModelConfig(), fusion=replace(ModelConfig().fusion, steps=6))}, "steps"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_any_work(tmp_path, change, says):
    job = Job(replace(TrainConfig(), **change), tmp_path / "out", CPU)
    with pytest.raises(ConfigError, match=says):
        train_scenes(job)
    with pytest.raises(ConfigError, match="choose one of: perception"):
        train_scenes(replace(job, config=TrainConfig(), only="dreaming"))
    assert not job.out.exists()
