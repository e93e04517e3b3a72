"""What tests/test_torchrun.py starts under `torchrun`: OUT and what to do there."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from test_photos import COLOURS, RUN, make_table
from torch import nn

from vqa.train import loop
from vqa.train.photos import PhotoJob, train_photos
from vqa.train.processes import world

CPU = torch.device("cpu")
STEPS = 60


class Learner(nn.Module):
    """A small classifier; `spare` stands for what a stage makes no use of."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
        self.spare = nn.Linear(2, 2)

    def forward(self, x, y):
        loss = nn.functional.cross_entropy(self.net(x), y)
        return loss, {"answer": float(loss.detach())}


def half_batch(step: int, rank: int, processes: int) -> tuple:
    """The share of one of two processes."""
    numbers = torch.Generator().manual_seed(2 * step + rank)
    x = torch.randn(16, 8, generator=numbers)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def whole_batch(step: int, rank: int, processes: int) -> tuple:
    """The same examples in one process."""
    return tuple(
        torch.cat(both) for both in zip(half_batch(step, 0, 2), half_batch(step, 1, 2), strict=True)
    )


def learn(out: Path, batch) -> None:
    loop._LOG_EVERY = 1
    module = Learner()
    loop.fit(loop.Stage("learn", STEPS, 1e-2, module, batch), out, CPU)
    if world()[0] == 0:
        torch.save(module.state_dict(), out / "weights.pt")


def photos(out: Path, die_at: int | None) -> None:
    """A whole training on photographs; the second process is killed once, at a step."""
    loop._SAVE_SECONDS = 0.2
    mark, blend = out.parent / f"{out.name}-killed", loop._State.blend

    def blend_and_die(state):
        blend(state)
        if world()[0] == 1 and state.step == die_at and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    loop._State.blend = blend_and_die
    if world()[0] == 0 and not (out.parent / "data").exists():
        make_table(out.parent / "data", COLOURS)
    if world()[1] > 1:
        torch.distributed.barrier()
    table, schema = out.parent / "data" / "table.csv", out.parent / "data" / "schema.json"
    config = replace(RUN, steps=40)
    train_photos(PhotoJob(config, out, (f"labels:{table},{schema}",), CPU, resume=True))


if __name__ == "__main__":
    torch.set_num_threads(1)
    where, what = Path(sys.argv[1]), sys.argv[2]
    if what == "learn":
        learn(where, half_batch)
    else:
        photos(where, None if what == "photos" else int(what))
