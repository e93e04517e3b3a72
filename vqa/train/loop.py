"""The loop that every training stage runs in: schedule, averaging, logs, saving, resuming.

A stage's batch depends on the seed and the step only. So a run that was killed goes on from its
last state with the same data in the same order.
"""

from __future__ import annotations

import csv
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from vqa.errors import ConfigError
from vqa.running import Bar
from vqa.train.processes import any_of_all, mean_of_all, world

_LOG_EVERY = 50
_SAVE_SECONDS = 180
_AVERAGE = 0.998  # of the running mean of weights that is kept (Polyak averaging)
_SHORT = 20  # a short stage's mean reaches back over a 20th of it, not over all of it


@dataclass(frozen=True)
class Stage:
    """One stage of a training.

    Attributes:
        name: names its files. steps: number of optimiser steps. rate: peak learning rate.
        module: called with a batch, returns (loss, {name: part of the loss}).
        batch: (step, rank, processes) -> the module's arguments.
        half: compute in bfloat16 where that is safe; quicker on GPUs and on CPUs that have
            matrix units for it, no slower to learn.
        report: called with the averaged weights in place when a state is saved; its figures are
            printed. points: further steps after which a state is saved.
        lasting: its folder outlives the run, so that a stage that is stopped can be gone on with.
    """

    name: str
    steps: int
    rate: float
    module: nn.Module
    batch: Callable[[int, int, int], tuple]
    half: bool = False
    report: Callable[[], dict[str, float]] | None = None
    points: frozenset[int] = frozenset()
    lasting: bool = True


