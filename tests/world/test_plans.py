from __future__ import annotations

from random import Random

import pytest

from vqa.errors import DataError
from vqa.world.families import FAMILIES
from vqa.world.plans import MAX_SET_STEPS, SetStep, execute_plan, plan_of, set_steps
from vqa.world.programs import execute, program_from_clevr
from vqa.world.scene_index import SceneIndex

# Family -> the operations its steps can have.
SHAPES = {
    "zero_hop": {"scene"},
    "one_hop": {"scene relate"},
    "two_hop": {"scene relate relate"},
    "three_hop": {"scene relate relate relate"},
    "single_and": {"scene relate scene relate intersect"},
    "single_or": {
        "scene scene union",
        "scene relate scene relate union",
        "scene relate scene union",
        "scene scene relate union",
    },
    "same_attribute": {"scene same"},
    "compare_integer": {
        "scene scene",
        "scene relate scene",
        "scene scene relate",
        "scene relate scene relate",
    },
}
SHAPES["compare_attribute"] = SHAPES["compare_integer"]


@pytest.mark.parametrize("family", FAMILIES)
def test_steps_of_a_family_and_agreement_of_both_executors(scenes, family):
    rng = Random(3)
    shapes = set()
    for scene in scenes[:100]:
        index = SceneIndex(scene)
        plan = FAMILIES[family](index, rng)
        if plan is None:
            continue
        shapes.add(" ".join(s.op for s in plan.steps))
        assert len(plan.steps) <= MAX_SET_STEPS
        program = plan.program()
        assert plan_of(program) == plan
        run, by_plan = execute(program, index), execute_plan(plan, index)
        assert (run.answer, run.well_posed) == (by_plan.answer, by_plan.well_posed)
        assert set(by_plan.step_sets) <= set(run.sets)
    assert shapes == SHAPES[family]


def nodes(*calls):
    return program_from_clevr(
        [{"function": f, "inputs": i, "value_inputs": v} for f, i, v in calls]
    )


def test_filters_join_their_step_and_unique_is_transparent():
    program = nodes(
        ("scene", [], []),
        ("filter_size", [0], ["small"]),
        ("filter_color", [1], ["red"]),
        ("unique", [2], []),
        ("relate", [3], ["left"]),
        ("filter_shape", [4], ["cube"]),
        ("count", [5], []),
    )
    assert set_steps(program) == [
        SetStep("scene", "", (), {"color": "red", "size": "small"}),
        SetStep("relate", "left", (0,), {"shape": "cube"}),
    ]


def test_order_of_independent_nodes_does_not_matter():
    tidy = nodes(
        ("scene", [], []),
        ("filter_color", [0], ["red"]),
        ("scene", [], []),
        ("filter_color", [2], ["blue"]),
        ("union", [1, 3], []),
        ("count", [4], []),
    )
    mixed = nodes(
        ("scene", [], []),
        ("scene", [], []),
        ("filter_color", [1], ["blue"]),
        ("filter_color", [0], ["red"]),
        ("union", [3, 2], []),
        ("count", [4], []),
    )
    assert plan_of(mixed) == plan_of(tidy)


def test_two_values_of_one_attribute_are_refused():
    program = nodes(
        ("scene", [], []),
        ("filter_color", [0], ["red"]),
        ("filter_color", [1], ["blue"]),
        ("count", [2], []),
    )
    with pytest.raises(DataError, match="red|blue"):
        plan_of(program)


def test_a_program_without_answer_is_refused():
    with pytest.raises(DataError, match="scene"):
        plan_of(nodes(("scene", [], [])))


def test_an_ambiguous_referent_is_not_well_posed(row):
    program = nodes(
        ("scene", [], []),
        ("filter_color", [0], ["red"]),
        ("unique", [1], []),
        ("relate", [2], ["left"]),
        ("count", [3], []),
    )
    run = execute_plan(plan_of(program), SceneIndex(row))
    assert (run.answer, run.well_posed, run.step_sets) == (None, False, [0b0011, 0])
