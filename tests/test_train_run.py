"""A whole training in miniature: from nothing to checkpoints that answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vqa.checkpoint import FILES, load
from vqa.config import TrainConfig, preset_from_dict
from vqa.data import renders
from vqa.data.questions import world_vocab
from vqa.data.renders import Renders, label_arrays
from vqa.errors import ConfigError
from vqa.models.network import build
from vqa.routing import load_predictor
from vqa.text import Vocab
from vqa.train import calibrate_replies, run
from vqa.train.run import Job, train_scenes
from vqa.train.transfer import keep_share, take_over
from vqa.world.plans import MAX_SET_STEPS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def miniature():
    """Shards and blocks of questions so small that each stage is over in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renders, "SHARD", 4)
        patch.setattr(run, "SHARD", 4)
        patch.setattr(run, "BLOCK", 64)
        # Untrained, a decoder writes on and on.
        patch.setattr(run, "_TRIAL", 16)
        patch.setattr(calibrate_replies, "_QUESTIONS", 16)
        yield


@pytest.fixture(scope="module")
def config(tiny_model) -> TrainConfig:
    fusion = replace(tiny_model.fusion, steps=MAX_SET_STEPS)
    encoder = replace(tiny_model.image_encoder, attributes={})  # filled in by training
    return TrainConfig(
        model=replace(tiny_model, fusion=fusion, image_encoder=encoder),
        seed=3,
        renders=8,
        perception_samples=16,
        perception_batch=4,
        imagined=8,
        questions=96,
        question_batch=16,
        polish_scenes=4,
        polish_questions=48,
        adapt_samples=8,
        calibration_scenes=4,
    )


@pytest.fixture(scope="module")
def extra(pictures) -> Renders:
    """Labelled pictures from elsewhere."""
    rows = [label_arrays(p.scene, p.camera) for p in pictures]
    arrays = {name: np.stack([r[name] for r in rows]) for name in rows[0]}
    return Renders(np.stack([p.pixels for p in pictures]), **arrays)


@pytest.fixture(scope="module")
def trained(miniature, config, extra, tmp_path_factory) -> Path:
    """The folder of a run from start to end without a break."""
    out = tmp_path_factory.mktemp("whole") / "mini"
    command = "python -m vqa train mini.json"
    train_scenes(Job(config, out, torch.device("cpu"), extra=(extra, "others"), command=command))
    return out


def test_the_run_ends_in_checkpoints_that_answer(trained, pictures):
    plain = trained.with_name("mini-simulated-only")
    for folder in (trained, plain):
        assert {p.name for p in folder.iterdir() if p.is_file()} == set(FILES)
        found = load_predictor(folder, "cpu").ask(pictures[0].pixels, "How many red cubes?")
        assert found.answer and 0 < found.confidence <= 1
    # Adapting changes what is seen, and leaves reasoning as it is.
    before, after = (load_file(f / "model.safetensors") for f in (plain, trained))
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("image_encoder.") for name in changed)
    assert not any(name.startswith("image_encoder.project") for name in changed)


def test_the_card_says_how_it_was_made(trained, config):
    card = load(trained).card
    assert card["command"] == "python -m vqa train mini.json"
    assert (card["seed"], card["languages"]) == (3, ["en", "zh"])
    assert preset_from_dict(card["training"]) == config
    weights = load(trained).network.parameters()
    assert card["parameters"] == sum(p.numel() for p in weights)
    calibration = card["calibration"]
    assert calibration["n"] == 40 and 0.05 <= calibration["temperature"] <= 20
    assert 0.5 <= calibration["threshold"] <= 1
    assert "6 labelled pictures in CLEVR's format (others)" in card["trained_on"]["pictures"]
    assert "6 张 CLEVR 格式的带标注图片（others）" in card["trained_on_zh"]["图片"]
    plain = load(trained.with_name("mini-simulated-only")).card
    assert "others" not in str(plain["trained_on"]) + str(plain["trained_on_zh"])
    assert card["limits"] and card["licence"] and card["summary_zh"]


