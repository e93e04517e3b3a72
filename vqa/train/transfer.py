"""Starting from what is trained already: a checkpoint, whose words and answers stay while new ones
join at the end, or an image encoder's backbone."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vqa.checkpoint import Checkpoint
from vqa.config import PhotoConfig
from vqa.errors import ConfigError
from vqa.models.grid_regions import GridRegions
from vqa.models.network import VQANetwork, build
from vqa.models.torchvision_encoder import PREFIX, Trained, trained_backbone
from vqa.text import AnswerSpace, Vocab


def chosen_backbone(
    config: PhotoConfig, pretrained: bool, start: Checkpoint | None
) -> Trained | None:
    """The backbone's weights that a training starts with; None for those of `start`, or random.

    Raises:
        ConfigError: `pretrained` does not go with the image encoder or with `start`, nothing
            trained is to be frozen, or see `trained_backbone`.
    """
    name = config.model.image_encoder.name
    if pretrained:
        if start is not None:
            raise ConfigError("--pretrained and --from exclude each other: both bring weights.")
        if not name.startswith(PREFIX):
            raise ConfigError(
                f"--pretrained is for torchvision's networks, not for the image encoder {name!r}; "
                f"name one in the preset, for example {PREFIX}resnet18."
            )
        return trained_backbone(name)
    if config.frozen and start is None:
        raise ConfigError(
            "The preset keeps the image encoder frozen, so its weights must come from somewhere: "
            'add --pretrained or --from CHECKPOINT, or set "frozen" to false.'
        )
    return None


def prepare_encoder(encoder: nn.Module, trained: Trained | None, frozen: bool) -> None:
    """Puts a trained backbone in place and freezes the encoder's body where that is wanted.

    Raises:
        ConfigError: an encoder that cannot be frozen.
    """
    if trained is not None:
        encoder.adopt(trained)
    if frozen:
        if not isinstance(encoder, GridRegions):
            raise ConfigError(
                'Only image encoders with a feature grid can be frozen; set "frozen" to false.'
            )
        encoder.body.requires_grad_(False)


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
def take_over(network: VQANetwork, vocab: Vocab, checkpoint: Checkpoint) -> None:
    """Gives `network` all weights of a checkpoint that it has a place for; words keep theirs by
    name, and what only the network has (new words, further heads) keeps its own.

    Raises:
        ConfigError: the checkpoint has parts that the network lacks, or of other sizes.
    """
    old, new = checkpoint.network.state_dict(), network.state_dict()
    embedding = "question_encoder.embed.weight"
    for name, weight in old.items():
        if name == embedding and name in new and weight.shape[1] == new[name].shape[1]:
            words = [k for k, word in enumerate(checkpoint.vocab.words) if word in vocab]
            mine = vocab.encode([checkpoint.vocab.words[k] for k in words])
            new[name][:2] = weight[:2]
            new[name][mine] = weight[[k + 2 for k in words]]
        elif name not in new or new[name].shape != weight.shape:
            raise ConfigError(
                f"The checkpoint {checkpoint.name} does not fit the preset: {name} is of another "
                "size, or in only one of them; give the preset the checkpoint's model."
            )
        else:
            new[name].copy_(weight)


@torch.no_grad()
def keep_share(network: VQANetwork, vocab: Vocab, checkpoint: Checkpoint, share: float) -> None:
    """Moves the weights that `take_over` took back towards the checkpoint's by `share` in [0, 1].

    Between what was learned before and after lies what does the new and still reads what only the
    old training had made sure of (Wortsman et al. 2022, section 3).
    """
    before = copy.deepcopy(network)
    take_over(before, vocab, checkpoint)
    old, new = before.state_dict(), network.state_dict()
    for name, weight in new.items():
        if weight.is_floating_point():
            weight.lerp_(old[name], share)


@torch.no_grad()
def _grown(old: Tensor, new: Tensor) -> Tensor:
    """`old`, with the rows that only `new` has (words and answers) added behind."""
    if old.shape == new.shape:
        return old
    grown = new.clone()
    grown[: len(old)] = old
    return grown
