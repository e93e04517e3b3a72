"""Starting from a trained checkpoint: its words and answers stay, new ones join at the end."""

from __future__ import annotations

import torch
from torch import Tensor

from vqa.checkpoint import Checkpoint
from vqa.models.network import VQANetwork, build
from vqa.text import AnswerSpace, Vocab


def extended(
    checkpoint: Checkpoint, vocab: Vocab, answers: AnswerSpace
) -> tuple[VQANetwork, Vocab, AnswerSpace]:
    """The checkpoint's network with room for the words and answers of new data.

    Args:
        vocab, answers: of the new data; what the checkpoint knows already keeps its place.
    """
    old_words, old_answers = checkpoint.vocab.words, checkpoint.answers.answers
    known = set(old_words)
    words = Vocab((*old_words, *(w for w in vocab.words if w not in known)))
    taken = set(old_answers)
    translations = {
        language: answers.translations.get(language, {})
        | checkpoint.answers.translations.get(language, {})
        for language in {*answers.translations, *checkpoint.answers.translations}
    }
    space = AnswerSpace(
        (*old_answers, *(a for a in answers.answers if a not in taken)), translations
    )
    network = build(checkpoint.config, len(words), len(space))
    old = checkpoint.network.state_dict()
    new = network.state_dict()
    network.load_state_dict({name: _grown(old[name], new[name]) for name in new})
    return network, words, space


@torch.no_grad()
def _grown(old: Tensor, new: Tensor) -> Tensor:
    """`old`, with the rows that only `new` has (words and answers) added behind."""
    if old.shape == new.shape:
        return old
    grown = new.clone()
    grown[: len(old)] = old
    return grown
