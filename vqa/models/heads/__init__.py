"""Inference heads: fused question and image -> answers.

`HEADS` choose a word. `FURTHER_HEADS` stand beside one of them and write what is not a word.
"""

from torch import nn

from vqa.models.heads.classifier import HEADS, Classifier
from vqa.models.heads.crf import ListHead
from vqa.models.heads.generator import Generator
from vqa.registry import Registry
from vqa.reply_space import ReplySpace

FURTHER_HEADS: Registry[nn.Module] = Registry("further head")


@FURTHER_HEADS.register("generator")
def _generator(dim: int, replies: ReplySpace, steps: int) -> Generator:
    return Generator(dim, len(replies.pieces), steps)


@FURTHER_HEADS.register("crf")
def _crf(dim: int, replies: ReplySpace, steps: int) -> ListHead:
    return ListHead(dim, len(replies.labels))


@FURTHER_HEADS.register("softmax_list")
def _softmax_list(dim: int, replies: ReplySpace, steps: int) -> ListHead:
    """What the field is measured against: every position for itself."""
    return ListHead(dim, len(replies.labels), chained=False)


__all__ = ["FURTHER_HEADS", "HEADS", "Classifier", "Generator", "ListHead"]
