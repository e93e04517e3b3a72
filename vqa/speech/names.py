"""What the option --speech names; nothing heavy is imported to check it."""

from __future__ import annotations

from vqa.errors import ConfigError

OWN, WHISPER = "own", "whisper"
AUTO, OFF = "auto", "off"  # of a server: its own where that can be had, and none


def read_name(name: str, more: tuple[str, ...] = ()) -> tuple[str, str]:
    """Who is named, and which model of it, "" for the usual one: ("own", "DIR"), ("whisper",
    "NAME_OR_DIR"), or one of `more`.

    Raises:
        ConfigError: none of them.
    """
    kind, colon, where = name.partition(":")
    if (kind in more and not colon) or (kind in (OWN, WHISPER) and bool(colon) == bool(where)):
        return kind, where
    listed = ", ".join((*more, OWN, "own:DIR", WHISPER))
    raise ConfigError(f"{name!r} names no recogniser; take {listed} or whisper:NAME_OR_DIR.")
