"""The load generator: so many users, each of whom asks again as soon as the answer is there.

Plain asyncio streams, because it shares the machine with the server: what it spends is missing
there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

from vqa.bench.traffic import request_bytes
from vqa.errors import VQAError

_PATIENCE = 60.0  # seconds for one answer
_EVERY = 50  # one of so many answers is read as JSON


@dataclass
class Measured:
    """What a load gave.

    Attributes:
        users: who asked at the same time.
        seconds: how long answers were counted.
        latencies: seconds of each answer that came in this time, in the order they came.
        statuses: HTTP status -> how many, those that do not count included.
        checkpoints: which checkpoint spoke -> how often, of the answers that were read.
    """

    users: int
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        """How many were not answered with 200."""
        return sum(n for status, n in self.statuses.items() if status != 200)

    def percentile(self, share: float) -> float:
        """Seconds within which `share` of the answers came (nearest rank)."""
        ranked = sorted(self.latencies)
        return ranked[min(int(share * len(ranked)), len(ranked) - 1)]


def ask_for(
    port: int,
    pairs: Iterator[tuple[bytes, str]],
    users: int,
    seconds: float = float("inf"),
    requests: int | None = None,
    warm_up: float = 0.0,
    noted: Callable[[int], None] = lambda answered: None,
) -> Measured:
    """Loads the server at `port`.

    Args:
        pairs: what is asked, in this order.
        seconds: how long, after `warm_up` seconds that do not count. requests: or how many.
        noted: called with the number of answers so far, after each.

    Raises:
        VQAError: the server closed a connection, gave no answer within a minute, or none in time.
    """
    found = asyncio.run(_load(port, pairs, users, seconds, requests, warm_up, noted))
    if not found.latencies:
        raise VQAError(
            f"None of {users} users had an answer within {seconds:g} s; give more --seconds."
        )
    return found


async def _load(port, pairs, users, seconds, requests, warm_up, noted) -> Measured:
    found = Measured(users)
    begin = perf_counter() + warm_up
    left = requests if requests is not None else float("inf")
    answered = 0

    async def user() -> None:
        nonlocal left, answered
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while left > 0 and perf_counter() < begin + seconds:
                left -= 1
                sent = request_bytes(*next(pairs))
                asked = perf_counter()
                writer.write(sent)
                status, body = await asyncio.wait_for(_response(reader), _PATIENCE)
                now = perf_counter()
                found.statuses[status] = found.statuses.get(status, 0) + 1
                if status == 200 and begin <= now <= begin + seconds:
                    found.latencies.append(now - asked)
                    found.seconds = seconds if requests is None else now - begin
                if status == 200 and answered % _EVERY == 0:
                    spoke = json.loads(body)["checkpoint"]
                    found.checkpoints[spoke] = found.checkpoints.get(spoke, 0) + 1
                answered += 1
                noted(answered)
        finally:
            writer.close()

    try:
        await asyncio.gather(*(user() for _ in range(users)))
    except (OSError, EOFError, TimeoutError) as error:
        raise VQAError(
            f"The server gave no answer to one of {users} users ({type(error).__name__}); "
            "see what it wrote above."
        ) from error
    return found


async def _response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one response with a Content-Length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length:")
    return int(head[9:12]), await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
