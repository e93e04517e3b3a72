"""Simulated data on its way to training: shards of pictures, blocks of questions."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from vqa.data import renders as renders_module
from vqa.data.questions import (
    PER_SCENE,
    BlockMaker,
    scene_of_labels,
    world_answers,
    world_vocab,
)
from vqa.data.renders import (
    Renders,
    join,
    label_arrays,
    labels_of_clevr,
    read_shard,
    render_shards,
)
from vqa.errors import ConfigError
from vqa.text import UNKNOWN_ID, detect_language
from vqa.train.reasoning import family_weights
from vqa.world.families import FAMILIES
from vqa.world.grammar import parse_plans
from vqa.world.picture import draw_picture
from vqa.world.placement import EVALUATION_SEEDS, MAX_OBJECTS, sample_scene, scene_rng
from vqa.world.plans import execute_plan
from vqa.world.programs import execute
from vqa.world.renderer import owners
from vqa.world.scene import ATTRIBUTES, DIRECTIONS
from vqa.world.scene_index import SceneIndex, ids_of

SEED = 12


@pytest.fixture
def small_shards(monkeypatch) -> int:
    monkeypatch.setattr(renders_module, "SHARD", 4)
    return 4


def equal(one: Renders, other: Renders) -> bool:
    return all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(Renders)
    )


def test_shards_hold_the_numbered_pictures_and_their_labels(tmp_path, small_shards):
    (path,) = render_shards(tmp_path, SEED, range(1, 2), 64, 48)
    shard = read_shard(path)
    assert len(shard) == small_shards
    for k in range(small_shards):
        picture = draw_picture(SEED, small_shards + k, 64, 48)
        assert np.array_equal(shard.images[k], picture.pixels)
        count = len(picture.scene)
        assert shard.count[k] == count
        for n, o in enumerate(picture.scene.objects):
            values = zip(ATTRIBUTES.items(), shard.attributes[k, n], strict=True)
            assert all(names[value] == o.attribute(a) for (a, names), value in values)
            assert shard.centre[k, n] * (320, 240) == pytest.approx(o.pixel[:2], abs=1e-3)
            right, behind = (np.dot(o.position[:2], DIRECTIONS[d]) for d in ("right", "behind"))
            assert shard.ground[k, n] == pytest.approx((right, behind), abs=1e-5)
        for labels in (shard.centre, shard.box, shard.ground, shard.attributes):
            assert not labels[k, count:].any()


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, small_shards, monkeypatch):
    whole = [read_shard(p) for p in render_shards(tmp_path / "whole", SEED, range(3), 32, 24)]
    draw, drawn = renders_module.draw_picture, []

    def counted(seed, number, *size):
        if len(drawn) == 6:
            raise KeyboardInterrupt
        drawn.append(number)
        return draw(seed, number, *size)

    monkeypatch.setattr(renders_module, "draw_picture", counted)
    with pytest.raises(KeyboardInterrupt):
        list(render_shards(tmp_path / "cut", SEED, range(3), 32, 24))
    assert [p.name for p in (tmp_path / "cut").iterdir()] == ["00000.npz"]
    monkeypatch.setattr(renders_module, "draw_picture", draw)
    first = (tmp_path / "cut" / "00000.npz").stat().st_mtime_ns
    paths = list(render_shards(tmp_path / "cut", SEED, range(3), 32, 24))
    assert paths[0].stat().st_mtime_ns == first, "a finished shard is not drawn again"
    again = [read_shard(p) for p in paths]
    assert all(equal(a, b) for a, b in zip(again, whole, strict=True))
    assert equal(join(again), join(whole)) and len(join(again)) == 3 * small_shards


@pytest.mark.slow
def test_workers_draw_the_same_shards(tmp_path):
    """Processes of their own draw what this one draws, with labels and all."""
    threads = torch.get_num_threads()
    (theirs,) = render_shards(tmp_path / "theirs", SEED, range(1), 16, 12, workers=2)
    pictures = [draw_picture(SEED, k, 16, 12) for k in (0, 1, renders_module.SHARD - 1)]
    shard = read_shard(theirs)
    assert len(shard) == renders_module.SHARD
    for k, picture in zip((0, 1, -1), pictures, strict=True):
        assert np.array_equal(shard.images[k], picture.pixels)
        labels = label_arrays(picture.scene, picture.camera)
        assert all(np.array_equal(getattr(shard, name)[k], labels[name]) for name in labels)
    assert torch.get_num_threads() == threads


def test_drawing_keeps_the_number_of_threads(tmp_path, small_shards):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        list(render_shards(tmp_path, SEED, range(1), 16, 12))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_evaluation_seeds_are_not_drawn_for_training(tmp_path):
    with pytest.raises(ConfigError, match="reserved"):
        list(render_shards(tmp_path / "no", EVALUATION_SEEDS.start, range(1), 16, 12))
    assert not (tmp_path / "no").exists()


def test_boxes_hold_what_is_seen():
    """The box of an object that nothing hides is the extent of its pixels."""
    compared = 0
    for number in range(12):
        scene, camera = sample_scene(scene_rng(SEED, number))
        box = label_arrays(scene, camera)["box"] * (320, 240, 320, 240)
        for k, o in enumerate(scene.objects):
            alone = owners([replace(scene, objects=(o,))], camera[None])[0] == 0
            row, column = (x.numpy() for x in alone.nonzero(as_tuple=True))
            extent = column.min(), row.min(), column.max() + 1, row.max() + 1
            if min(extent[0], extent[1], 320 - extent[2], 240 - extent[3]) > 0:
                assert box[k] == pytest.approx(extent, abs=3)
                compared += 1
    assert compared > 40


def test_labels_without_a_recorded_camera():
    """CLEVR's files tell where objects are seen, not from where."""
    scene, camera = sample_scene(scene_rng(SEED, 1))
    known, fitted = label_arrays(scene, camera), labels_of_clevr(scene)
    for name, values in known.items():
        assert np.allclose(fitted[name], values, atol=2e-3), name


