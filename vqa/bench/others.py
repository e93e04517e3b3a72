"""Two models that people know, to put our time of a question beside: ViLT-B/32 and BLIP-base.

Built from their configurations with random weights: a forward pass takes the same time whatever
the weights are, and nothing has to be downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch

from vqa.errors import ConfigError

WORDS = 16  # of a question, the marks at its ends included; ours in this mix are of that length
ANSWER_WORDS = 3
_ANSWERS = 3129  # classes of ViLT's head for VQA v2
_PICTURE = (384, 512)  # a picture in 4:3 as ViLT's processor scales it: the shorter side 384


@dataclass(frozen=True)
class Other:
    """A model to be timed: its name, what `ask` does in words, millions of weights, and a call
    that answers one question."""

    name: str
    does: str
    weights: float
    ask: Callable[[], object]


def others() -> list[Other]:
    """The two models.

    Raises:
        ConfigError: the package transformers is missing.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            "The package transformers is missing; run pip install -r requirements-bench.txt, or "
            "give --skip-models."
        ) from error
    transformers.logging.set_verbosity_error()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return [_vilt(transformers), _blip(transformers)]


def _question() -> dict[str, torch.Tensor]:
    ids = torch.randint(1000, 20_000, (1, WORDS))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def _vilt(transformers) -> Other:
    config = transformers.ViltConfig(num_labels=_ANSWERS)
    model = transformers.ViltForQuestionAnswering(config).eval()
    asked = _question() | {
        "token_type_ids": torch.zeros(1, WORDS, dtype=torch.long),
        "pixel_values": torch.rand(1, 3, *_PICTURE),
        "pixel_mask": torch.ones(1, *_PICTURE, dtype=torch.long),
    }
    height, width = _PICTURE
    does = f"forward pass, picture of {width}x{height} pixels in patches of 32, {WORDS} words"
    return Other("ViLT-B/32", does, _millions(model), lambda: model(**asked))


def _blip(transformers) -> Other:
    config = transformers.BlipConfig(
        text_config={"num_attention_heads": 12, "encoder_hidden_size": 768},
        vision_config={"image_size": 384, "patch_size": 16},
    )
    model = transformers.BlipForQuestionAnswering(config).eval()
    asked = _question() | {"pixel_values": torch.rand(1, 3, 384, 384)}
    # As many words whatever the weights would say.
    length = {"min_new_tokens": ANSWER_WORDS, "max_new_tokens": ANSWER_WORDS}
    does = (
        f"forward pass and greedy answer of {ANSWER_WORDS} words, picture of 384x384 pixels in "
        f"patches of 16, {WORDS} words"
    )
    return Other(
        "BLIP-base",
        does,
        _millions(model),
        lambda: model.generate(**asked, num_beams=1, do_sample=False, **length),
    )


def _millions(model: torch.nn.Module) -> float:
    return sum(p.numel() for p in model.parameters()) / 1e6
