"""One question at a time, ours beside other models; and a batch against what the machine can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import torch
from torch.utils.flop_counter import FlopCounterMode

from vqa.bench.others import Other
from vqa.bench.traffic import Traffic
from vqa.image import load_image, to_tensor
from vqa.predictor import Predictor, Request
from vqa.routing import Router, load_predictor

BATCH = 32
_WARM_UP = 3
_SQUARE = 2048  # rows and columns of the matrices that are multiplied


@torch.inference_mode()
def side_by_side(
    traffic: Traffic, checkpoints: Sequence[str], rounds: int, others: Sequence[Other]
) -> dict:
    """Median milliseconds of one question.

    All take turns in each round, so that what else the machine does strikes them alike, in an order
    drawn anew: who comes after a large model finds the caches full of it.

    Args:
        checkpoints: names or folders, or "auto".

    Returns:
        ours: checkpoint -> {"new": ms, "kept": ms}, decoding and preprocessing included.
        others: [{"name", "does", "weights", "ms"}], of the model alone.
    """
    ask: dict[tuple[str, str], Callable[[], object]] = {}
    named = {Path(c).name: c for c in checkpoints}
    for name, checkpoint in named.items():
        predictor = load_predictor(checkpoint, "cpu")
        for mix, pairs in (("new", traffic.unseen()), ("kept", traffic.pairs())):
            ask[name, mix] = _asking(predictor, pairs)
        for picture, questions in zip(traffic.pictures, traffic.questions, strict=True):
            predictor.ask(picture, questions[0])
    times: dict = {key: [] for key in (*ask, *(other.name for other in others))}
    skip = min(_WARM_UP, rounds)
    calls = [*ask.items(), *((other.name, other.ask) for other in others)]
    order = Random(rounds)
    for turn in range(skip + rounds):
        order.shuffle(calls)
        for key, call in calls:
            begin = perf_counter()
            call()
            if turn >= skip:
                times[key].append(1000 * (perf_counter() - begin))
    return {
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "ours": {
            name: {mix: median(times[name, mix]) for mix in ("new", "kept")} for name in named
        },
        "others": [
            {"name": o.name, "does": o.does, "weights": o.weights, "ms": median(times[o.name])}
            for o in others
        ],
    }


def _asking(predictor: Predictor | Router, pairs: Iterator[tuple[bytes, str]]) -> Callable:
    return lambda: predictor.ask(*next(pairs))


@torch.inference_mode()
def against_the_machine(traffic: Traffic, checkpoints: Sequence[str], rounds: int) -> dict:
    """How near a batch comes to the machine's arithmetic.

    Args:
        checkpoints: names or folders.

    Returns:
        gflops: billions of operations a second in multiplying square matrices, float32.
        checkpoints: name -> gflop: of one question about a new picture; the network's ms for
            `BATCH` of them from pixels on; whole_ms: from files to answers; kept_ms: the same
            about pictures kept encoded.
    """
    found = {}
    for checkpoint in checkpoints:
        predictor = load_predictor(checkpoint, "cpu")
        new, kept = traffic.unseen(), traffic.pairs()
        network = _network(predictor, traffic)
        with FlopCounterMode(display=False) as counter:
            network()
        found[predictor.checkpoint.name] = {
            "gflop": counter.get_total_flops() / BATCH / 1e9,
            "network_ms": _median_ms(network, rounds),
            "whole_ms": _median_ms(_batch(predictor, new), rounds),
            "kept_ms": _median_ms(_batch(predictor, kept), rounds),
        }
    a, b = torch.rand(_SQUARE, _SQUARE), torch.rand(_SQUARE, _SQUARE)
    seconds = _median_ms(lambda: torch.mm(a, b), rounds) / 1000
    return {
        "batch": BATCH,
        "threads": torch.get_num_threads(),
        "gflops": 2 * _SQUARE**3 / seconds / 1e9,
        "checkpoints": found,
    }


def _network(predictor: Predictor, traffic: Traffic) -> Callable[[], object]:
    """A call that runs the network alone on one batch."""
    size = predictor.checkpoint.config.image_encoder.image_size
    images = [to_tensor(load_image(p), size) for p, _ in islice(traffic.pairs(), BATCH)]
    batch = torch.stack(images).contiguous(memory_format=torch.channels_last)
    tokens, lengths = torch.full((BATCH, 16), 1), torch.full((BATCH,), 16)
    return lambda: predictor.checkpoint.network(batch, tokens, lengths)


def _batch(predictor: Predictor, pairs: Iterator[tuple[bytes, str]]) -> Callable[[], object]:
    return lambda: predictor.ask_batch([Request(p, q) for p, q in islice(pairs, BATCH)])


def _median_ms(call: Callable[[], object], rounds: int) -> float:
    times, skip = [], min(_WARM_UP, rounds)
    for turn in range(skip + rounds):
        begin = perf_counter()
        call()
        if turn >= skip:
            times.append(1000 * (perf_counter() - begin))
    return median(times)
