"""While work goes on: progress bars, and processes that help."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool

from tqdm import tqdm


class Bar(tqdm):
    """A progress bar, to be used as a context: cut short, it goes without being drawn once more."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        # Some terminals do not say how wide they are; cut to nothing, bars would be blank lines.
        if not self.disable and self.ncols == 0:
            self.ncols = None

    def __exit__(self, kind, *rest) -> None:
        if not self.disable and kind is not None:
            self.leave = False
        super().__exit__(kind, *rest)


@contextmanager
def unheard() -> Iterator[None]:
    """Processes that are started within do not hear Ctrl-C, which a terminal sends to all of them:
    they are ended by the one that started them."""
    if threading.current_thread() is not threading.main_thread():  # others may not set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def helpers(count: int) -> Iterator[Pool]:
    """`count` processes, as `unheard` has them."""
    with unheard():
        pool = get_context("spawn").Pool(count, _deaf)
    with pool:
        yield pool


def _deaf() -> None:
    # Of one that takes the place of another, and on Windows, where it is not inherited.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
