from __future__ import annotations

import pytest

from vqa.errors import DataError
from vqa.world.programs import SIGNATURES, execute, program_from_clevr, program_to_clevr
from vqa.world.scene import ATTRIBUTES
from vqa.world.scene_index import SceneIndex, ids_of


def chain(*calls: str) -> list[dict]:
    """A chain of calls, each "name" or "name:value", in CLEVR's form."""
    nodes = []
    for i, call in enumerate(calls):
        name, _, value = call.partition(":")
        nodes.append(
            {
                "function": name,
                "inputs": [i - 1] if i else [],
                "value_inputs": [value] if value else [],
            }
        )
    return nodes


def two(first: list[dict], second: list[dict], *last: str) -> list[dict]:
    """Two chains and a chain that begins with a function of both."""
    shift = len(first)
    moved = [{**n, "inputs": [i + shift for i in n["inputs"]]} for n in second]
    nodes = first + moved
    for name in last:
        inputs = [len(nodes) - 1] if name != last[0] else [shift - 1, len(nodes) - 1]
        nodes.append({"function": name, "inputs": inputs, "value_inputs": []})
    return nodes


BLUE = ("scene", "filter_color:blue", "unique")
GREEN = ("scene", "filter_color:green", "unique")
CASES = [
    (chain("scene", "count"), "4"),
    (chain("scene", "filter_color:red", "count"), "2"),
    (chain("scene", "filter_shape:sphere", "count"), "2"),
    (chain("scene", "filter_size:large", "count"), "2"),
    (chain("scene", "filter_material:rubber", "count"), "1"),
    (chain("scene", "filter_color:cyan", "exist"), "no"),
    (chain("scene", "filter_color:blue", "exist"), "yes"),
    (chain(*BLUE, "relate:left", "count"), "2"),
    (chain(*BLUE, "relate:right", "count"), "1"),
    (chain(*BLUE, "relate:behind", "count"), "1"),
    (chain(*BLUE, "relate:front", "count"), "2"),
    (chain(*BLUE, "same_size", "count"), "1"),
    (chain(*BLUE, "same_color", "count"), "0"),
    (chain(*BLUE, "same_material", "count"), "2"),
    (chain(*BLUE, "same_shape", "unique", "query_color"), "red"),
    (chain(*GREEN, "query_color"), "green"),
    (chain(*GREEN, "query_shape"), "cylinder"),
    (chain(*GREEN, "query_size"), "large"),
    (chain(*GREEN, "query_material"), "metal"),
    (two(chain(*BLUE, "relate:left"), chain(*GREEN, "relate:left"), "intersect", "count"), "2"),
    (two(chain(*BLUE, "relate:left"), chain(*GREEN, "relate:left"), "union", "count"), "3"),
    (two(chain(*BLUE, "query_size"), chain(*GREEN, "query_size"), "equal_size"), "no"),
    (two(chain(*BLUE, "query_color"), chain(*BLUE, "query_color"), "equal_color"), "yes"),
    (two(chain(*BLUE, "query_shape"), chain(*GREEN, "query_shape"), "equal_shape"), "no"),
    (
        two(chain(*BLUE, "query_material"), chain(*GREEN, "query_material"), "equal_material"),
        "yes",
    ),
    (two(chain("scene", "count"), chain(*BLUE, "count"), "greater_than"), "yes"),
    (two(chain("scene", "count"), chain(*BLUE, "count"), "less_than"), "no"),
    (two(chain(*GREEN, "count"), chain(*BLUE, "count"), "equal_integer"), "yes"),
    (two(chain(*GREEN, "count"), chain(*BLUE, "count"), "greater_than"), "no"),
    (two(chain(*GREEN, "count"), chain(*BLUE, "count"), "less_than"), "no"),
]


@pytest.mark.parametrize(("nodes", "answer"), CASES)
def test_executes_by_hand(row, nodes, answer):
    run = execute(program_from_clevr(nodes), SceneIndex(row))
    assert run.well_posed
    assert run.answer == answer


def test_the_cases_above_name_every_function():
    named = {n["function"] for nodes, _ in CASES for n in nodes}
    assert named == set(SIGNATURES)


def test_sets_of_every_node(row):
    program = program_from_clevr(chain(*BLUE, "relate:left", "filter_color:red", "count"))
    sets = execute(program, SceneIndex(row)).sets
    assert [None if s is None else ids_of(s) for s in sets] == [
        [0, 1, 2, 3],
        [2],
        [2],
        [0, 1],
        [0, 1],
        None,
    ]


@pytest.mark.parametrize("color", ["red", "cyan"])  # two objects, no object
def test_unique_that_finds_not_one_object_is_not_well_posed(row, color):
    program = program_from_clevr(chain("scene", f"filter_color:{color}", "unique", "query_shape"))
    run = execute(program, SceneIndex(row))
    assert (run.answer, run.well_posed) == (None, False)


def test_reads_both_keys_and_writes_clevr_form():
    nodes = chain(*BLUE, "relate:left", "count")
    older = [{("type" if k == "function" else k): v for k, v in n.items()} for n in nodes]
    assert program_from_clevr(older) == program_from_clevr(nodes)
    assert program_to_clevr(program_from_clevr(nodes)) == nodes


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        chain("scene", "paint"),
        chain("scene", "filter_color:pink"),
        chain("scene", "filter_color"),
        chain("scene", "count:3"),
        [{"function": "count", "inputs": [0], "value_inputs": []}],
        [{"function": "scene"}],
        [{"inputs": []}],
    ],
)
def test_malformed_programs_are_refused_in_words(nodes):
    with pytest.raises(DataError):
        program_from_clevr(nodes)


def test_index_agrees_with_the_objects(scenes):
    for scene in scenes[:20]:
        index = SceneIndex(scene)
        for i, obj in enumerate(scene.objects):
            for direction, related in index.relations.items():
                assert ids_of(related[i]) == sorted(scene.relations[direction][i])
            for attribute in ATTRIBUTES:
                twins = [
                    j
                    for j, other in enumerate(scene.objects)
                    if j != i and other.attribute(attribute) == obj.attribute(attribute)
                ]
                assert ids_of(index.same[attribute][i]) == twins
