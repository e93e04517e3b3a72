from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqa.errors import ConfigError, QuestionError
from vqa.world.families import FAMILIES
from vqa.world.grammar import (
    LANGUAGES,
    answer_in,
    parse,
    parse_plans,
    template_counts,
    vocabulary,
    write,
)
from vqa.world.grammar.template import wordings
from vqa.world.plans import AnswerOp, Plan, SetStep, plan_of
from vqa.world.questions import QuestionSampler, sample_plan
from vqa.world.replies import REPLY_FAMILIES, sample_reply
from vqa.world.scene import ATTRIBUTES
from vqa.world.scene_index import SceneIndex

SMALL_METAL_LEFT_OF_RED_CUBE = Plan(
    [
        SetStep("scene", "", (), {"color": "red", "shape": "cube"}),
        SetStep("relate", "left", (0,), {"size": "small", "material": "metal"}),
    ],
    AnswerOp("count", "", (1,)),
)


def test_at_least_300_templates():
    counts = template_counts()
    assert sum(counts.values()) >= 300
    assert min(counts.values()) >= 130


def test_no_pattern_stands_twice():
    for module in LANGUAGES.values():
        seen = [(t.kind, t.ops, t.attributes, t.variants[0]) for t in module.BOOK.templates]
        assert len(seen) == len(set(seen))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_question_reads_back_as_its_plan_and_no_other(scenes, language, family):
    rng = Random(f"{language}{family}")
    read = 0
    for scene in scenes * 3:
        plan = sample_plan(SceneIndex(scene), family, rng)
        if plan is None:
            continue
        text = write(plan, language, rng, decorated=0.3)
        assert parse_plans(text, language) == [plan], text
        read += 1
    assert read > 350


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_written_and_read(scenes, language):
    """Each wording of each template, so that rare ones are tried too."""
    module = LANGUAGES[language]
    rng = Random(8)
    plans = [
        plan
        for scene in scenes
        for family in FAMILIES
        if (plan := sample_plan(SceneIndex(scene), family, rng))
    ] + [
        plan
        for scene in scenes * 3
        for family in ("describe_object", "describe_scene", "list")
        if (plan := sample_reply(SceneIndex(scene), family, rng))
    ]
    fitting = {id(t): [] for t in module.BOOK.templates}
    for plan in plans:
        op = plan.steps[plan.answer.inputs[0]].op
        for kind in wordings(plan):
            for t in module.BOOK.fitting(kind, op, plan.answer.attribute):
                fitting[id(t)].append(plan)
    for template in module.BOOK.templates:
        assert len(fitting[id(template)]) >= 3
        # Lists come in four directions and of four attributes: some of their wordings do.
        some = 3 if template.kind.startswith("list") else len(template.variants)
        for variant in rng.sample(template.variants, min(some, len(template.variants))):
            for plan in rng.sample(fitting[id(template)], 3):
                text = module.fill(variant, plan, rng)
                assert parse_plans(text, language) == [plan], text


@pytest.mark.parametrize(
    "text",
    [
        "How many small metal things are left of the red cube?",
        "how many tiny shiny objects are to the left of red block",
        "Could you tell me: how many small metal things are there on the left of the red cube",
        "There is a red cube; how many small shiny things are left of it?",
        "count the metal small items that are left of the red cube, please",
        "红色立方体左边有几个小的金属物体？",
        "请问红方块的左侧有多少个小金属东西",
        "有一个红色的正方体，它左面有几个有光泽的小物体？",
        "红色立方体左边的小金属物体一共有几个？",
    ],
)
def test_one_meaning_in_many_words(text):
    assert plan_of(parse(text)) == SMALL_METAL_LEFT_OF_RED_CUBE


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("what's the colour of the big ball?", "query_color"),
        ("The red cube's color?", "query_color"),
        ("color of the big ball", "query_color"),
        ("What is the thing behind the ball made of?", "query_material"),
        ("How big is the cylinder?", "query_size"),
        ("Is there anything else that has the same size as the cube?", "exist"),
        ("Do the cube and the ball have the same shape?", "equal_shape"),
        ("Is the cube the same color as the ball?", "equal_color"),
        ("Are there fewer cubes than balls left of the cylinder?", "less_than"),
        ("Are there as many cubes as red things?", "equal_integer"),
        ("大球是什么颜色", "query_color"),
        ("有没有和立方体一样大的东西？", "exist"),
        ("红球比蓝球多吗？", "greater_than"),
        ("红球和方块的颜色一样吗", "equal_color"),
    ],
)
def test_everyday_wordings(text, functions):
    assert parse(text)[-1].function == functions


