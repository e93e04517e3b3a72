"""Every registered part keeps its contract: shapes, masks, and answers that padding cannot move."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vqa.audio import MELS
from vqa.config import ModelConfig, SpeechConfig, preset_from_dict, to_dict
from vqa.data.questions import BlockMaker, world_answers, world_vocab
from vqa.errors import ConfigError
from vqa.models.audio_encoder import AudioEncoder
from vqa.models.folding import folded
from vqa.models.fusion import FUSIONS
from vqa.models.heads import HEADS
from vqa.models.image_encoder import IMAGE_ENCODERS, Regions
from vqa.models.network import build
from vqa.models.question_encoder import QUESTION_ENCODERS
from vqa.train.bank import gather
from vqa.train.imagine import imagine
from vqa.train.reasoning import ReasoningStep, family_weights
from vqa.train.run import prepared
from vqa.world.plans import MAX_SET_STEPS

CONFIGS = Path(__file__).parent.parent / "configs"
PRESETS = sorted([*CONFIGS.glob("*.json"), *CONFIGS.glob("compare/*.json")])
PARTS = {
    "image_encoder": IMAGE_ENCODERS,
    "question_encoder": QUESTION_ENCODERS,
    "fusion": FUSIONS,
}
WORDS, ANSWERS = 40, 7
LENGTHS = torch.tensor([9, 2, 5])
EXACT = {"rtol": 0, "atol": 1e-5}  # sums of floats, taken in another order


def with_part(model: ModelConfig, part: str, name: str) -> ModelConfig:
    if part == "head":
        return replace(model, head=name)
    return replace(model, **{part: replace(getattr(model, part), name=name)})


def choices() -> list[tuple[str, str]]:
    named = [
        (part, name.replace(":NAME", ":mobilenet_v3_small"))
        for part, registry in PARTS.items()
        for name in registry.names()
    ]
    return [*named, *(("head", name) for name in HEADS.names())]


@pytest.fixture(scope="module", params=choices(), ids="-".join)
def network(request, tiny_model):
    """A network with one part after another exchanged."""
    torch.manual_seed(2)
    return build(with_part(tiny_model, *request.param), WORDS, ANSWERS).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 48, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokens() -> torch.Tensor:
    """Three questions of `LENGTHS` words, padded with zeros."""
    drawn = torch.randint(1, WORDS, (3, 9), generator=torch.Generator().manual_seed(1))
    return drawn * (torch.arange(9) < LENGTHS.unsqueeze(1))


@pytest.fixture
def regions() -> Regions:
    """Six, two and one regions; what lies in the other places must not matter."""
    random = torch.Generator().manual_seed(1)
    mask = torch.arange(6) < torch.tensor([6, 2, 1]).unsqueeze(1)
    features = 5 * torch.randn(3, 6, 16, generator=random)
    return Regions(features, mask, torch.rand(3, 6, 4, generator=random), torch.ones(3))


def test_the_usual_parts_are_registered():
    assert {"gru", "lstm"} <= set(QUESTION_ENCODERS.names())
    assert "compact" in IMAGE_ENCODERS.names() and "mac" in FUSIONS.names()
    assert "classifier" in HEADS.names()


@torch.no_grad()
def test_shapes_from_picture_to_answer(network, images, tokens):
    out = network(images, tokens, LENGTHS)
    steps, count = out.joint.region_logits.shape[1:]
    assert out.logits.shape == (3, ANSWERS) and out.logits.isfinite().all()
    assert out.joint.vector.shape == (3, 16)
    looked = out.joint.region_attention
    assert looked.shape == (3, steps, count) and count >= 1
    assert ((looked >= 0) & (looked <= 1)).all()
    assert out.joint.word_attention.shape == (3, steps, 9)
    seen = out.regions
    assert seen.features.shape == (3, count, 16) and seen.boxes.shape == (3, count, 4)
    assert seen.mask.shape == (3, count) and seen.mask.dtype == torch.bool
    assert seen.mask.any(1).all(), "attention needs somewhere to go"
    assert 0 <= seen.boxes.min() and seen.boxes.max() <= 1
    assert (seen.boxes[..., :2] <= seen.boxes[..., 2:]).all()
    assert seen.clarity.shape == (3,) and 0 <= seen.clarity.min() and seen.clarity.max() <= 1


@torch.no_grad()
def test_pictures_do_not_see_each_other(network, images):
    together = network.image_encoder(images)
    for k in range(len(images)):
        alone, row = network.image_encoder(images[k : k + 1]), together.row(k)
        for name in ("features", "mask", "boxes", "clarity"):
            assert torch.allclose(getattr(alone, name) * 1.0, getattr(row, name) * 1.0, **EXACT)
    joined = Regions.join([together.row(k) for k in range(3)])
    assert (joined.features == together.features).all() and (joined.mask == together.mask).all()


@torch.no_grad()
def test_words(network, tokens):
    words = network.question_encoder(tokens, LENGTHS)
    assert words.states.shape == (3, 9, 16) and words.summary.shape == (3, 16)
    assert (words.mask.sum(1) == LENGTHS).all()
    # Read both ways: the first word's state knows of the last word, and the other way round.
    for changed, probed in ((8, 0), (0, 8)):
        other = tokens.clone()
        other[0, changed] = other[0, changed] % (WORDS - 1) + 1
        moved = network.question_encoder(other, LENGTHS).states
        assert not torch.allclose(moved[0, probed], words.states[0, probed], **EXACT)
        assert torch.allclose(moved[1:], words.states[1:], **EXACT)


@torch.no_grad()
def test_padding_a_question_changes_nothing(network, regions, tokens):
    together = network.answer(regions, tokens, LENGTHS)
    for k, length in enumerate(LENGTHS.tolist()):
        cut = tokens[k : k + 1, :length]
        alone = network.answer(regions.row(k), cut, LENGTHS[k : k + 1])
        assert torch.allclose(alone.logits, together.logits[k : k + 1], **EXACT)
        attention = together.joint.word_attention[k]
        assert torch.allclose(alone.joint.word_attention[0], attention[:, :length], **EXACT)
        assert (attention[:, length:] == 0).all()


@torch.no_grad()
def test_word_attention_sums_to_one(network, regions, tokens):
    attention = network.answer(regions, tokens, LENGTHS).joint.word_attention
    assert (attention >= 0).all()
    assert torch.allclose(attention.sum(-1), torch.ones(attention.shape[:2]), **EXACT)


@torch.no_grad()
def test_masked_regions_get_no_attention_and_change_nothing(network, regions, tokens):
    out = network.answer(regions, tokens, LENGTHS)
    gates = out.joint.region_attention
    absent = ~regions.mask.unsqueeze(1).expand_as(gates)
    if gates.shape[1]:
        assert gates[absent].max() < 1e-6 < gates[~absent].max()
    features = torch.where(regions.mask.unsqueeze(-1), regions.features, 99.0)
    other = network.answer(replace(regions, features=features), tokens, LENGTHS)
    assert torch.allclose(other.logits, out.logits, **EXACT)
    features = regions.features * torch.where(regions.mask.unsqueeze(-1), -1.0, 1.0)
    other = network.answer(replace(regions, features=features), tokens, LENGTHS)
    assert not torch.allclose(other.logits, out.logits, **EXACT)


@torch.no_grad()
def test_the_order_of_regions_does_not_matter(network, regions, tokens):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    shuffled = Regions(
        regions.features[:, order], regions.mask[:, order], regions.boxes[:, order], regions.clarity
    )
    out = network.answer(regions, tokens, LENGTHS)
    other = network.answer(shuffled, tokens, LENGTHS)
    assert torch.allclose(other.logits, out.logits, **EXACT)
    logits = out.joint.region_logits[..., order]
    assert torch.allclose(other.joint.region_logits, logits, **EXACT)


@pytest.mark.parametrize("part", [*PARTS, "head"])
def test_an_unknown_name_lists_the_choices(tiny_model, part):
    with pytest.raises(ConfigError) as caught:
        build(with_part(tiny_model, part, "psychic"), WORDS, ANSWERS)
    names = (PARTS | {"head": HEADS})[part].names()
    assert "'psychic'" in str(caught.value) and ", ".join(names) in str(caught.value)


def test_the_default_network_is_small():
    network = build(prepared(ModelConfig()), len(world_vocab()), len(world_answers()))
    assert sum(p.numel() for p in network.parameters()) <= 5_000_000


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_are_read_strictly_and_build(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    config = preset_from_dict(stored)
    assert preset_from_dict(json.loads(json.dumps(to_dict(config)))) == config
    if isinstance(config, SpeechConfig):
        network = AudioEncoder(config.model, MELS, units=1000)
        wrong_model = ({"model": {"hiden": 3}}, "model has unknown key 'hiden'")
    else:
        network = build(prepared(config.model), len(world_vocab()), len(world_answers()))
        wrong_model = ({"model": {"fusion": {"step": 3}}}, r"model\.fusion has unknown key 'step'")
    assert sum(p.numel() for p in network.parameters()) <= 5_000_000
    for change, says in (
        ({"colour": 1}, "colour"),
        ({"languages": "en"}, "languages must be of type tuple"),
        ({"languages": ["en", 2]}, r"languages\[1\] must be of type str"),
        ({"seed": 1.5}, "seed must be of type int"),
        wrong_model,
        ({"recipe": "stew"}, "recipe 'stew' is not one of"),
    ):
        with pytest.raises(ConfigError, match=says):
            preset_from_dict(stored | change)


@pytest.mark.parametrize("name", QUESTION_ENCODERS.names())
def test_a_tiny_network_learns_64_questions_by_heart(tiny_model, name):
    """Gradients reach what they must: answers and sets of a few questions can be memorised."""
    torch.manual_seed(0)
    model = replace(tiny_model, dim=32, fusion=replace(tiny_model.fusion, steps=MAX_SET_STEPS))
    model = with_part(model, "question_encoder", name)
    network = build(model, len(world_vocab()), len(world_answers()))
    bank, labels = imagine(model.image_encoder, seed=3, count=16)
    maker = BlockMaker(labels["count"], labels["attributes"], labels["ground"], 3, ("en", "zh"), 64)
    batch = gather(bank, maker.make((0, family_weights(1.0))), np.arange(64), torch.device("cpu"))
    step = ReasoningStep(network, 2.0)
    optimizer = torch.optim.Adam(step.parameters(), 5e-3)
    accuracy = 0.0
    for _ in range(400):
        loss, parts = step(*batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(step.parameters(), 5.0)
        optimizer.step()
        accuracy = parts["accuracy"]
        if accuracy >= 0.95:
            break
    assert accuracy >= 0.95


@torch.no_grad()
def test_a_folded_network_answers_the_same(network, images, tokens):
    own = copy.deepcopy(network)
    norms = [part for part in own.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    torch.manual_seed(4)
    for part in norms:
        part.running_mean.uniform_(-0.3, 0.3)
        part.running_var.uniform_(0.5, 2)
        part.bias.uniform_(-0.2, 0.2)
    quick = folded(own)
    one, other = own(images, tokens, LENGTHS), quick(images, tokens, LENGTHS)
    assert torch.allclose(other.logits, one.logits, rtol=1e-4, atol=1e-4)
    assert torch.allclose(other.regions.clarity, one.regions.clarity, atol=1e-4)
    left = [part for part in quick.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert norms and not left
