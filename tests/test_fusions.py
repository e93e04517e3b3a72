"""All fusions under one contract, those without attention too, up to page and command line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import FakePredictor, scene_picture

from vqa.checkpoint import save
from vqa.cli import main
from vqa.config import FusionConfig
from vqa.data.questions import BlockMaker, world_answers, world_vocab
from vqa.errors import ConfigError
from vqa.models.fusion import FUSIONS
from vqa.models.image_encoder import Regions
from vqa.models.network import build
from vqa.models.question_encoder import Words
from vqa.page import cards
from vqa.page import session as session_of
from vqa.page.overlays import jpeg_bytes
from vqa.routing import load_predictor
from vqa.train.bank import gather
from vqa.train.imagine import imagine
from vqa.train.reasoning import ReasoningStep, family_weights
from vqa.train.sets import sets_for
from vqa.world.understanding import Understood

DIM = 16
WITHOUT_ATTENTION = {"concat", "film"}
EXACT = {"rtol": 0, "atol": 1e-5}  # sums of floats, taken in another order


@pytest.fixture(params=FUSIONS.names())
def fusion(request, tiny_model):
    torch.manual_seed(4)
    return FUSIONS.build(request.param, config=replace(tiny_model.fusion, steps=2), dim=DIM).eval()


@pytest.fixture
def regions() -> Regions:
    """Five, three and one regions."""
    random = torch.Generator().manual_seed(1)
    mask = torch.arange(5) < torch.tensor([5, 3, 1]).unsqueeze(1)
    features = torch.randn(3, 5, DIM, generator=random, requires_grad=True)
    return Regions(features, mask, torch.rand(3, 5, 4, generator=random), torch.ones(3))


@pytest.fixture
def words() -> Words:
    """Seven, one and four words."""
    random = torch.Generator().manual_seed(2)
    mask = torch.arange(7) < torch.tensor([7, 1, 4]).unsqueeze(1)
    states = torch.randn(3, 7, DIM, generator=random) * mask.unsqueeze(-1)
    summary = torch.randn(3, DIM, generator=random, requires_grad=True)
    return Words(states.requires_grad_(True), summary, mask)


def test_the_family_is_whole():
    assert {"concat", "film", "mac", "stacked_attention"} <= set(FUSIONS.names())


def test_shapes(request, fusion, regions, words):
    joint = fusion(regions, words)
    steps = 0 if request.node.callspec.params["fusion"] in WITHOUT_ATTENTION else 2
    assert joint.vector.shape == (3, DIM) and joint.vector.isfinite().all()
    assert joint.region_logits.shape == joint.region_attention.shape == (3, steps, 5)
    assert joint.word_attention.shape == (3, steps, 7)


def test_what_lies_under_the_masks_does_not_matter(fusion, regions, words):
    plain = fusion(regions, words).vector
    hidden = regions.mask.unsqueeze(-1)
    other = replace(
        regions,
        features=torch.where(hidden, regions.features, 50.0),
        boxes=torch.where(hidden, regions.boxes, 0.3),
    )
    assert torch.allclose(fusion(other, words).vector, plain, **EXACT)
    shorter = Words(words.states[1:2, :1], words.summary[1:2], words.mask[1:2, :1])
    alone = fusion(regions.row(1), shorter).vector
    assert torch.allclose(alone, plain[1:2], **EXACT)
    fewer = Regions(
        regions.features[1:2, :3], regions.mask[1:2, :3], regions.boxes[1:2, :3], torch.ones(1)
    )
    assert torch.allclose(fusion(fewer, shorter).vector, plain[1:2], **EXACT)


def test_regions_and_question_matter_and_their_order_does_not(fusion, regions, words):
    plain = fusion(regions, words).vector
    order = torch.tensor([2, 4, 0, 3, 1])
    turned = Regions(
        regions.features[:, order], regions.mask[:, order], regions.boxes[:, order], torch.ones(3)
    )
    assert torch.allclose(fusion(turned, words).vector, plain, **EXACT)
    for other in (
        fusion(replace(regions, features=-regions.features), words),
        fusion(regions, replace(words, summary=-words.summary)),
    ):
        assert not torch.allclose(other.vector, plain, **EXACT)


def test_gradients_reach_regions_question_and_every_weight(fusion, regions, words):
    fusion(regions, words).vector.square().sum().backward()
    assert regions.features.grad[regions.mask].abs().sum(-1).min() > 0
    assert (regions.features.grad[~regions.mask] == 0).all()
    assert words.summary.grad.abs().sum(-1).min() > 0
    lacking = [name for name, weight in fusion.named_parameters() if weight.grad is None]
    assert not lacking


def test_film_sees_where_regions_are(tiny_model, regions, words):
    film = FUSIONS.build("film", config=tiny_model.fusion, dim=DIM).eval()
    moved = replace(regions, boxes=1 - regions.boxes)
    assert not torch.allclose(film(moved, words).vector, film(regions, words).vector, **EXACT)


def test_attention_is_shown_the_sets_for_of_each_program():
    """One, three and five sets of four regions, named by the region they hold."""
    programs = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 2, 2, 2], [0, 1, 0, 2, 3]])
    targets = torch.nn.functional.one_hot(programs, 4).float()
    for steps, expected in (
        (5, programs.tolist()),
        (3, [[0, 0, 0], [0, 1, 2], [0, 0, 3]]),
        (2, [[0, 0], [0, 2], [0, 3]]),
        (1, [[0], [2], [3]]),
        (0, [[], [], []]),
    ):
        assert sets_for(targets, steps).argmax(-1).tolist() == expected


@pytest.mark.parametrize("name", FUSIONS.names())
@pytest.mark.parametrize("set_weight", [0.0, 2.0])
def test_a_step_of_training_shows_sets_to_attention_only(name, set_weight, tiny_model, taught):
    model = replace(tiny_model, fusion=replace(tiny_model.fusion, name=name, steps=2))
    torch.manual_seed(1)
    network = build(model, len(world_vocab()), len(world_answers()))
    loss, parts = ReasoningStep(network, set_weight)(*taught)
    assert (parts["sets"] > 0) == (name not in WITHOUT_ATTENTION)
    assert float(loss.detach()) == pytest.approx(parts["answer"] + set_weight * parts["sets"])
    loss.backward()


@pytest.fixture(scope="module")
def taught(tiny_model):
    """A batch of 16 questions about imagined scenes."""
    bank, labels = imagine(tiny_model.image_encoder, seed=3, count=8)
    maker = BlockMaker(labels["count"], labels["attributes"], labels["ground"], 3, ("en", "zh"), 16)
    block = maker.make((0, family_weights(1.0)))
    return gather(bank, block, np.arange(16), torch.device("cpu"))


@pytest.fixture(scope="module")
def blind_checkpoint(tmp_path_factory, tiny_model, tiny_card):
    """The folder of a checkpoint whose fusion has no attention."""
    model = replace(tiny_model, fusion=replace(tiny_model.fusion, name="concat"))
    torch.manual_seed(0)
    network = build(model, len(world_vocab()), len(world_answers())).eval()
    folder = tmp_path_factory.mktemp("checkpoints") / "flat"
    save(folder, network, model, world_vocab(), world_answers(), tiny_card | {"name": "flat"})
    return folder


def test_a_checkpoint_without_attention_answers(blind_checkpoint, tmp_path, capsys):
    answer = load_predictor(blind_checkpoint, "cpu").ask(
        scene_picture(), "How many red cubes are there?"
    )
    assert answer.answer and answer.regions and answer.words
    assert answer.region_attention == answer.word_attention == ()
    picture = tmp_path / "picture.png"
    scene_picture().save(picture)
    arguments = [
        "predict",
        str(picture),
        "What is it?",
        "--checkpoint",
        str(blind_checkpoint),
        "--device",
        "cpu",
    ]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["region_attention"] == []
    assert main([*arguments, "--overlay", str(tmp_path / "looked.png")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no attention maps" in said and "flat" in said
    assert not (tmp_path / "looked.png").exists()


def test_the_page_shows_an_answer_without_attention():
    answer = replace(
        FakePredictor().ask(scene_picture(), "How many?"), region_attention=(), word_attention=()
    )
    said = cards.Exchange("How many?", Understood("How many?"), answer)
    session = session_of.Session((said,), jpeg_bytes(scene_picture()))
    for step in (session.steps, 1):  # as asked, and translated with the slider as it was
        message, result, panel, slider, attention, *_, kept = session_of.shown(session, step, "en")
        assert message == attention == "" and answer.answer in result and kept is session
        assert panel["visible"] is slider["visible"] is False
        assert 1 <= slider["value"] <= slider["maximum"]


def test_a_product_that_scales_nothing_is_a_sum(regions, words):
    config = FusionConfig(name="stacked_attention", steps=2, match="product")
    product = FUSIONS.build("stacked_attention", config=config, dim=DIM).eval()
    summed = FUSIONS.build("stacked_attention", config=replace(config, match="sum"), dim=DIM).eval()
    summed.load_state_dict(
        {k: v for k, v in product.state_dict().items() if not k.startswith("scale.")}
    )
    scaled = product(regions, words).region_logits
    assert not torch.allclose(scaled, summed(regions, words).region_logits)
    for part in product.scale.parameters():
        torch.nn.init.zeros_(part)
    assert torch.equal(product(regions, words).region_logits, summed(regions, words).region_logits)


@pytest.mark.parametrize("fusion", [{"match": "max"}, {"name": "mac", "match": "product"}])
def test_a_match_that_does_not_exist_is_refused(fusion):
    with pytest.raises(ConfigError, match="fusion.match"):
        FusionConfig(**fusion)
