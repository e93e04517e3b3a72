"""What was heard as words for a fusion, without deciding for one transcript."""

from __future__ import annotations

import torch
from torch import Tensor

from vqa.models.ctc import Hypothesis, shares
from vqa.models.question_encoder import Words


def soft_words(
    found: list[Hypothesis], question_encoder: torch.nn.Module, ids: Tensor
) -> Words | None:
    """The words of one recording as a question encoder reads them: in place of the embedding of a
    word stands the mean of the embeddings that the hypotheses have there, weighed by how probable
    each is. Where a word is vague, the answer hangs on all that it may have been.

    Args:
        found: the best first; those with more or fewer words than it has no say.
        ids: (U,) for each unit its id in the question encoder's vocabulary.

    Returns:
        The encoded question, a batch of one; None where no word was heard.
    """
    length = len(found[0].ids)
    if not length:
        return None
    alike = [each for each in found if len(each.ids) == length]
    words = ids[torch.tensor([each.ids for each in alike])]
    weights = torch.tensor(shares(alike))[:, None, None]
    embedded = (weights * question_encoder.embed.weight[words]).sum(0)
    return question_encoder.encode(embedded.unsqueeze(0), torch.tensor([length]))
