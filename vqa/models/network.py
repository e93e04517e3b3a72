"""The whole network: parts injected, sizes picked in one place (`build`)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqa.config import ModelConfig
from vqa.errors import ConfigError
from vqa.models import grid_encoder, torchvision_encoder  # noqa: F401  (they join the registry)
from vqa.models.fusion import FUSIONS, Joint
from vqa.models.heads import FURTHER_HEADS, HEADS
from vqa.models.heads.generator import Source
from vqa.models.heads.reading_order import ReadingOrder, ranks
from vqa.models.image_encoder import IMAGE_ENCODERS, Regions
from vqa.models.question_encoder import QUESTION_ENCODERS, Words
from vqa.reply_space import KINDS, LIST, SENTENCE, WORD, ReplySpace

# Further head -> the kind of answer it gives.
HEAD_OF = {"generator": SENTENCE, "crf": LIST, "softmax_list": LIST}


@dataclass
class Prediction:
    """Answer logits (B, A), the fused question and image, the regions looked at, the question,
    and logits (B, 3) of the kinds of answer, None when every answer is a word."""

    logits: Tensor
    joint: Joint
    regions: Regions
    words: Words
    kinds: Tensor | None = None

    def rows(self, index: Tensor) -> Prediction:
        """The questions at `index`."""
        j, r, w = self.joint, self.regions, self.words
        return Prediction(
            self.logits[index],
            Joint(*(x[index] for x in vars(j).values())),
            Regions(*(x[index] for x in vars(r).values())),
            Words(w.states[index], w.summary[index], w.mask[index]),
        )


class VQANetwork(nn.Module):
    """Image encoder, question encoder, fusion and head in a row; perhaps further heads, for
    answers that are sentences or lists, and a router that says which head a question is for."""

    def __init__(
        self,
        image_encoder: nn.Module,
        question_encoder: nn.Module,
        fusion: nn.Module,
        head: nn.Module,
        further: dict[str, nn.Module] | None = None,
        order: nn.Module | None = None,
        router: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.question_encoder = question_encoder
        self.fusion = fusion
        self.head = head
        self.further = nn.ModuleDict(further or {})
        self.order, self.router = order, router
        # A question never goes to a head that is not there.
        there = {WORD, *(HEAD_OF[name] for name in self.further)}
        lacking = torch.tensor([kind not in there for kind in range(len(KINDS))])
        self.register_buffer("_lacking", lacking, persistent=False)

    def answer(self, regions: Regions, tokens: Tensor, lengths: Tensor) -> Prediction:
        """Answers from encoded images: tokens (B, T), lengths (B,) on the CPU."""
        return self.answer_words(regions, self.question_encoder(tokens, lengths))

    def answer_words(self, regions: Regions, words: Words) -> Prediction:
        """Answers from encoded images and encoded questions, typed or spoken."""
        joint = self.fusion(regions, words)
        kinds = None
        if self.router is not None:
            kinds = self.router(words.summary).masked_fill(self._lacking, -1e4)
        return Prediction(self.head(joint.vector), joint, regions, words, kinds)

    def sentences(
        self, found: Prediction, rows: Tensor, beams: int
    ) -> list[list[tuple[float, list[int], Tensor]]]:
        """Sentences that answer the questions at `rows`; see `Generator.search`."""
        return self.further["generator"].search(self.source(found.rows(rows)), beams)

    def source(self, found: Prediction) -> Source:
        """What the generator reads."""
        keys = self.order(found.regions, found.words)
        return self.further["generator"].read(found.joint, found.regions, found.words, ranks(keys))

    def lists(
        self, found: Prediction, rows: Tensor, best: int, head: str = "crf"
    ) -> tuple[Tensor, Tensor]:
        """Log p (n, best) and labels (n, best, R) that answer the questions at `rows`."""
        part = found.rows(rows)
        order = self.order(part.regions, part.words).argsort(-1)
        module = self.further[head]
        emissions, mask = module(part.joint, part.regions, part.words.summary, order)
        return module.chain.best(emissions, mask, best)

    def forward(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> Prediction:
        """Answers from images (B, 3, H, W) in [0, 1]."""
        return self.answer(self.image_encoder(images), tokens, lengths)


def build(
    config: ModelConfig, vocab_size: int, answers: int, replies: ReplySpace | None = None
) -> VQANetwork:
    """Builds the network that `config` names; the only place where sizes are chosen.

    Args:
        replies: what further heads write with; not needed without them.

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
    fusion = FUSIONS.build(config.fusion.name, config=config.fusion, dim=d)
    if config.further_heads and not fusion.attends:
        raise ConfigError(
            f"model.further_heads need a fusion that attends to regions, which "
            f"{config.fusion.name} does not; use mac or stacked_attention."
        )
    return VQANetwork(
        IMAGE_ENCODERS.build(encoder.name, config=encoder, dim=d),
        QUESTION_ENCODERS.build(question.name, config=question, dim=d, vocab_size=vocab_size),
        fusion,
        HEADS.build(config.head, dim=d, answers=answers),
        **_further(config, replies or ReplySpace()),
    )


def _further(config: ModelConfig, replies: ReplySpace) -> dict:
    """The parts that answers other than words need."""
    if not config.further_heads:
        return {}
    steps, d = config.fusion.steps, config.dim
    heads = {
        name: FURTHER_HEADS.build(name, dim=d, replies=replies, steps=steps)
        for name in config.further_heads
    }
    return {"further": heads, "order": ReadingOrder(d), "router": nn.Linear(d, len(KINDS))}
