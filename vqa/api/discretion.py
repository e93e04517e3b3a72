"""Logs that do not tell what people asked, and uploads that do not outlive their hour."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from PIL import Image

from vqa.errors import described

_log = logging.getLogger(__name__)
_PRINTING = ("queueing", "routes", "route_utils", "utils")
_READING = "preprocess_data"  # Gradio's, makes of what was sent what a function takes
_PREFIX = "vqa-uploads-"
UPLOAD_SECONDS = 3600


class _Discreet:
    """The module traceback, but printing leaves out an error's message: it may hold a question."""

    def __getattr__(self, name: str):
        return getattr(traceback, name)

    @staticmethod
    def print_exc(*args, **options) -> None:
        error = sys.exc_info()[1]
        if error is None:
            return
        frames = traceback.extract_tb(error.__traceback__)
        if any(frame.name == _READING for frame in frames):
            # The sender's mistake, made at will: no more than a line of the log.
            kind, last = type(error).__name__, frames[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            _log.warning("a value sent to the page cannot be used: %s at %s", kind, place)
        else:
            _log.error("an event of the page failed: %s", described(error))


def log_discreetly() -> None:
    """Makes Gradio's reports of failed events leave out what was asked.

    Gradio prints them itself, with the values that were sent, and has no setting for it. Nor does
    Pillow warn of pictures that are refused for their size anyway.
    """
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    for name in _PRINTING:
        module = importlib.import_module(f"gradio.{name}")
        if hasattr(module, "traceback"):
            module.traceback = _Discreet()


def upload_folder() -> Path:
    """Makes a folder for this process's uploads, which only its user may open.

    Where it lies is told to Gradio by the environment, so call this before Gradio is imported.
    """
    base = os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()
    Path(base).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    return folder


def sweep_uploads(folder: Path, seconds: float = UPLOAD_SECONDS) -> int:
    """Deletes uploads older than `seconds`, those too that a killed server left behind.

    Args:
        folder: of this process, from `upload_folder`; stays.
        seconds: age from which on a file goes.

    Returns:
        How many files were deleted.
    """
    oldest, gone = time.time() - seconds, 0
    for place in folder.parent.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            # Not what another user put there to have our files deleted.
            if place.is_symlink() or place.stat().st_uid != folder.stat().st_uid:
                continue
            gone += _sweep(place, oldest)
            if place != folder and place.stat().st_mtime < oldest:
                place.rmdir()
    return gone


def _sweep(place: Path, oldest: float) -> int:
    gone = 0
    for path in sorted(place.rglob("*"), reverse=True):
        with contextlib.suppress(OSError):
            if path.is_symlink() or not path.is_dir():
                if path.lstat().st_mtime < oldest:
                    path.unlink()
                    gone += 1
            elif path.stat().st_mtime < oldest:
                path.rmdir()
    return gone
