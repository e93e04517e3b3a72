"""Calling what may take for ever, and giving up on it with all the processes it has started."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context

from vqa.running import unheard

_LEAVE_SECONDS = 5.0


class GaveUpError(Exception):
    """There is no result: says why, in a few words."""


def within(seconds: float, call: Callable, *values: object) -> object:
    """What a call returns, made in a process of its own, which is ended when it takes too long.

    Args:
        call: a function of a module; `values` and what it returns are pickled.

    Raises:
        GaveUpError: it took longer, raised something, or its process died.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_apart, args=(sender, call, values))
    with unheard():
        process.start()
    sender.close()  # the other process's copy is the only one left: it ends with that process
    try:
        if not receiver.poll(seconds):
            raise GaveUpError(f"more than {seconds:g} s")
        result, reason = receiver.recv()
        process.join(_LEAVE_SECONDS)  # killed at once, it would leave its semaphores behind
    except EOFError as error:
        process.join()
        raise GaveUpError(f"ended with exit code {process.exitcode}") from error
    finally:
        _end(process)
        receiver.close()
    if reason:
        raise GaveUpError(reason)
    return result


def _apart(sender, call: Callable, values: tuple) -> None:
    if hasattr(os, "setsid"):  # not on Windows
        os.setsid()
    try:
        found = call(*values), ""
    except Exception as error:  # a compiler's own may be any
        lines = str(error).strip().splitlines()
        found = None, " ".join([type(error).__name__, *lines[:1]])
    sender.send(found)


def _end(process) -> None:
    # Compilers that it has started would go on without it.
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):  # it has ended, or has no group of its own
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