def test_case_articles_marks_and_politeness_are_free(scenes):
    rng = Random(4)
    for scene in scenes[:60]:
        plan = sample_plan(SceneIndex(scene), "one_hop", rng)
        if plan is None:
            continue
        text = write(plan, "en", rng)
        bare = re.sub(r"\b(the|a|an) ", "", text.lower()).strip("?.")
        for variant in (text.upper(), bare, "Please tell me: " + text, text[:-1] + " here?"):
            assert parse_plans(variant) == [plan], variant


@pytest.mark.parametrize(
    "text", ["", "?", "hello", "how many cats are there", "what color is", "你好", "几个", "🙂"]
)
def test_what_fits_no_template_is_refused_in_words(text):
    with pytest.raises(QuestionError):
        parse(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.sampled_from([None, "en", "zh"]))
def test_parsing_any_text_is_a_reading_or_none(text, language):
    assert isinstance(parse_plans(text, language), list)


def test_unknown_language_is_refused():
    with pytest.raises(ConfigError, match="fr"):
        write(SMALL_METAL_LEFT_OF_RED_CUBE, "fr", Random(1))
    with pytest.raises(ConfigError, match="fr"):
        answer_in("fr", "yes")
    with pytest.raises(ConfigError, match="fr"):
        parse_plans("x", "fr")


def test_answers_in_both_languages():
    canonical = ["yes", "no", *(str(n) for n in range(11))]
    canonical += [v for values in ATTRIBUTES.values() for v in values]
    assert [answer_in("en", a) for a in canonical] == canonical
    chinese = [answer_in("zh", a) for a in canonical]
    assert len(set(chinese)) == len(chinese)
    assert chinese[:3] == ["是", "否", "0"]
    assert not any(re.search("[a-z]", a) for a in chinese)


@pytest.mark.parametrize("language", LANGUAGES)
def test_vocabulary_holds_all_that_is_written(scenes, language):
    token = "'s|[a-z]+" if language == "en" else "[\u4e00-\u9fff]"
    known = vocabulary(language)
    written = set()
    families = dict.fromkeys((*FAMILIES, *REPLY_FAMILIES), 1.0)
    sampler = QuestionSampler(9, families, (language,), decorated=0.4, noise=0.0)
    for scene in scenes:
        for q in sampler.sample(scene, 60, scene.index):
            written |= set(re.findall(token, q.text.lower()))
    assert written <= known
    assert len(written) > 0.85 * len(known)


def test_synonyms_are_all_used(scenes):
    sampler = QuestionSampler(9, decorated=0.2, noise=0.0)
    text = " ".join(q.text.lower() for s in scenes for q in sampler.sample(s, 20, s.index))
    for word in (
        "thing object sphere ball cube block metal metallic shiny rubber matte large big small "
        "tiny colour anything"
    ).split():
        assert re.search(rf"\b{word}s?\b", text), word
    for phrase in ("left of", "to the left of", "on the left side of", "in front of", "behind"):
        assert f" {phrase} " in text, phrase


def test_noise_changes_some_texts_a_little():
    changed = 0
    for language in LANGUAGES:
        for seed in range(100):
            clean = write(SMALL_METAL_LEFT_OF_RED_CUBE, language, Random(seed))
            noisy = write(SMALL_METAL_LEFT_OF_RED_CUBE, language, Random(seed), noise=1.0)
            changed += clean != noisy
            assert len(clean) - 20 <= len(noisy) <= len(clean) + 1
    assert changed > 120
