"""Micro-batching: questions that arrive together are answered together.

A few threads ask the predictor, so that one model serves every visitor and no core waits while
another decodes or writes. What may wait is bounded in number and in memory; beyond that a request
is refused at once.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace
from math import ceil
from threading import BoundedSemaphore, Condition, Thread
from time import perf_counter
from typing import Protocol

import torch

from vqa.errors import BusyError, CheckpointError, ConfigError, StoppingError, VQAError, described
from vqa.evidence import Evidence
from vqa.pictures import Picture, PictureFile, open_picture
from vqa.predictor import AUTO, Answer, Request

_log = logging.getLogger(__name__)
_LONGEST_RETRY = 60
_PIXEL_BYTES = 4  # Pillow keeps the three of RGB in four


class BatchPredictor(Protocol):
    """What is batched: a `Predictor` or a `Router`."""

    card: dict
    cached_bytes: int

    def knows(self, request: Request) -> bool: ...

    def ask_batch(self, requests: Sequence[Request], top_k: int = 5) -> list[Answer]: ...

    def evidence(self, request: Request, top_k: int = 5) -> Evidence: ...


@dataclass(frozen=True)
class Load:
    """How busy a batcher is and was.

    Attributes:
        waiting: requests accepted and not yet answered.
        refused: requests refused because too many waited.
        sizes: size of a batch -> how many there were.
        waited: sum of the seconds that answered requests stood in line.
        cached_bytes: memory that encoded pictures take.
    """

    waiting: int
    refused: int
    sizes: dict[int, int]
    waited: float
    cached_bytes: int


@dataclass(eq=False)
class _Asked:
    """One accepted request on its way."""

    request: Request
    top_k: int
    checkpoint: str
    begin: float
    lined_up: float = 0.0
    weight: int = 0
    reply: Future = field(default_factory=Future)


class Batcher:
    """Asks a predictor in batches, and is asked like it, from any number of threads.

    Pictures are decoded in the thread that asks, so that a huge one holds up nobody else.

    Args:
        predictor: who answers.
        wait_ms: how long the first request of a batch waits for others, milliseconds, while
            another batch is under way; when none is, it waits for nobody.
        most: the largest batch.
        waiting: how many requests may be accepted and unanswered.
        pixel_bytes: memory for their decoded pictures; one picture is always taken.
        askers: how many batches are under way at once; more than one wants a predictor that
            answers them side by side.
        cores: what batches under way at once share evenly; None where they are computed elsewhere.
    """

    def __init__(
        self,
        predictor: BatchPredictor,
        wait_ms: float = 4.0,
        most: int = 32,
        waiting: int = 64,
        pixel_bytes: int = 512 * 2**20,
        askers: int = 1,
        cores: int | None = None,
    ) -> None:
        self._predictor = predictor
        self._wait, self._most = wait_ms / 1000, most
        self._waiting, self._pixel_bytes, self._cores = waiting, pixel_bytes, cores
        self._line: deque[_Asked] = deque()
        self._accepted: set[_Asked] = set()
        self._held = 0  # bytes of the decoded pictures of those accepted
        self._decoders = BoundedSemaphore(max(2, os.cpu_count() or 1))
        self._changed = Condition()
        self._closing = False
        self._pace = 0.05  # seconds for one answer, of late
        self._under_way, self._refused, self._waited = 0, 0, 0.0  # batches, requests, seconds
        self._sizes: Counter[int] = Counter()
        self._workers = [
            Thread(target=self._work, name="vqa batches", daemon=True) for _ in range(askers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def card(self) -> dict:
        """The predictor's."""
        return self._predictor.card

    @property
    def choices(self) -> tuple[str, ...]:
        """Names that `ask` takes for `checkpoint`; empty where there is but one."""
        return getattr(self._predictor, "choices", ())

    @property
    def open(self) -> bool:
        """Whether requests are taken and somebody is there to answer them."""
        return not self._closing and any(worker.is_alive() for worker in self._workers)

    def load(self) -> Load:
        """How busy it is and was."""
        with self._changed:
            return Load(
                len(self._accepted),
                self._refused,
                dict(self._sizes),
                self._waited,
                self._predictor.cached_bytes,
            )

    def ask(self, image: object, question: str, top_k: int = 5, checkpoint: str = AUTO) -> Answer:
        """Answers one question about one image; see `Predictor.ask`.

        `elapsed_ms` of the answer counts from this call on, waiting included.

        Raises:
            As `Predictor.ask`. CheckpointError: there is no such choice. BusyError: too many wait.
            StoppingError: `close` was called.
        """
        return self.ask_batch([Request(image, question)], top_k, checkpoint)[0]

    def ask_batch(
        self, requests: Sequence[Request], top_k: int = 5, checkpoint: str = AUTO
    ) -> list[Answer]:
        """Answers many at once, in order.

        Raises:
            As `ask`, for the first request that cannot be answered.
        """
        found = self.ask_each(requests, top_k, checkpoint)
        for reply in found:
            if isinstance(reply, VQAError):
                raise reply
        return found

    def ask_each(
        self, requests: Sequence[Request], top_k: int = 5, checkpoint: str = AUTO
    ) -> list[Answer | VQAError]:
        """Answers many at once, in order; an error stands in the place of its request alone.

        Raises:
            CheckpointError, BusyError, StoppingError: as `ask`; none is answered then.
            ConfigError: more than may ever wait.
        """
        replies = self.begin(requests, top_k, checkpoint)
        errors = [reply.exception() for reply in replies]
        for error in errors:
            if error is not None and not isinstance(error, VQAError):
                raise error
        return [error or reply.result() for error, reply in zip(errors, replies, strict=True)]

    def knows(self, request: Request) -> bool:
        """Whether the picture, a `PictureFile`, need not be decoded, so that `begin` takes no
        time."""
        return self._predictor.knows(request)

    def begin(
        self, requests: Sequence[Request], top_k: int = 5, checkpoint: str = AUTO
    ) -> list[Future[Answer]]:
        """Decodes pictures, puts all requests in line and returns their answers to come, in order.

        Raises:
            As `ask_each`.
        """
        self._check_checkpoint(checkpoint)
        asked = self._accept(requests, top_k, checkpoint)
        opened: dict[int, Picture] = {}
        for one in asked:
            try:
                self._line_up(one, opened)
            except Exception as error:
                self._reply(one, error=error)
        return [one.reply for one in asked]

    def evidence(self, request: Request, top_k: int = 5, checkpoint: str = AUTO) -> Evidence:
        """Which regions speak for each answer; see `Predictor.evidence`.

        Not in a batch: it is asked for rarely. As many at once as pictures are decoded.

        Raises:
            As `ask`, but for BusyError.
        """
        self._check_checkpoint(checkpoint)
        if not self.open:
            raise StoppingError()
        chosen = {"checkpoint": checkpoint} if self.choices else {}
        with self._decoders:
            return self._predictor.evidence(request, top_k=top_k, **chosen)

    def close(self, seconds: float = 20.0) -> bool:
        """Takes nothing more and waits until all that was accepted is answered.

        Args:
            seconds: how long to wait at most; who is unanswered then gets a StoppingError.

        Returns:
            Whether everybody was answered.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        end = perf_counter() + seconds
        for worker in self._workers:
            worker.join(max(end - perf_counter(), 0))
        with self._changed:
            left = list(self._accepted)
            self._line.clear()
        for one in left:
            self._reply(one, error=StoppingError())
        return not left

    def _check_checkpoint(self, name: str) -> None:
        own = getattr(self._predictor, "checkpoint", None)
        names = (AUTO, *(self.choices or ([own.name] if own else [])))
        if name not in names:
            raise CheckpointError(
                f"There is no checkpoint {name!r} here; choose one of: {', '.join(names)}.",
                zh=f"这里没有检查点 {name!r}，可选：{', '.join(names)}。",
            )

    def _accept(self, requests: Sequence[Request], top_k: int, checkpoint: str) -> list[_Asked]:
        """A place for each request, or for none of them."""
        begin = perf_counter()
        asked = [_Asked(r, top_k, checkpoint, begin) for r in requests]
        with self._changed:
            if not self.open:
                raise StoppingError()
            if len(asked) > self._waiting:
                raise ConfigError(
                    f"{len(asked)} questions at once are more than the {self._waiting} that may "
                    "wait; send fewer.",
                    zh=f"一次提了 {len(asked)} 个问题，最多 {self._waiting} 个，请减少数量。",
                )
            if len(self._accepted) + len(asked) > self._waiting:
                raise self._busy(len(asked))
            self._accepted.update(asked)
        return asked

    def _busy(self, count: int) -> BusyError:
        """To be called with the lock held."""
        self._refused += count
        seconds = ceil(len(self._accepted) * self._pace)
        return BusyError(min(max(seconds, 1), _LONGEST_RETRY))

    def _line_up(self, one: _Asked, opened: dict[int, Picture]) -> None:
        """Opens the picture and stands in line.

        Args:
            opened: pictures of the same call decoded before, by the identity of their source.
        """
        source = id(one.request.image)
        weight = 0
        if source in opened:
            picture = opened[source]
        else:
            picture = self._opened(one.request)
            if isinstance(picture, Picture):
                opened[source] = picture
                weight = picture.image.width * picture.image.height * _PIXEL_BYTES
        one.request = replace(one.request, image=picture)
        with self._changed:
            if one not in self._accepted:
                return  # `close` has lost patience
            if self._held and self._held + weight > self._pixel_bytes:
                raise self._busy(1)
            one.weight, one.lined_up = weight, perf_counter()
            self._held += weight
            self._line.append(one)
            self._changed.notify_all()

    def _opened(self, request: Request) -> Picture | PictureFile:
        source = request.image
        file = PictureFile.of(source) if isinstance(source, bytes) else source
        if isinstance(file, PictureFile) and self.knows(replace(request, image=file)):
            return file
        with self._decoders:
            return open_picture(file)

    def _reply(self, one: _Asked, answer: Answer | None = None, error=None) -> None:
        """Answers one request, unless it has its answer already, and frees its place."""
        if isinstance(error, VQAError):
            # Frames hold the picture, and by way of the request the error: both would stay until
            # the garbage collector comes by.
            error.__traceback__ = error.__cause__ = error.__context__ = None
        with self._changed:
            if one in self._accepted:
                self._accepted.remove(one)
                self._held -= one.weight
            self._changed.notify_all()
        try:
            one.reply.set_exception(error) if error else one.reply.set_result(answer)
        except InvalidStateError:
            pass  # `close` has lost patience and told that nobody will answer

    def _work(self) -> None:
        while self._answer_next():
            pass

    def _answer_next(self) -> bool:
        """Waits for a batch and answers it; False when all is done.

        A function of its own, so that who waits for the next batch does not hold the last one.
        """
        batch = self._next_batch()
        if not batch:
            return False
        if self._cores:
            torch.set_num_threads(max(self._cores // self._under_way, 1))
        # By repr: a dictionary takes True for 1, and a list not at all.
        groups: dict[tuple[str, str], list[_Asked]] = {}
        for one in batch:
            groups.setdefault((repr(one.top_k), one.checkpoint), []).append(one)
        for group in groups.values():
            begin = perf_counter()
            self._answer(group)
            with self._changed:
                self._sizes[len(group)] += 1
                self._waited += sum(begin - one.lined_up for one in group)
                answers = len(group) * len(self._workers)
                self._pace += 0.2 * ((perf_counter() - begin) / answers - self._pace)
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()
        return True

    def _next_batch(self) -> list[_Asked]:
        """Those who arrived together, in that order, now under way; none when all is done."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._line or (self._closing and not self._accepted))
                if not self._line:
                    return []
                left = self._line[0].lined_up + self._wait - perf_counter()
                self._changed.wait_for(
                    lambda: len(self._line) >= self._most or self._closing or not self._under_way,
                    max(left, 0),
                )
                # Another asker may have taken them meanwhile.
                if self._line:
                    self._under_way += 1
                    return [self._line.popleft() for _ in range(min(len(self._line), self._most))]

    def _answer(self, group: list[_Asked]) -> None:
        """Answers all; a request that cannot be answered is found by halving, and fails alone."""
        first = group[0]
        chosen = {"checkpoint": first.checkpoint} if self.choices else {}
        try:
            asked = [one.request for one in group]
            answers = self._predictor.ask_batch(asked, top_k=first.top_k, **chosen)
            for one, answer in zip(group, answers, strict=True):
                elapsed = (perf_counter() - one.begin) * 1000
                self._reply(one, replace(answer, elapsed_ms=elapsed))
        except VQAError as error:
            if len(group) == 1:
                self._reply(first, error=error)
            else:
                self._answer(group[: len(group) // 2])
                self._answer(group[len(group) // 2 :])
        except Exception as error:
            _log.error("a batch of %d failed: %s", len(group), described(error))
            for one in group:
                self._reply(one, error=error)
