"""A softmax over the answer vocabulary."""

from __future__ import annotations

from torch import Tensor, nn

from vqa.registry import Registry

HEADS: Registry[nn.Module] = Registry("head")


@HEADS.register("classifier")
class Classifier(nn.Module):
    """(B, D) -> (B, A) logits over A answers.

    Attributes:
        dropout: of the joint vector, none unless a training sets its `p`.
    """

    def __init__(self, dim: int, answers: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.0)
        self.score = nn.Linear(dim, answers)

    def forward(self, vector: Tensor) -> Tensor:
        return self.score(self.dropout(vector))
