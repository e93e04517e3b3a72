"""Saves, trains and keeps corrections in processes that are killed at random moments, and checks
what is left.

`python tests/hostile/kills.py FOLDER COUNT SEED` prints one line of JSON. One process of its own,
because it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from PIL import Image
from torch import nn

from vqa.checkpoint import load, save
from vqa.config import FusionConfig, ImageEncoderConfig, ModelConfig, QuestionEncoderConfig
from vqa.data.folder import read, splits
from vqa.flags import Flags
from vqa.image import load_image
from vqa.models.network import build
from vqa.text import AnswerSpace, Vocab
from vqa.train.loop import Stage, fit

_WORDS = Vocab.from_questions(["Is there a red cube?"])
_MODEL = ModelConfig(
    dim=16,
    image_encoder=ImageEncoderConfig(image_size=(64, 48), width=8, regions=6),
    question_encoder=QuestionEncoderConfig(embedding=12),
    fusion=FusionConfig(steps=2),
)


def killed(work: Callable[[Callable[[int], None]], None], seconds: float) -> int:
    """Runs `work` in a process, kills it `seconds` after its first promise; returns the last one.

    `work` gets a function to be called with -1 when it begins, and with a number once what belongs
    to it is said to be safe.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            work(lambda number: os.write(writer, b"%d\n" % number) and None)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as lines:
        first = lines.read(3)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        promised = (first + lines.readall()).split(b"\n")[:-1]
    return int(promised[-1])


def _saving(folder: Path, start: int) -> Callable:
    """Saves checkpoint `start`, `start` + 1, ...: the number is in its weights, words and card."""

    def work(promise) -> None:
        network = build(_MODEL, len(_WORDS), 2)
        number = start
        promise(-1)
        while True:
            with torch.no_grad():
                for weight in network.parameters():
                    weight.fill_(number % 1000)
            answers = AnswerSpace(("yes", f"number {number}"))
            save(folder, network, _MODEL, _WORDS, answers, {"name": "killed", "number": number})
            promise(number)
            number += 1

    return work


def _saved(folder: Path) -> int:
    """The number of the checkpoint in `folder`; every file must be of the same one."""
    found = load(folder)
    number = found.card["number"]
    assert found.answers.answers[1] == f"number {number}", "vocabulary and card are mixed"
    assert all((w == number % 1000).all() for w in found.network.parameters()), "weights are mixed"
    return number


class _Slope(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        loss = (self.weight * x - 3 * x).square().mean()
        return loss, {"slope": float(loss.detach())}


def _stage(steps: int, promise) -> Stage:
    told = []

    def batch(step: int, rank: int, processes: int):
        # At the first batch after a point, its state has been saved.
        if not told or step % 5 == 0:
            promise(step if told else -1)
            told.append(step)
        return (torch.tensor([1.0 + step % 3]),)

    points = frozenset(range(5, steps, 5))
    return replace(Stage("slope", steps, 0.01, _Slope(), batch), points=points)


def _training(folder: Path, steps: int) -> Callable:
    return lambda promise: fit(_stage(steps, promise), folder, torch.device("cpu"))


def _flagging(folder: Path, start: int) -> Callable:
    """Keeps correction `start`, `start` + 1, ..., each of a picture of its own."""

    def work(promise) -> None:
        flags = Flags(folder)
        number = start
        promise(-1)
        while True:
            image = Image.new("RGB", (40, 40), (number % 256, number // 256, 9))
            flags.add(image, f"How many, number {number}?", str(number), {"disputed": "7"})
            promise(number)
            number += 1

    return work


def _flagged(folder: Path) -> int:
    """How many corrections are kept; none is missing, there twice, or without its picture."""
    Flags(folder)  # as the next start does: a row without its end goes
    rows = [(s.image, s.question, s.answers) for part in splits(folder) for s in read(folder, part)]
    numbers = sorted(int(answer) for _, _, (answer,) in rows)
    assert numbers == list(range(len(rows))), "corrections are missing or there twice"
    for image, question, (answer,) in rows:
        assert question == f"How many, number {answer}?"
        assert load_image(image).getpixel((0, 0))[0] == int(answer) % 256, "pictures are mixed up"
    return len(rows)


def main(folder: Path, count: int, seed: int) -> dict:
    """Kills `count` processes; returns what was found. Raises where something is lost."""
    random, steps = Random(seed), 100_000
    number, reached, stage_kills, flagged = -1, -1, 0, 0
    for kill in range(count):
        if kill % 4 == 3:
            promised = killed(_flagging(folder / "flags", flagged), random.uniform(0, 0.3))
            last = max(flagged - 1, promised)
            found = _flagged(folder / "flags")
            assert found - 1 in (last, last + 1), f"{last} was kept and {found} are there"
            flagged = found
        elif kill % 4 < 2:
            promised = killed(_saving(folder / "mine", number + 1), random.uniform(0, 0.3))
            last = max(number, promised)
            if last >= 0:
                number = _saved(folder / "mine")
                assert number in (last, last + 1), f"{last} was committed and {number} is there"
        else:
            stage_kills += 1
            promised = killed(
                lambda promise: fit(
                    _stage(steps, promise), folder / "training", torch.device("cpu")
                ),
                random.uniform(0, 0.3),
            )
            state = folder / "training" / "slope.state"
            if promised > 0 or reached > 0:
                step = torch.load(state, weights_only=True)["step"]
                assert step >= max(promised, reached), f"step {promised} was saved, {step} is there"
                reached = step
    return {
        "kills": count,
        "checkpoints": number + 1,
        "steps": reached,
        "trainings": stage_kills,
        "corrections": flagged,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