def learning_rate(peak: float, step: int, steps: int, warmup: int = 200) -> float:
    """A short linear start, then half a cosine down to 1 % (Loshchilov & Hutter 2017)."""
    warm = min(1.0, (step + 1) / min(warmup, max(steps // 10, 1)))
    return peak * warm * (0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)


class _State:
    """What a stage needs to go on: weights, their average, the optimiser's state, the step."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.path = folder / f"{stage.name}.state"
        self.module = stage.module
        self.optimizer = torch.optim.AdamW(stage.module.parameters(), stage.rate, weight_decay=0.02)
        self.average = {k: v.detach().clone() for k, v in stage.module.state_dict().items()}
        self.step = 0
        self.kept = min(_AVERAGE, max(0.0, 1 - _SHORT / stage.steps))

    def load(self, steps: int) -> None:
        saved = torch.load(self.path, weights_only=True)
        if saved["step"] > steps:
            raise ConfigError(
                f"The training in {self.path.parent} has made {saved['step']} steps, more than the "
                f"{steps} asked for; choose another --out."
            )
        try:
            self.module.load_state_dict(saved["weights"])
        except RuntimeError as error:
            raise ConfigError(
                f"The training in {self.path.parent} was made with other data, another preset or "
                "another --from; give the same ones, or choose another --out."
            ) from error
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average, self.step = saved["average"], saved["step"]

    def save(self) -> None:
        partial = self.path.with_suffix(".tmp")
        torch.save(
            {
                "weights": self.module.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average,
                "step": self.step,
            },
            partial,
        )
        partial.replace(self.path)

    @torch.no_grad()
    def blend(self) -> None:
        keep = min(self.kept, (self.step + 1) / (self.step + 10))
        for name, value in self.module.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1 - keep)
            else:
                self.average[name].copy_(value)


def fit(stage: Stage, folder: Path, device: torch.device, resume: bool = True) -> None:
    """Runs a stage to its end and leaves the averaged weights in its module.

    Args:
        folder: for the state, `<name>.csv` and, at the end, `<name>.png` with the curves.
        resume: go on from a state in `folder`; without it a state there is an error.

    Raises:
        ConfigError: a state is there and `resume` is False.
    """
    rank, processes = world()
    folder.mkdir(parents=True, exist_ok=True)
    state = _State(stage, folder)
    if state.path.exists():
        if not resume:
            raise ConfigError(
                f"{folder} holds a training; add --resume to go on with it, or choose another "
                "--out."
            )
        state.load(stage.steps)
        if rank == 0:
            Bar.write(f"{stage.name}: going on from step {state.step}")
            _forget(folder / f"{stage.name}.csv", state.step)
    module = stage.module.train()
    # Not every batch, nor every stage, makes use of all that is in a module.
    parallel = processes > 1
    run = DistributedDataParallel(module, find_unused_parameters=True) if parallel else module
    log = folder / f"{stage.name}.csv"
    saved = time.monotonic()
    with (
        Bar(total=stage.steps, initial=state.step, desc=stage.name, disable=rank > 0) as bar,
        _told_to_stop() as stopped,
    ):
        while state.step < stage.steps:
            rate = learning_rate(stage.rate, state.step, stage.steps)
            for group in state.optimizer.param_groups:
                group["lr"] = rate
            batch = stage.batch(state.step, rank, processes)
            with torch.autocast(device.type, torch.bfloat16, enabled=stage.half):
                loss, parts = run(*batch)
            state.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            state.optimizer.step()
            state.step += 1
            state.blend()
            bar.update()
            if state.step % _LOG_EVERY == 0:
                found = mean_of_all({"loss": float(loss.detach()), **parts}, device)
                if rank == 0:
                    _append(log, {"step": state.step, "rate": rate, **found})
                    bar.set_postfix({k: f"{v:.3f}" for k, v in found.items()})
            done = state.step == stage.steps
            due = done or state.step in stage.points or time.monotonic() - saved > _SAVE_SECONDS
            if rank == 0 and due:
                state.save()
                if stage.report is not None:
                    _tell(stage, state)
                saved = time.monotonic()
            if any_of_all(bool(stopped), device):
                if rank == 0 and not done and stage.lasting:
                    state.save()
                    Bar.write(
                        f"{stage.name}: stopped at step {state.step}; --resume goes on from it"
                    )
                raise KeyboardInterrupt
    module.load_state_dict(state.average)
    module.eval()
    if rank == 0:
        draw_curves(log)


@contextmanager
def _told_to_stop() -> Iterator[list[int]]:
    """Signals that ask the process to end, as they come; a second one ends it at once.

    Only the main thread hears signals; elsewhere the list stays empty.
    """
    heard: list[int] = []
    before = {}

    def hear(number: int, _frame) -> None:
        heard.append(number)
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is threading.main_thread():
        before = {n: signal.signal(n, hear) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def restore(name: str, steps: int, module: nn.Module, folder: Path) -> bool:
    """Puts the averaged weights of a stage that has ended into its module.

    Returns:
        False, with the module as it was, when `folder` holds no state of `steps` steps.
    """
    path = folder / f"{name}.state"
    if not path.exists():
        return False
    saved = torch.load(path, weights_only=True)
    if saved["step"] != steps:
        return False
    module.load_state_dict(saved["average"])
    module.eval()
    return True


def _tell(stage: Stage, state: _State) -> None:
    current = {k: v.detach().clone() for k, v in stage.module.state_dict().items()}
    stage.module.load_state_dict(state.average)
    figures = " ".join(f"{k} {v:.4f}" for k, v in stage.report().items())
    Bar.write(f"{stage.name} step {state.step}: {figures}")
    stage.module.load_state_dict(current)
    stage.module.train()


def _append(log: Path, row: dict[str, float]) -> None:
    new = not log.exists()
    with log.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" for k, v in row.items()})


def _forget(log: Path, step: int) -> None:
    """Drops what was logged after `step`: a killed run logs steps that it did not save."""
    if log.exists():
        head, *rows = log.read_text().splitlines(keepends=True)
        log.write_text(head + "".join(r for r in rows if float(r.split(",")[0]) <= step))


def draw_curves(log: Path) -> None:
    """Draws a log's losses beside it as a picture (`perception.csv` -> `perception.png`)."""
    if not log.exists():
        return
    from matplotlib.figure import Figure

    with log.open() as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in rows[0]:
        if name not in ("step", "rate"):
            axes.plot([r["step"] for r in rows], [r[name] for r in rows], label=name, linewidth=1)
    axes.set(xlabel="step", ylabel="loss", yscale="log", title=log.stem)
    axes.legend(ncols=3, fontsize=8)
    figure.savefig(log.with_suffix(".png"), dpi=110)
