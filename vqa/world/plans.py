"""Programs in condensed form: set steps and one answer operation.

A run of filters belongs to the step it follows (scene, relate, same, union, intersect), and
`unique` is implied wherever a single object is needed. So each step is one hop of reasoning that
selects a set of objects, which is what attention is supervised with; and two programs mean the
same exactly when their plans are equal, which makes the plan their normal form.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vqa.errors import DataError
from vqa.world.programs import COMPARISONS, Node, Program
from vqa.world.scene_index import ATTRIBUTE_NAMES, SceneIndex

# Kinds of answer that list a set's values of an attribute, and the direction they are read in.
LISTS = {"list_right": "right", "list_left": "left", "list_behind": "behind", "list_front": "front"}
MAX_SET_STEPS = 5  # the longest family: two referents, a relation of each, their intersection


@dataclass(slots=True)
class SetStep:
    """One set of objects.

    Attributes:
        op: "scene", "relate", "same", "union" or "intersect".
        argument: the direction of a relate, the attribute of a same, else "".
        inputs: places of the earlier steps it reads.
        filters: attribute -> value that the objects must have, at most one value each.
    """

    op: str
    argument: str = ""
    inputs: tuple[int, ...] = ()
    filters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class AnswerOp:
    """How the answer is read off the sets.

    Attributes:
        kind: "count", "exist", "query", "equal_integer", "less_than", "greater_than" or "equal"
            (do two objects share an attribute); or one whose answer is not a word, and that no
            CLEVR program has: "describe" an object, "scene" (describe all of it), one of `LISTS`.
        attribute: the attribute of "query", "equal" and `LISTS`, else "".
        inputs: places of the one or two set steps it reads.
    """

    kind: str
    attribute: str
    inputs: tuple[int, ...]


@dataclass(slots=True)
class Plan:
    """Set steps in post-order (inputs before their reader) and the answer operation."""

    steps: list[SetStep]
    answer: AnswerOp

    def program(self) -> Program:
        """The plan as a CLEVR program; filters in the order size, color, material, shape."""
        nodes: list[Node] = []
        ends: list[int] = []
        for step in self.steps:
            inputs = [ends[i] for i in step.inputs]
            if step.op in ("relate", "same"):
                inputs = [_append(nodes, "unique", inputs)]
            if step.op == "relate":
                end = _append(nodes, "relate", inputs, step.argument)
            elif step.op == "same":
                end = _append(nodes, f"same_{step.argument}", inputs)
            else:
                end = _append(nodes, step.op, inputs)
            for attribute in ATTRIBUTE_NAMES:
                if attribute in step.filters:
                    end = _append(nodes, f"filter_{attribute}", [end], step.filters[attribute])
            # The answer reads single objects by `unique`; CLEVR puts it right behind the set.
            if self.answer.kind in ("query", "equal") and len(ends) in self.answer.inputs:
                end = _append(nodes, "unique", [end])
                end = _append(nodes, f"query_{self.answer.attribute}", [end])
            elif self.answer.kind in COMPARISONS and len(ends) in self.answer.inputs:
                end = _append(nodes, "count", [end])
            ends.append(end)
        inputs = [ends[i] for i in self.answer.inputs]
        if self.answer.kind == "equal":
            _append(nodes, f"equal_{self.answer.attribute}", inputs)
        elif self.answer.kind != "query":
            _append(nodes, self.answer.kind, inputs)
        return tuple(nodes)


def _append(nodes: list[Node], function: str, inputs: list[int], value: str = "") -> int:
    nodes.append(Node(function, tuple(inputs), (value,) if value else ()))
    return len(nodes) - 1


@dataclass(slots=True)
class PlanExecution:
    """What running a plan gave.

    Attributes:
        answer: as `programs.Execution.answer`; None when not well-posed.
        step_sets: for each set step the mask of objects it selects (0 for those not reached).
        well_posed: False when a single object was needed and not exactly one was found.
    """

    answer: str | None
    step_sets: list[int]
    well_posed: bool


def step_mask(step: SetStep, sets: list[int], index: SceneIndex) -> int:
    """The set of `step`, given the sets of the steps before; relate and same read one object."""
    op = step.op
    if op == "scene":
        mask = index.all
    elif op == "relate":
        mask = index.relations[step.argument][sets[step.inputs[0]].bit_length() - 1]
    elif op == "same":
        mask = index.same[step.argument][sets[step.inputs[0]].bit_length() - 1]
    elif op == "union":
        mask = sets[step.inputs[0]] | sets[step.inputs[1]]
    else:
        mask = sets[step.inputs[0]] & sets[step.inputs[1]]
    for attribute, value in step.filters.items():
        mask &= index.filters[attribute][value]
    return mask


def execute_plan(plan: Plan, index: SceneIndex) -> PlanExecution:
    """Runs a plan on a scene; agrees with `programs.execute` on the plan's program."""
    sets, well_posed = select(plan.steps, index)
    answer = read_answer(plan.answer, sets, index) if well_posed else None
    return PlanExecution(answer, sets, answer is not None)