@pytest.fixture(scope="module")
def labels() -> dict[str, np.ndarray]:
    rows = [label_arrays(*sample_scene(scene_rng(SEED, number))) for number in range(12)]
    return {name: np.stack([r[name] for r in rows]) for name in ("count", "attributes", "ground")}


def block_maker(labels, **options) -> BlockMaker:
    options = {"seed": 5, "languages": ("en", "zh"), "size": 200} | options
    return BlockMaker(**labels, **options)


def test_scenes_come_back_from_their_labels():
    for number in range(12):
        scene, camera = sample_scene(scene_rng(SEED, number))
        arrays = label_arrays(scene, camera)
        one = arrays["count"], arrays["attributes"], arrays["ground"]
        straight, mirrored = (scene_of_labels(*one, mirror) for mirror in (False, True))
        assert straight.relations == scene.relations
        swapped = {"left": "right", "right": "left", "front": "front", "behind": "behind"}
        assert mirrored.relations == {d: scene.relations[swapped[d]] for d in DIRECTIONS}
        for found in (straight, mirrored):
            for a, b in zip(found.objects, scene.objects, strict=True):
                assert all(a.attribute(name) == b.attribute(name) for name in ATTRIBUTES)


def test_block_answers_and_sets_are_what_the_executor_says(labels):
    """Words are read back to programs, which run on the scene that the labels describe."""
    maker = block_maker(labels, size=400, decorated=0, noise=0)
    block = maker.make((0, family_weights(1.0)))
    assert len(block) == 400 and set(block.mirrored.tolist()) == {False, True}
    languages = set()
    for k in range(len(block)):
        ids = block.tokens[k, : block.lengths[k]].tolist()
        assert UNKNOWN_ID not in ids and not block.tokens[k, block.lengths[k] :].any()
        words = [maker.vocab.words[i - 2] for i in ids]
        language = detect_language("".join(words))
        languages.add(language)
        (plan,) = parse_plans(("" if language == "zh" else " ").join(words))
        which = block.scene[k]
        scene = scene_of_labels(
            labels["count"][which],
            labels["attributes"][which],
            labels["ground"][which],
            bool(block.mirrored[k]),
        )
        index = SceneIndex(scene)
        answer = maker.answers.answers[block.answer[k]]
        assert execute(plan.program(), index).answer == answer
        sets = execute_plan(plan, index).step_sets
        assert block.steps[k] == len(sets)
        for step, row in enumerate(block.sets[k]):
            # After its last step a program stays with the set it has.
            assert np.flatnonzero(row).tolist() == ids_of(sets[min(step, len(sets) - 1)])
    assert languages == {"en", "zh"}
    assert set(block.family.tolist()) == set(range(len(FAMILIES)))


def same_block(one, other) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


def test_a_block_depends_on_the_seed_and_its_number_only(labels):
    jobs = [(number, family_weights(1.0)) for number in (3, 0, 7)]
    made = [block_maker(labels).make(job) for job in jobs]
    for workers in (0, 1):
        found = block_maker(labels).blocks(jobs, workers)
        assert all(same_block(a, b) for a, b in zip(found, made, strict=True))
    assert not same_block(made[0], made[1])
    assert not same_block(made[0], block_maker(labels, seed=6).make(jobs[0]))


def test_no_scene_rules_a_block(labels):
    block = block_maker(labels).make((1, family_weights(1.0)))
    assert np.bincount(block.scene).max() < 8 * PER_SCENE
    assert block.sets.shape[2] == MAX_OBJECTS


def test_only_weighted_families_are_asked(labels):
    block = block_maker(labels, size=50).make((0, {"zero_hop": 0.0, "two_hop": 1.0}))
    assert set(block.family.tolist()) == {1}


def test_the_vocabulary_and_the_answers_of_the_world():
    vocab, answers = world_vocab(), world_answers()
    assert len(set(vocab.words)) == len(vocab.words)
    assert {"cube", "left", "红", "左"} <= set(vocab.words)
    assert answers.index("7") is not None and answers.index("红色") == answers.index("red")
    assert len(set(answers.answers)) == len(answers)
