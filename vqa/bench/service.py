"""The service under load: latency and throughput by number of users, and memory over many
requests."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time

from vqa.bench.load import ask_for
from vqa.bench.server import Server
from vqa.bench.traffic import Traffic

BATCHED = "batched"
MODES = {BATCHED: 32, "alone": 1}  # --max-batch of either
MIXES = ("kept", "new")
MEMORY_USERS = 64
_WARM_UP = 2.0  # seconds of each load that do not count, at most
_SAMPLES = 100  # of the memory


def get_to_know(server: Server, traffic: Traffic) -> None:
    """Asks about every picture once, so that the server keeps them all encoded."""
    pictures = len(traffic.pictures)
    ask_for(server.port, traffic.pairs(), min(8, pictures), requests=pictures)


def load(
    server: Server, traffic: Traffic, mix: str, users: int, seconds: float, first: int
) -> dict:
    """One load's figures.

    Args:
        mix: "kept": about pictures that the server keeps encoded; "new": every picture is new.
        first: number of the first new picture.
    """
    pairs = traffic.pairs() if mix == "kept" else traffic.unseen(first)
    computed, driven, sizes = server.cpu(), process_time(), _batches(server)
    found = ask_for(server.port, pairs, users, seconds, warm_up=min(_WARM_UP, seconds / 4))
    answered = found.statuses.get(200, 0)
    batches, questions = (b - a for a, b in zip(sizes, _batches(server), strict=True))
    return {
        "answers": len(found.latencies),
        "failed": found.failed,
        "per_second": found.throughput,
        **{f"p{p}_ms": 1000 * found.percentile(p / 100) for p in (50, 95, 99)},
        "batch": questions / batches,
        "server_cpu_ms": 1000 * (server.cpu() - computed) / answered,
        "client_cpu_ms": 1000 * (process_time() - driven) / answered,
        "checkpoints": dict(sorted(found.checkpoints.items())),
    }


def _batches(server: Server) -> tuple[float, float]:
    """How many batches there were, and how many questions in them."""
    return server.metric("vqa_batch_size_count"), server.metric("vqa_batch_size_sum")


def memory(server: Server, traffic: Traffic, requests: int) -> dict:
    """Resident bytes of a server while `requests` questions are answered, every second one about a
    new picture.

    Returns:
        start: before the first. samples: [answers so far, bytes]. cached: bytes that the encoded
        pictures take at the end.
    """
    samples: list[tuple[int, int]] = []
    every = max(1, requests // _SAMPLES)
    start = server.memory()

    def noted(answered: int) -> None:
        if answered % every == 0:
            samples.append((answered, server.memory()))

    found = ask_for(server.port, _half_new(traffic), MEMORY_USERS, requests=requests, noted=noted)
    return {
        "requests": requests,
        "failed": found.failed,
        "start": start,
        "samples": samples,
        "cached": server.metric("vqa_cached_bytes"),
    }


def _half_new(traffic: Traffic) -> Iterator[tuple[bytes, str]]:
    for known, new in zip(traffic.pairs(), traffic.unseen(0), strict=False):
        yield known
        yield new
