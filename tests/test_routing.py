"""Routing: each question goes to the checkpoint most familiar with it, or to the one picked."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from vqa.checkpoint import load
from vqa.errors import CheckpointError, ImageError, QuestionError
from vqa.predictor import AUTO, Predictor, Request
from vqa.routing import Router, load_predictor

EXAMPLES = Path(__file__).parent.parent / "vqa" / "page" / "examples"
QUESTION = "What color is the cube?"


class Fond(Predictor):
    """Knows pictures the better the brighter they are (or the darker)."""

    bright = True

    def _familiarity(self, asked, clarity):
        return [c if self.bright else 1 - c for c in clarity]


@pytest.fixture(scope="module")
def router(tiny_checkpoint):
    """Two checkpoints; how clear a picture is to both is its brightness."""
    checkpoint = load(tiny_checkpoint)
    encoder = checkpoint.network.image_encoder

    def brightness(images):
        found = type(encoder).forward(encoder, images)
        return replace(found, clarity=images.mean(dim=(1, 2, 3)))

    encoder.forward = brightness
    predictors = {}
    for name in ("day", "night"):
        predictors[name] = Fond(replace(checkpoint, name=name), torch.device("cpu"))
        predictors[name].bright = name == "day"
    return Router(predictors)


@pytest.fixture(scope="module")
def white():
    return Image.new("RGB", (64, 48), "white")


@pytest.fixture(scope="module")
def black():
    return Image.new("RGB", (64, 48), "black")


def test_each_question_goes_to_the_most_familiar(router, white, black):
    assert router.ask(white, QUESTION).checkpoint == "day"
    assert router.ask(black, QUESTION).checkpoint == "night"
    answers = router.ask_batch([Request(p, QUESTION) for p in (black, white, white, black)])
    assert [a.checkpoint for a in answers] == ["night", "day", "day", "night"]


def test_it_answers_as_the_chosen_one_does(router, white):
    mine, its = router.ask(white, QUESTION, 3), router.predictors["day"].ask(white, QUESTION, 3)
    assert replace(mine, elapsed_ms=0) == replace(its, elapsed_ms=0)


def test_one_can_be_picked_by_hand(router, white):
    assert router.choices == ("day", "night")
    assert router.ask(white, QUESTION, checkpoint="night").checkpoint == "night"
    with pytest.raises(CheckpointError, match="'noon'.*auto, day, night"):
        router.ask(white, QUESTION, checkpoint="noon")


def test_a_picture_as_bytes_or_path_is_the_same(router, white, tmp_path):
    path = tmp_path / "white.png"
    white.save(path)
    for source in (path, path.read_bytes()):
        assert router.ask(source, QUESTION).checkpoint == "day"


def test_no_requests_give_no_answers(router):
    assert router.ask_batch([]) == []


def test_bad_input_is_named(router, white, tmp_path):
    with pytest.raises(ImageError, match="no-such"):
        router.ask(tmp_path / "no-such.png", QUESTION)
    with pytest.raises(QuestionError):
        router.ask(white, "  ")


def test_auto_is_all_that_is_shipped():
    router = load_predictor(AUTO, device="cpu")
    assert {"photos", "scenes"} <= set(router.choices)
    assert router.card["summary"] and router.card["summary_zh"]


def test_a_question_that_only_one_can_read_is_answered_by_that_one():
    """Of these words `photos` knows none."""
    auto = load_predictor()
    picture = EXAMPLES / "crowd.jpg"
    text = "请问方块有几？"
    with pytest.raises(QuestionError, match="none of the words"):
        auto.ask(picture, text, checkpoint="photos")
    answers = auto.ask_batch([Request(picture, text), Request(picture, "Is there a ball?")])
    assert [answer.checkpoint for answer in answers] == ["scenes", "scenes"]
    with pytest.raises(QuestionError, match="none of the words"):
        auto.ask(picture, "qwzzk")
