"""What a predictor answers, alone, in batches, from many threads and to hostile input."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from vqa.data.questions import world_answers
from vqa.device import pick_device
from vqa.errors import CheckpointError, ConfigError, ImageError, QuestionError
from vqa.predictor import Answer, Predictor, Request
from vqa.routing import load_predictor

QUESTIONS = (
    "How many red things are there?",
    "Is there a big cube left of the small sphere?",
    "What color is the metal cylinder that is behind the large blue rubber thing?",
    "红色立方体左边有几个小的金属物体？",
    "有没有大的球？",
)
ALL = 1000  # more than there are answers


@pytest.fixture(scope="module")
def predictor(tiny_checkpoint) -> Predictor:
    return load_predictor(tiny_checkpoint, "cpu")


@pytest.fixture(scope="module")
def images(pictures) -> list[Image.Image]:
    return [Image.fromarray(p.pixels) for p in pictures]


def same(one: Answer, other: Answer) -> bool:
    """Equal but for time and rounding: batches add in another order."""
    numbers = [
        np.concatenate(
            [
                [a.confidence, a.familiarity, *(p for _, p in a.top)],
                np.ravel(a.regions),
                np.ravel(a.region_attention),
                np.ravel(a.word_attention),
            ]
        )
        for a in (one, other)
    ]
    emptied = [
        replace(
            a,
            confidence=0.0,
            familiarity=0.0,
            elapsed_ms=0.0,
            top=tuple(name for name, _ in a.top),
            regions=len(a.regions),
            region_attention=(),
            word_attention=(),
        )
        for a in (one, other)
    ]
    return emptied[0] == emptied[1] and np.allclose(*numbers, rtol=0, atol=1e-5)


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_an_answer_holds(predictor, images, question):
    found = predictor.ask(images[0], question, top_k=ALL)
    names, values = zip(*found.top, strict=True)
    assert (found.answer, found.confidence) == found.top[0]
    assert len(set(names)) == len(world_answers()) and sum(values) == pytest.approx(1, abs=1e-5)
    assert list(values) == sorted(values, reverse=True) and min(values) >= 0
    steps, regions, words = 3, len(found.regions), len(found.words)
    assert np.shape(found.regions) == (regions, 4) and 1 <= regions <= 6
    assert np.shape(found.region_attention) == (steps, regions)
    assert np.shape(found.word_attention) == (steps, words)
    for part in (found.regions, found.region_attention, found.word_attention):
        assert 0 <= np.min(part) and np.max(part) <= 1
    assert np.sum(found.word_attention, axis=1) == pytest.approx(np.ones(steps), abs=1e-5)
    assert 0 <= found.familiarity <= 1 and found.elapsed_ms > 0 and found.device == "cpu"
    assert json.loads(json.dumps(found.to_dict()))["answer"] == found.answer


def test_top_k_cuts_the_list(predictor, images):
    every = predictor.ask(images[0], QUESTIONS[0], top_k=ALL)
    assert predictor.ask(images[0], QUESTIONS[0], top_k=1).top == every.top[:1]
    assert predictor.ask(images[0], QUESTIONS[0]).top == every.top[:5]


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "3", None, True])
def test_a_bad_top_k_is_refused(predictor, images, top_k):
    with pytest.raises(ConfigError, match="top_k"):
        predictor.ask(images[0], QUESTIONS[0], top_k)


def test_answers_come_in_the_language_of_the_question(predictor, images):
    space = world_answers()
    english, chinese = (
        {name for name, _ in predictor.ask(images[0], q, top_k=ALL).top}
        for q in (QUESTIONS[0], QUESTIONS[3])
    )
    assert english == set(space.answers)
    assert chinese == {space.localise(a, "zh") for a in space.answers}
    assert {"红色", "立方体"} <= chinese and "red" not in chinese
    assert predictor.ask(images[0], QUESTIONS[3]).language == "zh"


def test_unknown_and_repaired_words_are_reported(predictor, images):
    found = predictor.ask(images[0], "How many rde zebras are left of the sphere?")
    assert found.repaired_words == {"rde": "red"} and found.unknown_words == ("zebras",)
    assert found.words[2:4] == ("red", "zebras")
    clean = predictor.ask(images[0], "How many red things are left of the sphere?")
    assert clean.repaired_words == {} and clean.unknown_words == ()
    # One of nine words is unknown: the question is that much less familiar.
    assert found.familiarity == pytest.approx(clean.familiarity * 8 / 9)


def test_sure_needs_confidence_and_familiarity(tiny_checkpoint, images, tmp_path):
    base = load_predictor(tiny_checkpoint, "cpu").ask(images[0], QUESTIONS[4])
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    for threshold, familiar, sure in [(0, 0, True), (1, 0, False), (0, 1, False)]:
        calibration = {
            "temperature": 1.5,
            "threshold": threshold,
            "familiarity_threshold": familiar,
        }
        (folder / "card.json").write_text(json.dumps({"calibration": calibration}))
        found = load_predictor(folder, "cpu").ask(images[0], QUESTIONS[4])
        assert found.sure is sure and found.confidence == base.confidence


def test_temperature_flattens_the_answers(tiny_checkpoint, images, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    found = []
    for temperature in (0.5, 1.0, 4.0):
        (folder / "card.json").write_text(f'{{"calibration": {{"temperature": {temperature}}}}}')
        found.append(load_predictor(folder, "cpu").ask(images[0], QUESTIONS[0]))
    assert found[0].confidence > found[1].confidence > found[2].confidence
    assert len({a.answer for a in found}) == 1


@pytest.mark.parametrize(
    "calibration",
    [None, [], {"temperature": 0}, {"temperature": -1}, {"temperature": "hot"}]
    + [{"temperature": float("nan")}, {"threshold": None}, {"familiarity_threshold": 1e999}],
)
def test_a_card_without_usable_calibration_is_refused(tiny_checkpoint, tmp_path, calibration):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    (folder / "card.json").write_text(json.dumps({"calibration": calibration}))
    with pytest.raises(CheckpointError, match="calibration"):
        load_predictor(folder, "cpu")


def test_every_kind_of_source_gets_the_same_answer(predictor, images, tmp_path):
    file = tmp_path / "scene.png"
    images[1].save(file)
    before = np.asarray(images[1]).copy()
    expected = predictor.ask(images[1], QUESTIONS[1])
    for source in (file, str(file), file.read_bytes(), images[1].copy(), before):
        assert same(predictor.ask(source, QUESTIONS[1]), expected)
    assert (np.asarray(images[1]) == before).all()
    assert not same(predictor.ask(images[2], QUESTIONS[1]), expected)


def test_a_batch_says_what_single_questions_say(tiny_checkpoint, images):
    """Questions of different lengths, and pictures that come up twice."""
    requests = [Request(images[k % 4], QUESTIONS[k % 5]) for k in range(12)]
    batch = load_predictor(tiny_checkpoint, "cpu").ask_batch(requests)
    single = load_predictor(tiny_checkpoint, "cpu")
    assert len(batch) == len(requests)
    for found, request in zip(batch, requests, strict=True):
        assert same(found, single.ask(request.image, request.question))
    assert single.ask_batch([]) == []


def test_a_batch_reports_its_first_bad_request(predictor, images):
    good, image = Request(images[0], QUESTIONS[0]), Request(b"no picture", QUESTIONS[0])
    question = Request(images[0], "")
    with pytest.raises(ImageError):
        predictor.ask_batch([good, image, question])
    with pytest.raises(QuestionError):
        predictor.ask_batch([good, question, image])


def size_of_one(predictor) -> int:
    """Bytes that one encoded picture takes."""
    fresh = Predictor(predictor.checkpoint, torch.device("cpu"))
    fresh.ask(Image.new("RGB", (64, 48)), QUESTIONS[0])
    return fresh.cached_bytes


@pytest.mark.parametrize("cached", [0, 1, 100])
def test_a_cached_picture_is_answered_like_a_fresh_one(predictor, images, cached):
    cache = Predictor(predictor.checkpoint, torch.device("cpu"), cached * size_of_one(predictor))
    for _ in range(3):
        for image in images[:3]:
            fresh = Predictor(predictor.checkpoint, torch.device("cpu"), 0)
            assert same(cache.ask(image, QUESTIONS[1]), fresh.ask(image, QUESTIONS[1]))


@pytest.mark.parametrize(("cached", "encoded"), [(0, 6), (1, 6), (2, 4), (3, 3)])
def test_no_more_pictures_are_kept_than_allowed(predictor, images, cached, encoded):
    """The one asked about longest ago goes first."""
    room = cached * size_of_one(predictor)
    cache, seen = Predictor(predictor.checkpoint, torch.device("cpu"), room), []
    encoder = predictor.checkpoint.network.image_encoder
    handle = encoder.register_forward_hook(lambda *_: seen.append(1))
    try:
        for k in (0, 1, 0, 2, 0, 1):
            cache.ask(images[k], QUESTIONS[0])
    finally:
        handle.remove()
    assert len(seen) == encoded
    assert cache.cached_bytes == min(cached, 3) * size_of_one(predictor)


def test_unknown_devices_are_refused():
    assert pick_device("cpu") == torch.device("cpu")
    for name in ("warp", "cuda:99"):
        with pytest.raises(ConfigError, match=name):
            pick_device(name)


def test_many_threads_get_what_one_gets(tiny_checkpoint, images):
    """A cache smaller than the number of pictures, so that threads also push each other out."""
    pairs = [(image, question) for image in images for question in QUESTIONS]
    alone = load_predictor(tiny_checkpoint, "cpu")
    expected = [alone.ask(*pair) for pair in pairs]
    for k, one in enumerate(expected):
        assert not any(same(one, other) for other in expected[:k]), "a mix-up would go unseen"
    shared = Predictor(alone.checkpoint, torch.device("cpu"), cache_bytes=3 * size_of_one(alone))

    def work(thread: int) -> int:
        order = Random(thread).sample(range(len(pairs)), len(pairs))
        return sum(same(shared.ask(*pairs[k]), expected[k]) for k in order)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == [len(pairs)] * 16


def test_many_pictures_are_encoded_a_few_at_a_time(tiny_checkpoint):
    predictor = load_predictor(tiny_checkpoint, "cpu")
    sizes = []
    encoder = predictor.checkpoint.network.image_encoder
    encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    images = [Image.new("RGB", (64, 48), (8 * k, 0, 255 - 8 * k)) for k in range(20)]
    together = predictor.ask_batch([Request(image, QUESTIONS[0]) for image in images])
    assert sum(sizes) == 20 and max(sizes) <= 8
    fresh = load_predictor(tiny_checkpoint, "cpu")
    assert all(
        same(fresh.ask(image, QUESTIONS[0]), answer)
        for image, answer in zip(images, together, strict=True)
    )
