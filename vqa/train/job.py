"""What a training on the simulated world is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vqa.checkpoint import Checkpoint
from vqa.config import ModelConfig, TrainConfig
from vqa.data.renders import Renders
from vqa.world.scene import ATTRIBUTES

# Each stage with those it builds on; perception and reasoning can be trained at once.
STAGES = {
    "perception": (),
    "reasoning": (),
    "polish": ("perception", "reasoning"),
    "adapt": ("perception",),
    "replies": ("perception", "reasoning", "polish"),
    "replies_polish": ("perception", "reasoning", "polish", "replies"),
    "replies_order": ("perception", "reasoning", "polish", "replies", "replies_polish"),
}


@dataclass(frozen=True)
class Job:
    """What a run is asked to do.

    Attributes:
        config: the preset. out: folder for the checkpoint; `out`/training holds states and logs.
        device: where to compute. workers: processes that draw pictures.
        resume: go on from states found. only: run this stage, and first what it builds on, and
            save no checkpoint.
        extra: further labelled pictures to adapt perception to, and the name of their folder; the
            further heads are polished on them too.
        start: a checkpoint whose perception and reasoning are taken; the further heads are then
            all that is trained for. command: as typed, for the card.
    """

    config: TrainConfig
    out: Path
    device: torch.device
    workers: int = 1
    resume: bool = False
    only: str | None = None
    extra: tuple[Renders, str] | None = None
    start: Checkpoint | None = None
    command: str = ""


def prepared(model: ModelConfig) -> ModelConfig:
    """The model with the simulated world's attributes filled in."""
    attributes = {name: list(values) for name, values in ATTRIBUTES.items()}
    return replace(model, image_encoder=replace(model.image_encoder, attributes=attributes))
