"""Questions whose answers are sentences and lists: written, read back, and answered rightly."""

from __future__ import annotations

from random import Random

import pytest

from vqa.reply_space import join_pieces
from vqa.world.grammar import LANGUAGES, parse_plans, write
from vqa.world.grammar.sentences import description, object_phrase, objects_said, sentence_pieces
from vqa.world.plans import LISTS, AnswerOp, Plan, SetStep, execute_plan
from vqa.world.questions import QuestionSampler
from vqa.world.replies import REPLY_FAMILIES, ask_for_reply, reading_order, reply, sample_reply
from vqa.world.scene import DIRECTIONS
from vqa.world.scene_index import ATTRIBUTE_NAMES, SceneIndex

RED = {"color": "red"}
ROW = [
    {"size": "small", "color": "red", "material": "metal", "shape": "cube"},
    {"size": "large", "color": "red", "material": "rubber", "shape": "sphere"},
    {"size": "small", "color": "blue", "material": "metal", "shape": "sphere"},
    {"size": "large", "color": "green", "material": "metal", "shape": "cylinder"},
]
SCENE = Plan([SetStep("scene")], AnswerOp("scene", "", (0,)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("family", ["describe_object", "describe_scene", "list"])
def test_every_question_reads_back_as_its_plan_and_no_other(scenes, language, family):
    rng = Random(f"{language}{family}")
    read = 0
    for scene in scenes:
        plan = sample_reply(SceneIndex(scene), family, rng)
        if plan is None:
            continue
        text = ask_for_reply(plan, family, language, rng, decorated=0.3)
        assert parse_plans(text, language) == [plan], text
        read += 1
    assert read > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_read_back_as_the_objects_they_speak_of(scenes, language):
    pieces = set(sentence_pieces())
    rng = Random(language)
    for scene in scenes:
        index = SceneIndex(scene)
        for family in ("describe_object", "describe_scene", "explain"):
            plan = sample_reply(index, family, rng)
            if plan is None:
                continue
            found, _ = reply(plan, family, index, language)
            assert set(found.sentence.pieces) <= pieces
            meant = [k for k in dict.fromkeys(found.sentence.objects) if k >= 0]
            said = objects_said(found.text, language)
            true = [{a: index.values[a][k] for a in ATTRIBUTE_NAMES} for k in meant]
            # An object in both sets of a comparison is spoken of twice.
            assert [o for n, o in enumerate(said) if o not in said[:n]] == [
                o for n, o in enumerate(true) if o not in true[:n]
            ]


def test_a_row_in_words(row):
    index = SceneIndex(row)
    english, _ = reply(SCENE, "describe_scene", index, "en")
    assert english.text == (
        "There are four objects. From left to right: a small red metal cube, a large red rubber "
        "sphere, a small blue metal sphere and a large green metal cylinder."
    )
    assert objects_said(english.text, "en") == ROW
    chinese, _ = reply(SCENE, "describe_scene", index, "zh")
    assert objects_said(chinese.text, "zh") == objects_said(english.text, "en")
    assert chinese.text.startswith("画面中有四个物体。从左到右依次是：一个")
    assert chinese.text.endswith("。") and " " not in chinese.text


def test_one_object_alone_in_words():
    phrases = [object_phrase(ROW[0], "en", 0)]
    text = join_pieces(description(phrases, "en").pieces)
    assert text == "There is one object: a small red metal cube."
    text = join_pieces(description([object_phrase(ROW[0], "zh", 0)], "zh").pieces)
    assert text == "画面中有一个物体：一个小的红色金属立方体。"


def test_reasons_name_what_the_answer_was_read_from(row):
    index = SceneIndex(row)
    reds = Plan([SetStep("scene", "", (), RED)], AnswerOp("count", "", (0,)))
    found, sets = reply(reds, "explain", index, "en")
    assert sets == execute_plan(reds, index).step_sets
    assert sorted(objects_said(found.text, "en"), key=str) == sorted(ROW[:2], key=str)
    none = Plan([SetStep("scene", "", (), {"color": "cyan"})], AnswerOp("exist", "", (0,)))
    assert reply(none, "explain", index, "en")[0].text == "Because there is nothing like that."
    assert reply(none, "explain", index, "zh")[0].text == "因为没有这样的物体。"
    sides = [SetStep("scene", "", (), RED), SetStep("scene", "", (), {"color": "cyan"})]
    more = Plan(sides, AnswerOp("greater_than", "", (0, 1)))
    text = reply(more, "explain", index, "en")[0].text
    assert text.startswith("Because on the one hand there is a ")
    assert text.endswith(" and on the other hand nothing.")


def test_why_stands_behind_the_question(row):
    plan = Plan([SetStep("scene", "", (), RED)], AnswerOp("count", "", (0,)))
    text = ask_for_reply(plan, "explain", "en", Random(1))
    question, mark, why = text.partition("? ")
    assert parse_plans(question, "en") == [plan] and mark and why


@pytest.mark.parametrize("kind", LISTS)
def test_lists_are_read_in_the_direction_that_is_named(row, kind):
    index = SceneIndex(row)
    plan = Plan([SetStep("scene")], AnswerOp(kind, "color", (0,)))
    found, _ = reply(plan, "list", index, "en")
    dx, dy = DIRECTIONS[LISTS[kind]]
    along = [row.objects[k].position[0] * dx + row.objects[k].position[1] * dy for k in range(4)]
    order = sorted(range(4), key=along.__getitem__)
    assert list(found.listed) == order == reading_order(index, [3, 1, 0, 2], LISTS[kind])
    assert found.text == ", ".join(row.objects[k].color for k in order)
    back = {"list_right": "list_left", "list_behind": "list_front"}
    if kind in back:
        plan = Plan([SetStep("scene")], AnswerOp(back[kind], "color", (0,)))
        assert reply(plan, "list", index, "en")[0].values == found.values[::-1]
    assert "、" in reply(plan, "list", index, "zh")[0].text


def test_a_list_of_everything_need_not_name_it():
    plan = Plan([SetStep("scene")], AnswerOp("list_right", "color", (0,)))
    texts = {write(plan, "en", Random(k)) for k in range(60)}
    assert any("List the colors from left to right." in t for t in texts)
    plan = Plan([SetStep("scene", "", (), RED)], AnswerOp("list_right", "shape", (0,)))
    assert all("red" in write(plan, "en", Random(k)) for k in range(60))


def test_replies_are_drawn_with_words_and_alone(scenes):
    weights = dict.fromkeys(REPLY_FAMILIES, 1.0) | {"zero_hop": 1.0}
    sampler = QuestionSampler(3, weights, ("en", "zh"))
    drawn = [q for scene in scenes[:40] for q in sampler.sample(scene, 6, scene.index)]
    again = [q for scene in scenes[:40] for q in sampler.sample(scene, 6, scene.index)]
    assert [q.text for q in drawn] == [q.text for q in again]
    families = {q.family for q in drawn}
    assert families == {*REPLY_FAMILIES, "zero_hop"}
    for q in drawn:
        assert (q.reply is None) == (q.family == "zero_hop")
        assert q.reply is None or q.answer == q.reply.text