def select(steps: list[SetStep], index: SceneIndex) -> tuple[list[int], bool]:
    """The set of each step, and whether every step that reads one object got exactly one; steps
    after one that did not have empty sets."""
    sets: list[int] = []
    for step in steps:
        if step.op in ("relate", "same") and sets[step.inputs[0]].bit_count() != 1:
            return sets + [0] * (len(steps) - len(sets)), False
        sets.append(step_mask(step, sets, index))
    return sets, True


def read_answer(op: AnswerOp, sets: list[int], index: SceneIndex) -> str | None:
    """The answer given all step sets; None when a single object was needed and not found."""
    masks = [sets[i] for i in op.inputs]
    kind = op.kind
    if kind == "count":
        return str(masks[0].bit_count())
    if kind == "exist":
        return "yes" if masks[0] else "no"
    if kind in ("query", "equal"):
        if any(m.bit_count() != 1 for m in masks):
            return None
        values = [index.values[op.attribute][m.bit_length() - 1] for m in masks]
        if kind == "query":
            return values[0]
        return "yes" if values[0] == values[1] else "no"
    a, b = (m.bit_count() for m in masks)
    truth = {"equal_integer": a == b, "less_than": a < b, "greater_than": a > b}[kind]
    return "yes" if truth else "no"


def plan_of(program: Program) -> Plan:
    """The condensed form of a program.

    Steps come in post-order from the answer, so the order of independent nodes in `program`
    does not matter.

    Raises:
        DataError: a chain filters one attribute by two values, or the last node is no answer.
    """
    steps: list[SetStep] = []
    last = program[-1]
    name, _, attribute = last.function.partition("_")
    if last.function in ("count", "exist"):
        answer = AnswerOp(last.function, "", (_collect(program, last.inputs[0], steps),))
    elif name == "query":
        answer = AnswerOp("query", attribute, (_collect(program, last.inputs[0], steps),))
    elif last.function in COMPARISONS or name == "equal":
        # The inputs are counts or queries; their own inputs are the sets.
        places = tuple(_collect(program, program[i].inputs[0], steps) for i in last.inputs)
        comparison = last.function in COMPARISONS
        answer = AnswerOp(*((last.function, "") if comparison else ("equal", attribute)), places)
    else:
        raise DataError(f"A program cannot end in {last.function}; it selects no answer.")
    return Plan(steps, answer)


def set_steps(program: Program) -> list[SetStep]:
    """The set steps of a program: `plan_of(program).steps`."""
    return plan_of(program).steps


def _collect(program: Program, place: int, steps: list[SetStep]) -> int:
    """Appends the step that ends at node `place` and all it needs; returns its place."""
    filters: dict[str, str] = {}
    node = program[place]
    while node.function == "unique" or node.function.startswith("filter_"):
        if node.value_inputs:
            attribute, value = node.function.partition("_")[2], node.value_inputs[0]
            if filters.setdefault(attribute, value) != value:
                raise DataError(
                    f"The program filters {attribute} by both {filters[attribute]} and {value}; "
                    "no object can have both."
                )
        node = program[node.inputs[0]]
    inputs = tuple(_collect(program, i, steps) for i in node.inputs)
    op, _, argument = node.function.partition("_")
    if op == "relate":
        argument = node.value_inputs[0]
    steps.append(SetStep(op, argument, inputs, filters))
    return len(steps) - 1
