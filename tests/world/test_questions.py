from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest

from vqa.errors import ConfigError
from vqa.world.families import FAMILIES
from vqa.world.plans import Plan, SetStep, execute_plan
from vqa.world.questions import QuestionSampler, sample_plan
from vqa.world.scene import ATTRIBUTES
from vqa.world.scene_index import SceneIndex


@pytest.fixture(scope="module")
def asked(scenes):
    """(index, question) of many scenes."""
    sampler = QuestionSampler(11, languages=("en", "zh"))
    pairs = []
    for scene in scenes:
        index = SceneIndex(scene)
        pairs += [(index, q) for q in sampler.sample(index, 60, scene.index)]
    return pairs


def replaced(plan: Plan, place: int, step: SetStep) -> Plan:
    return Plan([*plan.steps[:place], step, *plan.steps[place + 1 :]], plan.answer)


def test_all_families_and_languages_come_up(asked):
    families = Counter(q.family for _, q in asked)
    assert set(families) == set(FAMILIES)
    assert min(families.values()) > 0.6 * len(asked) / len(FAMILIES)
    languages = Counter(q.language for _, q in asked)
    assert abs(languages["en"] - languages["zh"]) < 0.1 * len(asked)


def test_every_question_is_well_posed_and_carries_its_truth(asked):
    for index, q in asked:
        run = execute_plan(q.plan, index)
        assert run.well_posed
        assert (run.answer, run.step_sets) == (q.answer, q.step_sets)
        assert q.text.strip()


def test_no_relation_is_idle(asked):
    """The whole scene (for a same: all others) in the place of a relation changes its set."""
    seen = 0
    for index, q in asked:
        for place, step in enumerate(q.plan.steps):
            if step.op not in ("relate", "same") or "intersect" in (s.op for s in q.plan.steps):
                continue
            whole = index.all
            if step.op == "same":
                whole &= ~q.step_sets[step.inputs[0]]
            for attribute, value in step.filters.items():
                whole &= index.filters[attribute][value]
            assert whole != q.step_sets[place], q.text
            seen += 1
    assert seen > 1000


def test_no_side_of_an_intersection_or_union_is_idle(asked):
    seen = Counter()
    for index, q in asked:
        last = q.plan.steps[-1]
        if last.op not in ("intersect", "union"):
            continue
        seen[last.op] += 1
        a, b = (q.step_sets[i] for i in last.inputs)
        if last.op == "union":
            # One side may be empty: people ask for what is not there.
            assert a | b, q.text
            assert not (a and b) or a | b not in (a, b), q.text
            continue
        for side in (a, b):
            for attribute, value in last.filters.items():
                side &= index.filters[attribute][value]
            assert side != q.step_sets[-1], q.text
    assert min(seen.values()) > 200


def test_no_filter_of_a_counted_or_sought_set_is_idle(asked):
    for index, q in asked:
        if q.plan.answer.kind not in ("count", "exist") or not q.step_sets[-1]:
            continue
        last = q.plan.steps[-1]
        if last.filters:
            bare = execute_plan(
                replaced(q.plan, len(q.plan.steps) - 1, replace(last, filters={})), index
            )
            assert bare.step_sets[-1] != q.step_sets[-1], q.text


def test_an_asked_attribute_is_never_named(asked):
    for _, q in asked:
        if q.plan.answer.kind in ("query", "equal"):
            for i in q.plan.answer.inputs:
                assert q.plan.answer.attribute not in q.plan.steps[i].filters, q.text


@pytest.mark.parametrize("family", FAMILIES)
def test_yes_and_no_are_balanced(asked, family):
    answers = Counter(q.answer for _, q in asked if q.family == family)
    total = answers["yes"] + answers["no"]
    assert total > 50
    # Within 3.5 standard deviations of a fair coin, and a bias of 2 % for what scenes refuse.
    assert abs(answers["yes"] / total - 0.5) < 0.02 + 3.5 * 0.5 / total**0.5


def test_attribute_answers_are_near_uniform(asked):
    answers = Counter(q.answer for _, q in asked if q.plan.answer.kind == "query")
    for attribute, values in ATTRIBUTES.items():
        total = sum(answers[v] for v in values)
        for value in values:
            assert 0.7 < answers[value] * len(values) / total < 1.35, (attribute, value)


def test_counts_are_flat_as_far_as_scenes_allow(asked):
    counts = Counter(q.answer for _, q in asked if q.plan.answer.kind == "count")
    total = sum(counts.values())
    for count in "0123":
        assert 0.1 < counts[count] / total < 0.35
    assert counts["4"] / total > 0.05
    assert sum(counts[c] for c in "56789") / total > 0.03


def test_zero_hop_no_is_a_near_miss(asked):
    """What is not there differs in one attribute from something that is."""
    seen = 0
    for index, q in asked:
        if (q.family, q.answer) != ("zero_hop", "no"):
            continue
        filters = q.plan.steps[-1].filters
        gaps = []
        for i in range(index.size):
            gaps.append(sum(index.values[a][i] != v for a, v in filters.items()))
        assert min(gaps) == 1
        seen += 1
    assert seen > 20


def test_draws_depend_on_seed_and_scene_number_alone(scenes):
    texts = [
        [q.text for q in QuestionSampler(2).sample(scene, 5, scene.index)] for scene in scenes[:9]
    ]
    sampler = QuestionSampler(2)
    backwards = [[q.text for q in sampler.sample(scene, 5, scene.index)] for scene in scenes[8::-1]]
    assert texts == backwards[::-1]
    other = [q.text for q in QuestionSampler(3).sample(scenes[0], 5, 0)]
    assert other != texts[0]
    other = [q.text for q in QuestionSampler(2).sample(scenes[0], 5, 1)]
    assert other != texts[0]


_SCRIPT = """
import pathlib, runpy
from random import Random
space = runpy.run_path({conftest!r})
from vqa.world.questions import QuestionSampler
rng = Random(5)
sampler = QuestionSampler(2, languages=("en", "zh"), decorated=0.5, noise=0.5)
for number in range(10):
    for q in sampler.sample(space["random_scene"](rng), 6, number):
        print(q.family, q.language, q.text, q.answer, q.step_sets)
"""


def test_processes_agree_whatever_their_hash_seed(request):
    conftest = str(request.path.parent / "conftest.py")
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _SCRIPT.format(conftest=conftest)],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"},
            cwd=request.config.rootpath,
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"\n") == 60


def test_weights_choose_the_families(scenes):
    sampler = QuestionSampler(1, families={"two_hop": 1.0, "zero_hop": 0.0})
    assert {q.family for q in sampler.sample(scenes[1], 30, 1)} == {"two_hop"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"families": {"four_hop": 1.0}},
        {"families": {"one_hop": 0.0}},
        {"families": {"one_hop": -1.0}},
        {"families": {}},
        {"languages": ()},
        {"languages": ("fr",)},
    ],
)
def test_wrong_settings_are_refused_in_words(arguments):
    with pytest.raises(ConfigError):
        QuestionSampler(1, **arguments)


def test_unknown_family_is_refused(scenes):
    with pytest.raises(ConfigError, match="four_hop"):
        sample_plan(SceneIndex(scenes[0]), "four_hop", None)


def test_fast_enough_to_feed_training(scenes):
    """Over 2,000 a second on an idle core; the bound leaves room for a busy machine."""
    sampler = QuestionSampler(4)
    start = time.process_time()
    made = sum(len(sampler.sample(scene, 10, scene.index)) for scene in scenes)
    assert made / (time.process_time() - start) > 1000