def test_stages_run_apart_and_resumed_give_the_same_checkpoint(
    trained, config, extra, tmp_path, monkeypatch
):
    """Perception and reasoning in processes of their own, then a run killed while polishing."""
    parts = {"extra": (extra, "others"), "command": load(trained).card["command"]}
    job = Job(config, tmp_path / "mini", torch.device("cpu"), **parts)
    train_scenes(replace(job, only="reasoning"))
    train_scenes(replace(job, only="perception", resume=True))
    assert not (job.out / "config.json").exists(), "single stages write no checkpoint"
    look = run.look_at_all

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "look_at_all", killed)
    with pytest.raises(KeyboardInterrupt):
        train_scenes(replace(job, resume=True))
    monkeypatch.setattr(run, "look_at_all", look)
    with pytest.raises(ConfigError, match="--resume"):
        train_scenes(job)
    train_scenes(replace(job, resume=True))
    for name in FILES:
        assert (job.out / name).read_bytes() == (trained / name).read_bytes(), name


@pytest.fixture(scope="module")
def replying(trained, config, tmp_path_factory) -> Path:
    """The run above, with further heads put on."""
    out = tmp_path_factory.mktemp("replying") / "mini"
    heads = ("generator", "crf", "softmax_list")
    config = replace(
        config,
        model=replace(config.model, further_heads=heads),
        replies=64,
        replies_polish=32,
        replies_order=32,
    )
    job = Job(config, out, torch.device("cpu"), start=load(trained), command="python -m vqa train")
    train_scenes(job)
    return out


def test_further_heads_are_put_on_a_checkpoint(trained, replying, pictures):
    before, after = load(trained), load(replying)
    old, new = before.network.state_dict(), after.network.state_dict()
    assert set(old) < set(new)
    for name, weight in old.items():
        if name.startswith("image_encoder.") and not name.startswith("image_encoder.project"):
            assert torch.equal(weight, new[name]), f"perception stays, {name} does not"
    assert not torch.equal(old["head.score.weight"], new["head.score.weight"])
    assert set(after.card["calibration"]) >= {"temperature", "sentence", "list"}
    assert after.card["started_from"]["command"] == "python -m vqa train mini.json"
    predictor = load_predictor(replying, "cpu")
    for question in ("Describe the scene.", "List the colors from left to right.", "Any cubes?"):
        assert predictor.ask(pictures[0].pixels, question).kind in ("word", "sentence", "list")


def test_further_heads_need_a_checkpoint_that_fits(trained, config, tmp_path):
    model = replace(config.model, dim=8, further_heads=("crf",))
    small = replace(config, model=model, replies=64)
    with pytest.raises(ConfigError, match="does not fit the preset"):
        train_scenes(Job(small, tmp_path / "mini", torch.device("cpu"), start=load(trained)))


def test_words_keep_their_weights_when_the_vocabulary_has_grown(trained):
    checkpoint = load(trained)
    words = checkpoint.vocab.words
    grown = Vocab(("zebra", *words[::-1], "abacus"))
    network = build(checkpoint.config, len(grown), len(checkpoint.answers))
    take_over(network, grown, checkpoint)
    old = checkpoint.network.question_encoder.embed.weight
    new = network.question_encoder.embed.weight
    for word in ("red", "cube", "红"):
        assert torch.equal(new[grown.encode([word])[0]], old[checkpoint.vocab.encode([word])[0]]), (
            word
        )


def test_a_share_of_what_was_known_is_kept(trained, replying):
    before, after = load(trained), load(replying)
    name = "fusion.read_region.weight"
    old, new = before.network.state_dict()[name], after.network.state_dict()[name].clone()
    head = after.network.state_dict()["router.weight"].clone()
    keep_share(after.network, world_vocab(), before, 0.25)
    mixed = after.network.state_dict()
    assert torch.allclose(mixed[name], 0.75 * new + 0.25 * old)
    assert torch.equal(mixed["router.weight"], head), "what is new stays as it is"
