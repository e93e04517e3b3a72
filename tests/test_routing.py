"""Routing: each question goes to the checkpoint most familiar with it, or to the one picked."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from PIL import Image, ImageOps

from vqa.checkpoint import load
from vqa.errors import CheckpointError, ImageError, QuestionError
from vqa.pictures import PictureFile, open_picture
from vqa.predictor import AUTO, Predictor, Request
from vqa.routing import Router, load_predictor
from vqa.train.strangers import strangers

EXAMPLES = Path(__file__).parent.parent / "vqa" / "page" / "examples"
QUESTION = "What color is the cube?"


def brightness(images):
    return images.mean(dim=(1, 2, 3))


def darkness(images):
    return 1 - brightness(images)


class Knowing(Predictor):
    """Is told which share of a question's words it knows."""

    shares: ClassVar[dict[str, float]] = {}

    def share_known(self, question):
        return self.shares.get(question) or super().share_known(question)


@pytest.fixture
def build(tiny_checkpoint):
    """A router over checkpoints: how clear a picture is to each, whether it is one for photographs,
    and what it knows of some questions; and the log of who encoded pictures."""

    def build(**made) -> tuple[Router, list[str]]:
        encoded, predictors = [], {}
        for name, (clarity, photos, shares) in made.items():
            checkpoint = replace(load(tiny_checkpoint), name=name)
            encoder = checkpoint.network.image_encoder
            encoder.cells = photos

            def forward(images, name=name, encoder=encoder, clarity=clarity):
                encoded.extend([name] * len(images))
                return replace(type(encoder).forward(encoder, images), clarity=clarity(images))

            encoder.forward = forward
            predictors[name] = Knowing(checkpoint, torch.device("cpu"))
            predictors[name].shares = shares
        return Router(predictors), encoded

    return build


@pytest.fixture
def made(build):
    return build(day=(brightness, False, {}), night=(darkness, True, {}))


@pytest.fixture
def router(made):
    return made[0]


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


def grey(level: float) -> Image.Image:
    return Image.new("L", (64, 48), round(255 * level))


def test_a_picture_of_one_kind_is_encoded_once(made, white, black):
    router, encoded = made
    router.ask(white, QUESTION)
    assert encoded == ["day"]
    encoded.clear()
    assert router.ask(grey(0.4), QUESTION).checkpoint == "night"
    assert encoded == ["day", "night"]
    encoded.clear()
    router.ask_batch([Request(p, QUESTION) for p in (white, black, grey(0.8), grey(0.3))])
    assert sorted(encoded) == ["day"] * 3 + ["night"] * 2  # the white one is kept


def test_two_for_the_same_kind_are_both_asked(build):
    router, encoded = build(
        dim=(lambda images: 0.6 * brightness(images), True, {}), plain=(brightness, True, {})
    )
    assert router.ask(grey(0.9), QUESTION).checkpoint == "plain"
    assert encoded == ["dim", "plain"]


@pytest.fixture
def half(build):
    """Of `QUESTION` day knows half of the words only."""
    return build(day=(brightness, False, {QUESTION: 0.5}), night=(darkness, True, {}))


def test_who_knows_the_words_is_asked_first(half):
    router, encoded = half
    assert router.ask(grey(0.1), QUESTION).checkpoint == "night"
    assert encoded == ["night"]
    # Half of 0.6 is less than 0.4, which is settled before day looks; half of 0.8 is more than 0.2.
    assert router.ask(grey(0.6), QUESTION).checkpoint == "night"
    assert router.ask(grey(0.8), QUESTION).checkpoint == "day"
    assert encoded == ["night"] * 3 + ["day"]


def test_a_kept_picture_is_known_for_the_questions_it_settles(half, tmp_path):
    router, encoded = half
    path = tmp_path / "grey.png"
    grey(0.6).save(path)
    file = PictureFile.of(path.read_bytes())
    plain, hard = Request(file, "Is there a ball?"), Request(file, QUESTION)
    assert not router.knows(plain)
    assert router.ask_batch([plain])[0].checkpoint == "day"
    assert router.knows(plain) and not router.knows(hard)
    assert router.ask_batch([hard])[0].checkpoint == "night"
    assert router.knows(plain) and router.knows(hard)
    assert encoded == ["day", "night"]


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


@torch.inference_mode()
def clarities(auto: Router, picture) -> list[float]:
    return [p.clarity([picture])[0] for p in auto.predictors.values()]


def test_no_picture_is_clear_to_both_kinds():
    """What lets `Router` leave encodings out, on drawn pictures."""
    auto = load_predictor(AUTO, device="cpu")
    files = sorted(EXAMPLES.glob("*.jpg"))
    scene = Image.open(files[0])
    drawn = [*files, ImageOps.invert(scene), scene.rotate(180), *strangers((192, 144), 12, 3)]
    assert max(sum(clarities(auto, picture)) for picture in drawn) <= 1


def test_the_choice_is_that_of_asking_all():
    auto = load_predictor(AUTO, device="cpu")
    pictures = [open_picture(file) for file in sorted(EXAMPLES.glob("*.jpg"))]
    pictures += [open_picture(picture) for picture in strangers((192, 144), 6, 4)]
    questions = [
        QUESTION,
        "What is it?",
        "Is it a shirt for women?",
        "有几个红色的球？",
        "这是什么?",
    ]
    asked = [Request(picture, text) for picture in pictures for text in questions]
    found = auto.route(asked)
    for request, name in zip(asked, found, strict=True):
        known = [p.share_known(request.question) for p in auto.predictors.values()]
        scores = [a * b for a, b in zip(known, clarities(auto, request.image), strict=True)]
        assert name == auto.choices[scores.index(max(scores))]
