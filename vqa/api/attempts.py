"""Who may try passwords how often, and how many bytes may come in an hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

_ADDRESSES = 10_000


class Attempts:
    """Wrong passwords by address; after `most` of them within `seconds` further ones wait.

    Args:
        most: wrong passwords that one address may send within `seconds`.
        seconds: how long a wrong password is remembered.
        now: a clock, in seconds.
    """

    def __init__(
        self, most: int = 20, seconds: float = 60.0, now: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._wrong: dict[str, deque[float]] = {}

    def wrong(self, address: str) -> None:
        """Notes a wrong password."""
        if len(self._wrong) >= _ADDRESSES:
            # The oldest: what is remembered of an attack must not fill the memory.
            del self._wrong[next(iter(self._wrong))]
        self._wrong.setdefault(address, deque(maxlen=self._most)).append(self._now())

    def wait(self, address: str) -> int:
        """Seconds until the address may try again, 0 for now."""
        times = self._wrong.get(address)
        if not times:
            return 0
        oldest = self._now() - self._seconds
        while times and times[0] <= oldest:
            times.popleft()
        if not times:
            del self._wrong[address]
            return 0
        return int(times[0] - oldest) + 1 if len(times) == self._most else 0


class Allowance:
    """Bytes that may come within a while.

    Args:
        most: bytes within `seconds`.
        seconds: how long they count.
        now: a clock, in seconds.
    """

    def __init__(
        self, most: int, seconds: float = 3600.0, now: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._come: deque[tuple[float, int]] = deque()
        self._sum = 0

    def take(self, count: int) -> None:
        """Notes that `count` bytes came."""
        now = self._now()
        if self._come and now - self._come[-1][0] < 1:
            # By the second: who sends byte by byte must not fill the memory with notes of it.
            since, before = self._come.pop()
            self._come.append((since, before + count))
        else:
            self._come.append((now, count))
        self._sum += count

    def wait(self) -> int:
        """Seconds until more may come, 0 for now."""
        oldest = self._now() - self._seconds
        while self._come and self._come[0][0] <= oldest:
            self._sum -= self._come.popleft()[1]
        return int(self._come[0][0] - oldest) + 1 if self._sum >= self._most else 0
