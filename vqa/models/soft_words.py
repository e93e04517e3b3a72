"""What was heard as words for a fusion, without deciding for one transcript."""

from __future__ import annotations

import torch
from torch import Tensor

from vqa.models.audio_encoder import BLANK
from vqa.models.question_encoder import Words


def soft_words(logits: Tensor, question_encoder: torch.nn.Module, ids: Tensor) -> Words | None:
    """The words of one recording as a question encoder reads them: in place of the embedding of a
    word stands the mean of all words' embeddings, weighed by how probable each is there. Where a
    word is vague, the answer hangs on all that it may have been.

    Args:
        logits: (T, U) of the acoustic encoder, of the recording's own states.
        ids: (U,) for each unit its id in the question encoder's vocabulary.

    Returns:
        The encoded question, a batch of one; None where no word was heard.
    """
    chances = logits.float().softmax(-1)
    best = chances.argmax(-1)
    # A word is a run of states in which one unit is the likeliest; a blank or another ends it.
    begins = torch.ones_like(best, dtype=torch.bool)
    begins[1:] = best[1:] != best[:-1]
    run = begins.cumsum(0) - 1
    kept = best[begins] != BLANK
    if not kept.any():
        return None
    sums = torch.zeros(int(run[-1]) + 1, logits.shape[1]).index_add_(0, run, chances)[kept]
    sums[:, BLANK] = 0
    shares = sums / sums.sum(1, keepdim=True)
    embedded = shares @ question_encoder.embed.weight[ids]
    return question_encoder.encode(embedded.unsqueeze(0), torch.tensor([len(embedded)]))
