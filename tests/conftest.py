"""A network that is tiny and untrained, but whose answers hang on picture and question.

Torch and vqa are imported inside the fixtures: tests of light modules do not wait for them.
"""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_model():
    """The configuration of a network with all parts, about 50,000 weights."""
    from vqa.config import FusionConfig, ImageEncoderConfig, ModelConfig, QuestionEncoderConfig
    from vqa.train.run import prepared

    return prepared(
        ModelConfig(
            dim=16,
            image_encoder=ImageEncoderConfig(image_size=(64, 48), width=8, regions=6),
            question_encoder=QuestionEncoderConfig(embedding=12),
            fusion=FusionConfig(steps=3),
        )
    )


@pytest.fixture(scope="session")
def pictures():
    """Six simulated pictures of 64x48 pixels."""
    from vqa.world.picture import draw_picture

    return [draw_picture(5, number, 64, 48) for number in range(6)]


@pytest.fixture(scope="session")
def tiny_network(tiny_model, pictures):
    """A network with random weights; not to be changed.

    The weights are larger than a fresh network's, or it would say nearly the same to everything.
    """
    import numpy as np
    import torch

    from vqa.data.questions import world_answers, world_vocab
    from vqa.models.network import build

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(tiny_model, len(world_vocab()), len(world_answers()))
    images = torch.from_numpy(np.stack([p.pixels for p in pictures])).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        network.train()
        for _ in range(30):  # until the batch norms know the pictures
            network.image_encoder.grid(images)
        for name, weight in network.named_parameters():
            if not name.startswith("image_encoder") and weight.dim() > 1:
                weight.mul_(3)
        network.image_encoder.heat.weight.mul_(12)
        network.image_encoder.heat.bias.fill_(-2)
        network.image_encoder.describe[2].weight.mul_(4)
        network.image_encoder.project.weight.mul_(3)
        network.head.score.weight.mul_(2)
    return network.eval()


@pytest.fixture(scope="session")
def tiny_card() -> dict:
    return {
        "name": "tiny",
        "calibration": {"temperature": 1.5, "threshold": 0.4, "familiarity_threshold": 0.01},
    }


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, tiny_network, tiny_model, tiny_card) -> Path:
    """The folder of a checkpoint; not to be changed, tests that damage it take a copy."""
    from vqa.checkpoint import save
    from vqa.data.questions import world_answers, world_vocab

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    save(folder, tiny_network, tiny_model, world_vocab(), world_answers(), tiny_card)
    return folder
