"""Teaching perception, what reasoning is given of it, and confidence calibrated at the end."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from vqa.data.questions import QuestionBlock
from vqa.data.renders import Renders, label_arrays
from vqa.metrics import expected_calibration_error
from vqa.models.image_encoder import GROUND_SCALE
from vqa.models.network import build
from vqa.train.bank import Bank, gather, look_at_all
from vqa.train.calibrate import LOWEST, calibrate
from vqa.train.imagine import imagine
from vqa.train.perception import (
    Labels,
    PerceptionStep,
    draw_batch,
    heat_target,
    match,
    perception_report,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def renders(pictures) -> Renders:
    rows = [label_arrays(p.scene, p.camera) for p in pictures]
    arrays = {name: np.stack([r[name] for r in rows]) for name in rows[0]}
    return Renders(np.stack([p.pixels for p in pictures]), **arrays)


@pytest.mark.parametrize(
    ("centre", "found", "mask", "present", "expected"),
    [
        # Each object gets the proposal on it, in whatever order they come.
        ([(0.2, 0.2), (0.8, 0.8)], [(0.81, 0.8), (0.2, 0.21)], [1, 1], [1, 1], [1, 0]),
        # Too far away is a miss.
        ([(0.2, 0.2), (0.8, 0.8)], [(0.2, 0.25), (0.8, 0.81)], [1, 1], [1, 1], [-1, 1]),
        # One proposal shows one object, the nearer one; the other takes what is left.
        ([(0.50, 0.5), (0.52, 0.5)], [(0.515, 0.5)], [1], [1, 1], [-1, 0]),
        ([(0.50, 0.5), (0.52, 0.5)], [(0.515, 0.5), (0.53, 0.5)], [1, 1], [1, 1], [1, 0]),
        # What is no region, or no object, is not matched.
        ([(0.2, 0.2), (0.8, 0.8)], [(0.2, 0.2), (0.8, 0.8)], [0, 1], [1, 1], [-1, 1]),
        ([(0.2, 0.2), (0.8, 0.8)], [(0.2, 0.2), (0.8, 0.8)], [1, 1], [1, 0], [0, -1]),
    ],
)
def test_proposals_are_matched_to_the_nearest_objects(centre, found, mask, present, expected):
    arguments = [
        torch.tensor([centre]),
        torch.tensor([found]),
        torch.tensor([mask]).bool(),
        torch.tensor([present]).bool(),
    ]
    # A second picture in the batch, empty, must not matter.
    doubled = [torch.cat([x, torch.zeros_like(x)]) for x in arguments]
    assert match(*arguments)[0].tolist() == expected
    assert match(*doubled).tolist() == [expected, [-1] * len(centre)]


def test_heat_is_one_at_centres_and_fades():
    centre = torch.tensor([[(0.5, 0.5), (0.0, 0.99), (0.9, 0.1)]])
    present = torch.tensor([[True, True, False]])
    other = torch.zeros(1, 3, 4)
    heat = heat_target(Labels(present, other, centre, other, centre), 12, 16)[0]
    assert [tuple(cell) for cell in (heat == 1).nonzero().tolist()] == [(6, 8), (11, 0)]
    assert heat[6, 9] == pytest.approx(np.exp(-1 / 1.4)) and heat[1, 14] < 1e-6


def test_pictures_and_labels_are_mirrored_together():
    """A bright dot stays where its labels say, and only half of the pictures are turned."""
    images = np.full((64, 24, 32, 3), 90, np.uint8)
    images[:, 6, 4] = 250
    place = np.array([4.5 / 32, 6.5 / 24], np.float32)
    spot = np.concatenate([place - 0.02, place + 0.03]).astype(np.float32)
    labels = {
        "count": np.ones(64, int),
        "attributes": np.ones((64, 1, 4), np.int8),
        "centre": np.tile(place, (64, 1, 1)),
        "box": np.tile(spot, (64, 1, 1)),
        "ground": np.tile(np.array([-2.0, 1.0], np.float32), (64, 1, 1)),
    }
    stored = Renders(images, **labels)
    drawn, read = draw_batch(stored, np.arange(64), np.random.default_rng(0), CPU)
    turned = 0
    for k in range(64):
        row, column = divmod(int(drawn[k].sum(0).argmax()), 32)
        assert read.centre[k, 0] == pytest.approx(((column + 0.5) / 32, (row + 0.5) / 24))
        x0, y0, x1, y1 = read.box[k, 0].tolist()
        assert x0 < read.centre[k, 0, 0] < x1 and y0 < read.centre[k, 0, 1] < y1
        assert (read.ground[k, 0, 0] > 0) == (column > 16) and read.ground[k, 0, 1] == 1
        turned += column > 16
    assert 16 < turned < 48
    assert drawn.std(0).max() > 0.01, "brightness varies"
    assert (stored.images[:, 6, 4] == 250).all() and (stored.centre == place).all()


def test_a_few_steps_teach_a_handful_of_pictures(renders, tiny_model):
    torch.manual_seed(0)
    config = replace(tiny_model.image_encoder, regions=12)
    encoder = build(replace(tiny_model, image_encoder=config), 10, 5).image_encoder
    before = perception_report(encoder, renders, CPU)
    step = PerceptionStep(encoder)
    projection = copy.deepcopy(encoder.project.state_dict())
    optimizer = torch.optim.Adam([p for p in step.parameters() if p.requires_grad], 1e-2)
    random = np.random.default_rng(0)
    losses = []
    encoder.train()
    for _ in range(120):
        images, labels = draw_batch(renders, np.arange(len(renders)), random, CPU)
        loss, parts = step(images, labels, torch.zeros(*labels.centre.shape, dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(parts)
    for name, value in losses[0].items():
        assert losses[-1][name] < 0.8 * value, name
    assert sum(losses[-1].values()) < 0.3 * sum(losses[0].values())
    after = perception_report(encoder, renders, CPU)
    assert before["found"] < 0.2 and after["found"] > 0.5
    assert all(after[name] > 0.8 for name in ("color", "shape", "size", "material"))
    assert after["ground_error"] < 1.0
    # The projection is reasoning's to learn.
    assert all(torch.equal(v, projection[k]) for k, v in encoder.project.state_dict().items())


def test_a_bank_holds_what_the_encoder_finds_in_both_orientations(renders, tiny_network):
    encoder = tiny_network.image_encoder
    bank = look_at_all(encoder, renders, CPU, batch=4)
    assert len(bank) == len(renders) == 6
    images = torch.from_numpy(renders.images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        for side, view in enumerate((images, images.flip(-1))):
            found = encoder.propose(view)
            assert torch.equal(bank.mask[side], found.mask)
            assert torch.allclose(bank.descriptors[side], found.descriptors, atol=1e-4)
            shown = bank.shown[side]
            assert shown.shape == renders.centre.shape[:2]
            absent = np.arange(shown.shape[1]) >= renders.count[:, None]
            assert (shown[torch.from_numpy(absent)] == -1).all()


def test_gathered_sets_are_told_of_regions_instead_of_objects():
    """Two scenes, two regions, three objects; in the mirrored view others are shown."""
    straight = [torch.arange(2.0).view(2, 1, 1).expand(2, 2, 5), torch.ones(2, 2, dtype=bool)]
    mirrored = [straight[0] + 10, torch.tensor([[True, True], [True, False]])]
    boxes = [torch.zeros(2, 2, 4)] * 2
    shown = [torch.tensor([[1, 0, -1], [0, 1, -1]]), torch.tensor([[-1, 1, 0], [-1, 0, -1]])]
    bank = Bank([straight[0], mirrored[0]], [straight[1], mirrored[1]], boxes, shown)
    sets = np.array([[[1, 0, 1]], [[0, 1, 1]], [[1, 1, 1]]], bool)
    block = QuestionBlock(
        scene=np.array([0, 0, 1]),
        mirrored=np.array([False, True, True]),
        tokens=np.array([[2, 3, 0, 0], [4, 0, 0, 0], [2, 2, 2, 2]], np.int16),
        lengths=np.array([2, 1, 4]),
        answer=np.array([5, 6, 7]),
        family=np.zeros(3, int),
        sets=sets,
        steps=np.ones(3, int),
    )
    found, tokens, lengths, answers, targets, weights = gather(bank, block, np.arange(3), CPU)
    assert found.descriptors[:, 0, 0].tolist() == [0, 10, 11]
    assert targets.tolist() == [[[0, 1]], [[1, 1]], [[1, 0]]]
    assert weights.tolist() == [[[1, 1]], [[1, 1]], [[1, 0]]]
    assert tokens.tolist() == block.tokens.tolist() and answers.tolist() == [5, 6, 7]
    cut = gather(bank, block, np.array([1, 0]), CPU)
    assert cut[1].tolist() == [[4, 0], [2, 3]] and cut[2].tolist() == [1, 2]


def test_imagined_perception_is_nearly_what_the_labels_say(tiny_model):
    config = replace(tiny_model.image_encoder, regions=12)
    bank, labels = imagine(config, seed=3, count=60)
    again, _ = imagine(config, seed=3, count=60)
    assert all(torch.equal(a, b) for a, b in zip(bank.descriptors, again.descriptors, strict=True))
    sizes = [len(values) for values in config.attributes.values()]
    right, missed, present = [], 0, 0
    for side, sign in enumerate((1, -1)):
        for k in range(60):
            count = int(labels["count"][k])
            shown = bank.shown[side][k]
            assert (shown[count:] == -1).all()
            present, missed = present + count, missed + int((shown[:count] < 0).sum())
            for n in (shown[:count] >= 0).nonzero().squeeze(1).tolist():
                assert bank.mask[side][k, shown[n]]
                _, *parts, place, box = bank.descriptors[side][k, shown[n]].split([1, *sizes, 2, 4])
                right.append(
                    [int(p.argmax()) for p in parts] == labels["attributes"][k, n].tolist()
                )
                ground = torch.from_numpy(labels["ground"][k, n]) * torch.tensor([sign, 1])
                assert (place * GROUND_SCALE - ground).norm() < 1.2
                middle = labels["centre"][k, n, 0] if sign > 0 else 1 - labels["centre"][k, n, 0]
                assert box[0] - 0.03 < middle < box[2] + 0.03
    assert np.mean(right) > 0.9 and 0 < missed < 0.05 * present


def test_calibration_of_a_network_that_is_too_sure():
    """Answers are drawn from softmax(logits / 3): the network is right less often than it says."""
    random = torch.Generator().manual_seed(1)
    logits = 12 * torch.randn(4000, 20, generator=random)
    answers = (logits / 3).softmax(-1).multinomial(1, generator=random).squeeze(1)
    clarity = torch.linspace(0, 1, 4000)
    found = calibrate(logits, answers, clarity, risk=0.01)
    assert found["temperature"] == pytest.approx(3, rel=0.06)
    confidence, best = (logits / found["temperature"]).softmax(-1).max(-1)
    right = (best == answers).tolist()
    assert (found["n"], found["accuracy"]) == (4000, pytest.approx(np.mean(right)))
    raw = expected_calibration_error(logits.softmax(-1).amax(-1).tolist(), right)
    assert found["ece"] < 0.04 < 0.1 < raw
    sure = confidence >= found["threshold"]
    assert sure.any() and (best != answers)[sure].float().mean() <= 0.01
    assert not (confidence >= LOWEST).equal(sure)
    unfamiliar = (clarity < found["familiarity_threshold"]).float().mean()
    assert unfamiliar == pytest.approx(0.005, abs=1e-3)


def test_calibration_at_the_ends():
    """Always right: every answer is sure. Always wrong: nothing short of certainty is."""
    logits = 8 * torch.eye(6).repeat(20, 1) + 0.1 * torch.arange(6)
    answers = torch.arange(6).repeat(20)
    right = calibrate(logits, answers, torch.ones(120))
    confidence = (logits / right["temperature"]).softmax(-1).amax(-1)
    assert right["accuracy"] == 1 and LOWEST <= right["threshold"] <= confidence.min()
    wrong = calibrate(logits, (answers + 1) % 6, torch.ones(120))
    assert (wrong["threshold"], wrong["accuracy"], wrong["temperature"]) == (1.0, 0.0, 20.0)
