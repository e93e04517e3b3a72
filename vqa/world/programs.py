"""Functional programs over scenes, in CLEVR's form, and their executor.

A program is a list of nodes, each naming a function, the earlier nodes it reads and its literal
arguments; the last node gives the answer. The functions are those of CLEVR (Johnson et al. 2017,
appendix A).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vqa.errors import DataError
from vqa.world.scene import ATTRIBUTES, DIRECTIONS
from vqa.world.scene_index import SceneIndex

COMPARISONS = ("equal_integer", "less_than", "greater_than")


@dataclass(frozen=True, slots=True)
class Node:
    """One function call.

    Attributes:
        function: name of the function, e.g. "filter_color".
        inputs: places in the program of the nodes it reads.
        value_inputs: its literal arguments, e.g. ("red",).
    """

    function: str
    inputs: tuple[int, ...] = ()
    value_inputs: tuple[str, ...] = ()


Program = tuple[Node, ...]

# function -> (number of inputs, allowed literal or None when it takes none)
SIGNATURES: dict[str, tuple[int, tuple[str, ...] | None]] = {
    "scene": (0, None),
    "unique": (1, None),
    "relate": (1, tuple(DIRECTIONS)),
    "union": (2, None),
    "intersect": (2, None),
    "count": (1, None),
    "exist": (1, None),
    **{name: (2, None) for name in COMPARISONS},
    **{f"filter_{a}": (1, values) for a, values in ATTRIBUTES.items()},
    **{f"same_{a}": (1, None) for a in ATTRIBUTES},
    **{f"query_{a}": (1, None) for a in ATTRIBUTES},
    **{f"equal_{a}": (2, None) for a in ATTRIBUTES},
}


def program_from_clevr(nodes: Sequence[dict]) -> Program:
    """Reads a program as CLEVR's questions.json holds it.

    The function is read from the key "function" or, as older files have it, "type".

    Raises:
        DataError: an unknown function, wrong inputs or an unknown literal; names the node.
    """
    if not nodes:
        raise DataError("The program has no node; each question needs one.")
    program = []
    for place, entry in enumerate(nodes):
        try:
            name = entry["function"] if "function" in entry else entry["type"]
            node = Node(name, tuple(entry["inputs"]), tuple(entry.get("value_inputs", ())))
        except (KeyError, TypeError) as error:
            raise DataError(
                f"Program node {place} is malformed ({error}); "
                "it needs function, inputs and value_inputs."
            ) from error
        _check(node, place)
        program.append(node)
    return tuple(program)


def _check(node: Node, place: int) -> None:
    if node.function not in SIGNATURES:
        raise DataError(
            f"Program node {place}: unknown function {node.function!r}; "
            f"choose one of: {', '.join(sorted(SIGNATURES))}."
        )
    arity, literals = SIGNATURES[node.function]
    if len(node.inputs) != arity or not all(
        isinstance(i, int) and 0 <= i < place for i in node.inputs
    ):
        raise DataError(
            f"Program node {place}: {node.function} takes {arity} input(s) from earlier nodes, "
            f"not {list(node.inputs)}."
        )
    if literals is None:
        if node.value_inputs:
            raise DataError(f"Program node {place}: {node.function} takes no literal.")
    elif len(node.value_inputs) != 1 or node.value_inputs[0] not in literals:
        raise DataError(
            f"Program node {place}: {node.function} takes one of {', '.join(literals)}, "
            f"not {list(node.value_inputs)}."
        )


def program_to_clevr(program: Program) -> list[dict]:
    """The program as CLEVR's questions.json holds it."""
    return [
        {"function": n.function, "inputs": list(n.inputs), "value_inputs": list(n.value_inputs)}
        for n in program
    ]


@dataclass(frozen=True, slots=True)
class Execution:
    """What running a program gave.

    Attributes:
        answer: "yes" / "no", "0".."10", or an attribute value; None when not well-posed.
        sets: for each node the mask of objects it selects; None for nodes that select none
            (numbers, attribute values, truth values) and for nodes that were not reached.
        well_posed: False when a `unique` did not find exactly one object.
    """

    answer: str | None
    sets: tuple[int | None, ...]
    well_posed: bool


def execute(program: Program, index: SceneIndex) -> Execution:
    """Runs `program`, as `program_from_clevr` or `Plan.program` gives it, on a scene."""
    results: list = []
    sets: list[int | None] = [None] * len(program)
    for place, node in enumerate(program):
        inputs = [results[i] for i in node.inputs]
        if node.function == "unique" and inputs[0].bit_count() != 1:
            return Execution(None, tuple(sets), False)
        value = _run(node, inputs, index)
        results.append(value)
        if _selects(node.function):
            sets[place] = value
    return Execution(_answer(results[-1]), tuple(sets), True)


def _selects(function: str) -> bool:
    return function in ("scene", "unique", "relate", "union", "intersect") or (
        function.startswith(("filter_", "same_"))
    )


def _run(node: Node, inputs: list, index: SceneIndex) -> int | str | bool:
    """The value of one node: a mask, a count, an attribute value or a truth value."""
    name, _, attribute = node.function.partition("_")
    match name:
        case "scene":
            return index.all
        case "filter":
            return inputs[0] & index.filters[attribute][node.value_inputs[0]]
        case "unique":
            return inputs[0]
        case "relate":
            return index.relations[node.value_inputs[0]][inputs[0].bit_length() - 1]
        case "same":
            return index.same[attribute][inputs[0].bit_length() - 1]
        case "union":
            return inputs[0] | inputs[1]
        case "intersect":
            return inputs[0] & inputs[1]
        case "count":
            return inputs[0].bit_count()
        case "exist":
            return inputs[0] != 0
        case "query":
            return index.values[attribute][inputs[0].bit_length() - 1]
        case "less":
            return inputs[0] < inputs[1]
        case "greater":
            return inputs[0] > inputs[1]
        case _:  # equal_integer and equal_<attribute>
            return inputs[0] == inputs[1]


def _answer(value: int | str | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
