"""What it costs to ask a replica rather than a predictor in the same process."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from time import perf_counter, process_time

from PIL import Image

from vqa.predictor import Answer, Request
from vqa.routing import load_predictor
from vqa.scale.ray_app import fleet
from vqa.world.picture import draw_picture

SIZES = (1, 32)  # questions in a call
_PICTURES = 16
_QUESTIONS = (
    "How many red things are there?",
    "What color is the big sphere?",
    "红色立方体左边有几个小的金属物体？",
)


def measure(checkpoint: str, seconds: float) -> dict:
    """Core milliseconds for each question about pictures that are kept encoded.

    Args:
        checkpoint: as `load_predictor` takes it.
        seconds: of each of the four loads.

    Returns:
        {"checkpoint": ..., "seconds": ..., "calls": {size: {"local_ms": of one process alone,
        "front_ms": of the process that asks a replica, "replica_ms": of that replica}}}
    """
    requests = _requests()
    local = load_predictor(checkpoint, "cpu")
    calls: dict[str, dict[str, float]] = {}
    for size in SIZES:
        (spent,) = _load(local.ask_batch, requests, size, seconds, [process_time])
        calls[str(size)] = {"local_ms": spent}
    with fleet(checkpoint, "cpu", (1, 1)) as remote:
        for size in SIZES:
            clocks = [process_time, remote.computed]
            front, replica = _load(remote.ask_batch, requests, size, seconds, clocks)
            calls[str(size)] |= {"front_ms": front, "replica_ms": replica}
    return {"checkpoint": checkpoint, "seconds": seconds, "calls": calls}


def _requests() -> list[Request]:
    """Each question about each picture, as a file, which is what the API hands over."""
    files = []
    for number in range(_PICTURES):
        stream = io.BytesIO()
        Image.fromarray(draw_picture(3, number).pixels).save(stream, "JPEG", quality=90)
        files.append(stream.getvalue())
    return [Request(file, question) for question in _QUESTIONS for file in files]


def _load(
    ask: Callable[[Sequence[Request]], list[Answer]],
    requests: Sequence[Request],
    size: int,
    seconds: float,
    clocks: Sequence[Callable[[], float]],
) -> list[float]:
    """Milliseconds for each question, by each clock of core time."""
    ask(requests[: _PICTURES * 2])  # the pictures become known
    before = [clock() for clock in clocks]
    end, answers, place = perf_counter() + seconds, 0, 0
    while answers == 0 or perf_counter() < end:
        batch = [requests[(place + k) % len(requests)] for k in range(size)]
        answers, place = answers + len(ask(batch)), place + size
    return [1000 * (clock() - b) / answers for clock, b in zip(clocks, before, strict=True)]
