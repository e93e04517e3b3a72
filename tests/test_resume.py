"""A training that was asked to stop loses nothing, and goes on only with what it was made with."""

import os
import signal

import pytest
import torch
from torch import nn

from vqa.data.build import Data, evaluation_split
from vqa.errors import ConfigError, DataError
from vqa.train.loop import Stage, fit

CPU = torch.device("cpu")


class Slope(nn.Module):
    """Learns to give 3 x for x."""

    def __init__(self, size: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))

    def forward(self, x):
        loss = (self.weight * x - 3 * x).square().mean()
        return loss, {"slope": float(loss.detach())}


def stage(module: nn.Module, steps: int = 30, at=None) -> Stage:
    """`at` is called before each batch with the step."""

    def batch(step: int, rank: int, processes: int):
        if at is not None:
            at(step)
        return (torch.tensor([1.0 + step % 3]),)

    return Stage("slope", steps, 0.1, module, batch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_resuming_gives_the_same(tmp_path, number):
    before = signal.getsignal(number)
    whole, parted = Slope(), Slope()
    fit(stage(whole), tmp_path / "whole", CPU)

    def at(step):
        if step == 11:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        fit(stage(parted, at=at), tmp_path / "parted", CPU)
    assert torch.load(tmp_path / "parted" / "slope.state", weights_only=True)["step"] == 12
    assert signal.getsignal(number) is before
    again = Slope()
    fit(stage(again), tmp_path / "parted", CPU)
    assert torch.equal(again.weight, whole.weight)


def test_the_mean_of_a_short_training_is_of_its_end(tmp_path):
    learned = Slope()
    fit(stage(learned, steps=100), tmp_path, CPU)
    # Over all of the training it would be far below.
    assert float(learned.weight.detach()) == pytest.approx(3, abs=0.1)


def test_another_network_or_fewer_steps_are_named(tmp_path):
    fit(stage(Slope()), tmp_path, CPU)
    with pytest.raises(ConfigError, match="other data, another preset or another --from"):
        fit(stage(Slope(2)), tmp_path, CPU)
    with pytest.raises(ConfigError, match="has made 30 steps, more than the 20"):
        fit(stage(Slope(), steps=20), tmp_path, CPU)


def test_what_was_learned_is_not_measured_by_default():
    def data(*splits):
        return Data("folder:x", splits, lambda split, languages: iter(()))

    assert evaluation_split(data("train", "val", "test")) == "test"
    assert evaluation_split(data("train", "val")) == "val"
    with pytest.raises(DataError, match="All pictures of folder:x are for training"):
        evaluation_split(data("train"))
