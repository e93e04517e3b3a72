"""One replica of the predictor, as Ray Serve runs it: a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import process_time

import torch
from ray import serve

from vqa.errors import VQAError
from vqa.evidence import Evidence
from vqa.predictor import AUTO, Answer, Request
from vqa.routing import load_predictor


@dataclass(frozen=True)
class Call:
    """Requests that travel together.

    Attributes:
        top_k: as in `Predictor.ask`.
        checkpoint: as in `Router.ask`; `AUTO` where there is but one.
    """

    requests: tuple[Request, ...]
    top_k: int
    checkpoint: str


def _questions(calls: Sequence[Call]) -> int:
    return sum(len(call.requests) for call in calls)


def _chosen(call: Call) -> dict:
    """What a `Router` alone takes."""
    return {} if call.checkpoint == AUTO else {"checkpoint": call.checkpoint}


class Replica:
    """Loads a checkpoint and answers calls, those that arrive together in one pass.

    Args:
        checkpoint, device: as `load_predictor` takes them.
        most: questions answered together; no call may have more.
        threads: computing threads.
    """

    def __init__(self, checkpoint: str, device: str, most: int, threads: int) -> None:
        torch.set_num_threads(threads)
        self._predictor = load_predictor(checkpoint, device)
        self._predictor.warm_up()
        # Computing must not hold up the loop that takes calls and health checks.
        self._computing = ThreadPoolExecutor(1)
        self.ask.set_max_batch_size(most)

    def computed(self) -> float:
        """Seconds of core time so far."""
        return process_time()

    async def check_health(self) -> None:
        """Ray calls it again and again, and replaces a replica in which it fails or hangs."""
        # In the thread that computes: it is what may hang.
        await asyncio.get_running_loop().run_in_executor(self._computing, self._predictor.warm_up)

    @serve.batch(batch_wait_timeout_s=0.004, batch_size_fn=_questions)
    async def ask(self, calls: list[Call]) -> list[list[Answer] | VQAError]:
        """The answers of each call, in order, or the error of its first request that has none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._computing, self._answer, calls)

    async def evidence(self, call: Call) -> Evidence | VQAError:
        """As `Predictor.evidence`, for the one request of a call."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._computing, self._evidence, call)

    def _evidence(self, call: Call) -> Evidence | VQAError:
        try:
            return self._predictor.evidence(call.requests[0], call.top_k, **_chosen(call))
        except VQAError as error:
            return error

    def _answer(self, calls: Sequence[Call]) -> list[list[Answer] | VQAError]:
        replies: list[list[Answer] | VQAError | None] = [None] * len(calls)
        # By repr: a dictionary takes True for 1, and a list not at all.
        groups: dict[tuple[str, str], list[int]] = {}
        for place, call in enumerate(calls):
            groups.setdefault((repr(call.top_k), call.checkpoint), []).append(place)
        for places in groups.values():
            found = self._together([calls[place] for place in places])
            for place, reply in zip(places, found, strict=True):
                replies[place] = reply
        return replies

    def _together(self, calls: Sequence[Call]) -> list[list[Answer] | VQAError]:
        """Calls that differ in their requests alone; one that fails must not fail the others."""
        asked = [request for call in calls for request in call.requests]
        try:
            answers = iter(self._predictor.ask_batch(asked, calls[0].top_k, **_chosen(calls[0])))
            return [[next(answers) for _ in call.requests] for call in calls]
        except VQAError as error:
            if len(calls) == 1:
                return [error]
            return [self._together([call])[0] for call in calls]
