"""Who writes down the recordings that a server is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Protocol

from vqa.audio import check_reader
from vqa.checkpoint import read_json
from vqa.errors import BusyError, CheckpointError, ConfigError
from vqa.speech import store
from vqa.speech.names import AUTO, OFF, OWN, read_name
from vqa.speech.recogniser import Transcript
from vqa.speech.whisper import by_name


class Recognising(Protocol):
    """What is listened with."""

    def transcribe(self, source: object) -> Transcript: ...


class Listener:
    """Writes down recordings from any number of threads, one at a time.

    Args:
        load: makes the recogniser, at the first recording: who never speaks pays no memory for it.
        waiting: how many recordings may be accepted and not yet written down.
        card: of the checkpoint; None of Whisper, which has none.
    """

    def __init__(
        self, load: Callable[[], Recognising], waiting: int = 16, card: dict | None = None
    ) -> None:
        self._load, self.card = load, card
        self._recogniser: Recognising | None = None
        self._lock = Lock()
        self._places = BoundedSemaphore(waiting)

    def transcribe(self, source: object) -> Transcript:
        """What is asked in a recording.

        Raises:
            AudioError: see `vqa.speech.recogniser.Recogniser.transcribe`.
            BusyError: too many wait.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError(2)
        try:
            with self._lock:
                if self._recogniser is None:
                    self._recogniser = self._load()
                return self._recogniser.transcribe(source)
        finally:
            self._places.release()


def choose(name: str, device: object = "cpu") -> tuple[Listener | None, str]:
    """Who listens for a server, and where nobody does, why.

    The project's own recogniser is loaded at the first recording; Whisper, which may have to be
    downloaded, at once.

    Args:
        name: "auto" (the shipped checkpoint, where it can be used), "own", "own:DIR", "whisper",
            "whisper:NAME_OR_DIR" or "off".

    Raises:
        ConfigError, CheckpointError: what was named, other than by "auto", cannot be had.
    """
    kind, where = read_name(name, (AUTO, OFF))
    if kind == OFF:
        return None, "--speech is off."
    try:
        check_reader()
        if kind in (AUTO, OWN):
            folder = Path(where) if where else store.DEFAULT
            store.check(folder)
            card = read_json(folder / "card.json")
            return Listener(lambda: by_name(OWN if kind == AUTO else name, device), card=card), ""
    except (ConfigError, CheckpointError) as error:
        if kind != AUTO:
            raise
        return None, str(error)
    whisper = by_name(name, device)
    return Listener(lambda: whisper), ""
