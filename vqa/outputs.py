"""Files and folders that commands write: refused in one line, before any work is put into them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vqa.errors import ConfigError, plainly


def check_new(out: Path) -> None:
    """Raises ConfigError: there is something in the folder `out`, or it is none."""
    with writing(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConfigError(f"{out} exists and is not empty; choose another --out.")


@contextmanager
def made(out: Path) -> Iterator[None]:
    """Makes a folder to write to; what was made and is still empty goes again when the
    block fails.

    Raises:
        ConfigError: it cannot be made or written to.
    """
    new = []
    try:
        new = [folder for folder in (out, *out.parents) if not folder.exists()]
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        _remove_empty(new)
        raise unwritable(out, error) from error
    try:
        yield
    except BaseException:
        _remove_empty(new)
        raise


def check_file(path: Path) -> None:
    """Raises ConfigError: no file can be written at `path`. One that is there stays as it is."""
    try:
        new = not path.exists()
        with path.open("ab"):
            pass
        if new:
            path.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises ConfigError for whatever the system says against writing to `path`."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: Exception) -> ConfigError:
    """What to say where `path` cannot be written."""
    return ConfigError(f"{path} cannot be written: {plainly(error, writing=True)}.")


def _remove_empty(folders: list[Path]) -> None:
    """From the innermost on, as far as nothing is in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
