"""The whole network: parts injected, sizes picked in one place (`build`)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from vqa.config import ModelConfig
from vqa.errors import ConfigError
from vqa.models import grid_encoder, torchvision_encoder  # noqa: F401  (they join the registry)
from vqa.models.fusion import FUSIONS, Joint
from vqa.models.heads import HEADS
from vqa.models.image_encoder import IMAGE_ENCODERS, Regions
from vqa.models.question_encoder import QUESTION_ENCODERS


@dataclass
class Prediction:
    """Answer logits (B, A), the fused question and image, and the regions looked at."""

    logits: Tensor
    joint: Joint
    regions: Regions


class VQANetwork(nn.Module):
    """Image encoder, question encoder, fusion and head in a row."""

    def __init__(
        self,
        image_encoder: nn.Module,
        question_encoder: nn.Module,
        fusion: nn.Module,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.question_encoder = question_encoder
        self.fusion = fusion
        self.head = head

    def answer(self, regions: Regions, tokens: Tensor, lengths: Tensor) -> Prediction:
        """Answers from encoded images: tokens (B, T), lengths (B,) on the CPU."""
        joint = self.fusion(regions, self.question_encoder(tokens, lengths))
        return Prediction(self.head(joint.vector), joint, regions)

    def forward(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> Prediction:
        """Answers from images (B, 3, H, W) in [0, 1]."""
        return self.answer(self.image_encoder(images), tokens, lengths)


def build(config: ModelConfig, vocab_size: int, answers: int) -> VQANetwork:
    """Builds the network that `config` names; the only place where sizes are chosen.

    Raises:
        ConfigError: an unknown part, or a size that no network can have.
    """
    d = config.dim
    encoder, question = config.image_encoder, config.question_encoder
    sizes = {
        "dim": d,
        "image_encoder.image_size": min(encoder.image_size),
        "image_encoder.width": encoder.width,
        "image_encoder.regions": encoder.regions,
        "question_encoder.embedding": question.embedding,
        "fusion.steps": config.fusion.steps,
    }
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"model.{name} must be at least 1, not {size}.")
    return VQANetwork(
        IMAGE_ENCODERS.build(encoder.name, config=encoder, dim=d),
        QUESTION_ENCODERS.build(question.name, config=question, dim=d, vocab_size=vocab_size),
        FUSIONS.build(config.fusion.name, config=config.fusion, dim=d),
        HEADS.build(config.head, dim=d, answers=answers),
    )
