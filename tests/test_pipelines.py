"""The pipeline: the shapes that transformers documents for visual question answering."""

import inspect

import pytest
from PIL import Image

import vqa
from vqa.errors import ConfigError, ImageError
from vqa.pipelines import TASK, VisualQuestionAnsweringPipeline

RED, BLUE = "What color is the cube?", "有几个球？"


@pytest.fixture(scope="module")
def ask(tiny_checkpoint):
    return vqa.pipeline(TASK, model=tiny_checkpoint, device="cpu")


@pytest.fixture
def picture():
    return Image.new("RGB", (64, 48), "gray")


def test_the_call_takes_image_question_and_top_k():
    names = list(inspect.signature(VisualQuestionAnsweringPipeline.__call__).parameters)
    assert names == ["self", "image", "question", "top_k"]


def test_one_question_gives_scored_answers(ask, picture):
    answers = ask(image=picture, question=RED, top_k=2)
    assert [set(a) for a in answers] == [{"score", "answer"}] * 2
    assert 1 >= answers[0]["score"] >= answers[1]["score"] >= 0
    assert answers == ask({"image": picture, "question": RED}, top_k=2)
    assert len(ask(picture, RED)) == 5


def test_many_questions_give_a_list_each(ask, picture):
    other = Image.new("RGB", (64, 48), "navy")
    singly = [ask(picture, RED, 1), ask(other, BLUE, 1)]
    entries = [{"image": picture, "question": RED}, {"image": other, "question": BLUE}]

    def names(found):
        return [[a["answer"] for a in answers] for answers in found]

    assert names(ask(entries, top_k=1)) == names(singly)
    assert names(ask([picture, other], [RED, BLUE], 1)) == names(singly)
    assert len(ask(picture, [RED, BLUE])) == len(ask([picture, other], RED)) == 2
    assert len(ask(image=[picture], question=[RED])) == 1


@pytest.mark.parametrize(
    ("image", "question"),
    [(None, None), ([], None), ({"image": 1}, None), ("a.png", None), ([1, 2], ["x"] * 3)],
)
def test_what_does_not_match_is_said(ask, image, question):
    with pytest.raises(ConfigError):
        ask(image, question)


def test_bad_pictures_and_tasks_are_said(ask):
    with pytest.raises(ImageError):
        ask(image=None, question=RED)
    with pytest.raises(ConfigError, match="text-generation"):
        vqa.pipeline("text-generation")
