"""Questions that lean on earlier ones, as people write them and as they are simulated."""

from __future__ import annotations

from random import Random

import pytest

from vqa.errors import QuestionError
from vqa.world.dialogues import sample_dialogue
from vqa.world.grammar import LANGUAGES, parse_plans
from vqa.world.scene_index import SceneIndex
from vqa.world.understanding import Turn, Understood, understand


def talk(*texts: str) -> list[Understood]:
    turns, found = [], []
    for text in texts:
        found.append(understand(text, turns))
        turns.append(Turn(found[-1].question, f"{found[-1].question} Why?"))
    return found


def meant(text: str):
    (plan,) = parse_plans(text)
    return plan


@pytest.mark.parametrize(
    ("before", "text", "alone"),
    [
        (
            "What color is the small cube left of the red ball?",
            "and what shape is it?",
            "What shape is the small cube left of the red ball?",
        ),
        (
            "What is left of the cyan cylinder?",
            "what color is it",
            "What color is the thing left of the cyan cylinder?",
        ),
        (
            "How many metal things are left of the red ball?",
            "And behind it?",
            "How many metal things are behind the red ball?",
        ),
        (
            "How many metal things are left of the red ball?",
            "What about the blue cube?",
            "How many metal things are left of the blue cube?",
        ),
        (
            "What color is the small cube?",
            "and left of it?",
            "What color is the thing left of the small cube?",
        ),
        ("What color is the big ball?", "And its materail?", "What material is the big ball?"),
        ("What color is the big ball?", "What about the shape?", "What shape is the big ball?"),
        ("What color is the big ball?", "And that of the cube?", None),
        (
            "Is there a big cube?",
            "Are there any balls left of that one?",
            "Are there any balls left of the big cube?",
        ),
        ("红色球的左边有几个物体？", "那它右边呢？", "红色球的右边有几个物体？"),
        ("小立方体是什么颜色？", "它的材质呢？", "小立方体是什么材质？"),
        ("小立方体是什么颜色？", "那大圆柱体呢？", "大圆柱体是什么颜色？"),
        ("What color is the big ball?", "它左边是什么？", "大球左边是什么？"),
    ],
)
def test_people_s_follow_ups(before, text, alone):
    found = talk(before, text)[1]
    if alone is None:
        assert found == Understood(text)
    else:
        assert meant(found.question) == meant(alone)


def test_what_it_was_taken_for_is_said():
    assert "red" in talk("How many cubes are left of the red ball?", "What size is it?")[1].it
    assert "红" in talk("红色球的左边有几个物体？", "那它右边呢？")[1].it
    assert talk("What color is the ball?", "What about the cube?")[1].it == ""


def test_three_turns_in_a_row():
    *_, last = talk("What is left of the blue cube?", "And behind it?", "What color is it?")
    behind = "What color is the thing behind the thing left of the blue cube?"
    assert meant(last.question) == meant(behind)


def test_why_alone_asks_for_the_reason_of_the_last_answer():
    assert talk("Is there a ball?", "Why?")[1].question == "Is there a ball? Why?"
    assert talk("有球吗？", "为什么？")[1].question == "有球吗？ Why?"


@pytest.mark.parametrize("turns", [[], [Turn("Is there a ball?")]])
def test_why_without_a_reason_says_what_to_do(turns):
    with pytest.raises(QuestionError, match="ask a") as raised:
        understand("Why?", turns)
    assert raised.value.zh


def test_a_follow_up_looks_past_why():
    found = talk("What is left of the red cube?", "Why?", "And what color is it?")[2]
    assert meant(found.question) == meant("What color is the thing left of the red cube?")


def test_what_refers_to_nothing_found_is_told():
    assert talk("What color is the ball?", "Does it like music?")[1].unresolved
    assert talk("红色球的左边有几个物体？", "它喜欢音乐吗？")[1].unresolved
    assert not talk("What color is the ball?", "Is there a cube that is red?")[1].unresolved


@pytest.mark.parametrize("text", ["What is it?", "it", "?", "", "那个", "And?", "呢", "and " * 200])
def test_what_cannot_be_resolved_is_left_as_it_is(text):
    assert understand(text, []) == Understood(text)
    assert understand(text, [Turn("what brand is this shoe?")]) == Understood(text)
    understand(text, [Turn("What color is the ball?")])


def test_a_question_that_leans_on_nothing_is_left_as_it_is():
    found = talk("What color is the ball?", "How many cubes are left of the red ball?")[1]
    assert found == Understood("How many cubes are left of the red ball?")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("turns", [2, 3])
def test_simulated_dialogues_are_resolved(scenes, language, turns):
    right = asked = 0
    for number, scene in enumerate(scenes):
        dialogue = sample_dialogue(SceneIndex(scene), language, turns, Random(number))
        said: list[Turn] = []
        for exchange in dialogue or ():
            found = understand(exchange.text, said)
            said.append(Turn(found.question))
            asked += 1
            right += parse_plans(found.question, language) == [exchange.plan]
    assert asked > 250 and right / asked >= 0.99
