"""Simulated dialogues about one scene: a question, then one or two that lean on the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from vqa.world.grammar import LANGUAGES, write
from vqa.world.grammar.followups import what_it_means
from vqa.world.grammar.parser import Tree, plan_from, tree_of
from vqa.world.plans import MAX_SET_STEPS, Plan, SetStep, execute_plan, select
from vqa.world.questions import sample_plan
from vqa.world.replies import reply, sample_reply
from vqa.world.sampling import DIRECTION_NAMES
from vqa.world.scene import COLORS, SHAPES
from vqa.world.scene_index import ATTRIBUTE_NAMES, SceneIndex

_DRAWS = 12
_LONGEST = 3  # relations in a row that a question may have

_TEXTS = {
    "en": {
        "attribute": (
            "What {a} is it?",
            "And what {a} is it?",
            "What is its {a}?",
            "And its {a}?",
            "What about its {a}?",
            "And what is the {a} of it?",
        ),
        "count": ("How many {h} are {d} it?", "And how many {h} are there {d} it?"),
        "exist": ("Is there anything {d} it?", "Are there any things {d} that one?"),
        "describe": ("What is {d} it?", "And what is {d} it?", "What can you see {d} that thing?"),
        "relation": ("And {d} it?", "What about {d} it?", "And {d} that one?"),
        "noun": ("And {n}?", "What about {n}?", "How about {n}?"),
    },
    "zh": {
        "attribute": ("它是什么{a}？", "它的{a}呢？", "那它的{a}是什么？", "那{a}呢？"),
        "count": ("它{d}有几个{h}？", "那它的{d}有多少个{h}？"),
        "exist": ("它{d}有没有东西？", "它的{d}有物体吗？"),
        "describe": ("它{d}是什么？", "那它的{d}有什么？"),
        "relation": ("那它{d}呢？", "它的{d}呢？"),
        "noun": ("那{n}呢？", "{n}呢？"),
    },
}


@dataclass(frozen=True)
class Exchange:
    """One question as typed, what it asks when it stands alone, and its answer: canonical for
    words, the text for sentences."""

    text: str
    plan: Plan
    answer: str


def sample_dialogue(
    index: SceneIndex, language: str, turns: int, rng: Random
) -> list[Exchange] | None:
    """A dialogue of `turns` questions; None when this scene gave none."""
    for _ in range(_DRAWS):
        said = [_opening(index, language, rng)]
        while said[-1] is not None and len(said) < turns:
            said.append(_next(index, said[-1].plan, language, rng))
        if said[-1] is not None:
            return said
    return None


def _opening(index: SceneIndex, language: str, rng: Random) -> Exchange | None:
    family = rng.choice(("zero_hop", "one_hop", "one_hop", "describe_object"))
    draw = sample_reply if family == "describe_object" else sample_plan
    plan = draw(index, family, rng)
    return plan and _answered(index, plan, write(plan, language, rng), language)


def _answered(index: SceneIndex, plan: Plan, text: str, language: str) -> Exchange | None:
    """The question with its answer; None where it has none, or is too long."""
    relations = sum(step.op in ("relate", "same") for step in plan.steps)
    if len(plan.steps) > MAX_SET_STEPS or relations > _LONGEST:
        return None
    sets, well_posed = select(plan.steps, index)
    if not well_posed:
        return None
    if plan.answer.kind == "describe":
        if sets[plan.answer.inputs[0]].bit_count() != 1:
            return None
        return Exchange(text, plan, reply(plan, "describe_object", index, language)[0].text)
    answer = execute_plan(plan, index).answer
    return None if answer is None else Exchange(text, plan, answer)


def _next(index: SceneIndex, before: Plan, language: str, rng: Random) -> Exchange | None:
    it = what_it_means(before)
    sets, _ = select(plan_from([it], "describe", "").steps, index)
    if sets[-1].bit_count() != 1:
        return None
    kind = rng.choice(("attribute", "attribute", "count", "exist", "describe", "relation", "noun"))
    found = _ASKED[kind](before, it, rng)
    if found is None:
        return None
    plan, filled = found
    module = LANGUAGES[language]
    words = {
        "a": lambda: rng.choice(module.ATTRIBUTES[filled["a"]]),
        "d": lambda: rng.choice(module.DIRECTIONS[filled["d"]]),
        "h": lambda: "things" if language == "en" else "物体",
        "n": lambda: module.phrase([filled["n"]], 0, rng),
    }
    pattern = rng.choice(_TEXTS[language][kind])
    for name, say in words.items():
        if f"{{{name}}}" in pattern:
            pattern = pattern.replace(f"{{{name}}}", say())
    return _answered(index, plan, pattern, language)


Asked = tuple[Plan, dict] | None


def _attribute(before: Plan, it: Tree, rng: Random) -> Asked:
    attribute = rng.choice(ATTRIBUTE_NAMES)
    return plan_from([it], "query", attribute), {"a": attribute}


def _related(kind: str) -> Callable[[Plan, Tree, Random], Asked]:
    def ask(before: Plan, it: Tree, rng: Random) -> Asked:
        direction = rng.choice(DIRECTION_NAMES)
        return plan_from([Tree("relate", direction, (it,))], kind, ""), {"d": direction}

    return ask


def _relation(before: Plan, it: Tree, rng: Random) -> Asked:
    """The same question about another direction."""
    last = tree_of(before.steps, before.answer.inputs[0])
    one = before.answer.kind in ("query", "describe")
    direction = rng.choice(DIRECTION_NAMES)
    tree = Tree("relate", direction, (it,), () if one else last.filters)
    return plan_from([tree], before.answer.kind, before.answer.attribute), {"d": direction}


def _noun(before: Plan, it: Tree, rng: Random) -> Asked:
    """The same question about another object, named by shape and color."""
    filters = {"color": rng.choice(COLORS), "shape": rng.choice(SHAPES)}
    noun = Tree("scene", filters=tuple(sorted(filters.items())))
    last, kind = tree_of(before.steps, before.answer.inputs[0]), before.answer.kind
    counted = kind not in ("query", "describe") and last.op == "relate"
    tree = last._replace(children=(noun,)) if counted else noun
    plan = plan_from([tree], kind, before.answer.attribute)
    return plan, {"n": SetStep("scene", "", (), filters)}


_ASKED: dict[str, Callable[[Plan, Tree, Random], Asked]] = {
    "attribute": _attribute,
    "count": _related("count"),
    "exist": _related("exist"),
    "describe": _related("describe"),
    "relation": _relation,
    "noun": _noun,
}
