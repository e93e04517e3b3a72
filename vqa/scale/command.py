"""`python -m vqa costs`: the arithmetic of costs, from measured figures into a page."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

from vqa.errors import ConfigError
from vqa.options import public

FIGURES, REPLICAS = "figures.json", "replicas.json"
_SECONDS = 10.0  # of each load


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "bench", type=Path, metavar="DIR", help="where python -m vqa bench --out wrote its figures"
    )
    parser.add_argument(
        "--into", type=Path, required=True, metavar="docs/scale.md", help="a page with markers"
    )
    parser.add_argument(
        "--price", type=_amount, default=0.05, help="of one core for an hour (0.05)"
    )
    parser.add_argument(
        "--replicas", action="store_true", help="first measure what Ray adds; takes a minute"
    )
    parser.set_defaults(run=costs)


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount above 0")
    return value


def costs(options: Namespace) -> int:
    """Writes costs and needs between the markers of a page."""
    from vqa.figures import write_readme
    from vqa.scale.costs import Habits, Measured, text

    measured = Measured.of(_read(options.bench / FIGURES))
    found = options.bench / REPLICAS
    if options.replicas:
        if find_spec("ray") is None:
            raise ConfigError("--replicas needs Ray; run pip install -r requirements-scale.txt.")
        from vqa.checkpoint import write_json
        from vqa.scale.hop import measure

        write_json(found, measure("auto", _SECONDS))
    replicas = _read(found) if found.exists() else None
    command = public(options.typed)
    write_readme(options.into, text(measured, Habits(price=options.price), replicas, command))
    print(f"{options.into}: costs by {options.bench / FIGURES}")
    return 0


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} holds no figures; measure them with: python -m vqa bench --out {path.parent}."
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} holds no figures.")
    return found
