"""What every fusion returns, and the registry of fusions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words
from vqa.registry import Registry

# A fusion's class says whether it `attends`: gives attention maps, as many as it has steps.
FUSIONS: Registry[nn.Module] = Registry("fusion")


@dataclass
class Joint:
    """A fused question and image; S is 0 for fusions without attention.

    Attributes:
        vector: (B, D).
        region_logits: (B, S, R): logits of each step's attention to regions.
        region_attention: (B, S, R) in [0, 1]: how much each step attends to each region; sums
            to 1 over regions where the method weighs them against each other.
        word_attention: (B, S, T), sums to 1 over words.
    """

    vector: Tensor
    region_logits: Tensor
    region_attention: Tensor
    word_attention: Tensor


def without_attention(vector: Tensor, regions: Regions, words: Words) -> Joint:
    """The joint of a fusion that has no attention: (B, 0, R) and (B, 0, T) maps."""
    nowhere = vector.new_zeros(vector.shape[0], 0, regions.mask.shape[1])
    return Joint(
        vector, nowhere, nowhere, vector.new_zeros(vector.shape[0], 0, words.mask.shape[1])
    )
