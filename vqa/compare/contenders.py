"""The presets that are compared, and that they can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.config import TrainConfig, read_preset
from vqa.errors import ConfigError
from vqa.world.picture import refuse_evaluation_seed
from vqa.world.plans import MAX_SET_STEPS

_SHARED = ("seed", "languages", "imagined")  # what makes the data


@dataclass(frozen=True)
class Contender:
    """A preset under the name of its file."""

    name: str
    config: TrainConfig


def read_contenders(paths: Sequence[Path]) -> list[Contender]:
    """Presets in the order given.

    Raises:
        ConfigError: one cannot be read, is not for simulated scenes or has a reserved seed; two
            share a name, or would not learn from the same data.
    """
    contenders: list[Contender] = []
    for path in paths:
        config = read_preset(path)
        if not isinstance(config, TrainConfig):
            raise ConfigError(f'{path.name} is a preset of recipe "{config.recipe}", not "scenes".')
        if path.stem in (c.name for c in contenders):
            raise ConfigError(f"Two presets are called {path.stem}; rename one.")
        if config.model.fusion.steps > MAX_SET_STEPS:
            raise ConfigError(f"{path.name}: model.fusion.steps must be at most {MAX_SET_STEPS}.")
        contenders.append(Contender(path.stem, config))
    first = contenders[0]
    refuse_evaluation_seed(first.config.seed)
    refuse_evaluation_seed(first.config.seed + 1)
    for other in contenders[1:]:
        names = [n for n in _SHARED if getattr(other.config, n) != getattr(first.config, n)]
        if other.config.model.image_encoder != first.config.model.image_encoder:
            names.append("model.image_encoder")
        if names:
            raise ConfigError(
                f"{first.name} and {other.name} differ in {names[0]}, so they would not learn from "
                "the same data."
            )
    return contenders
