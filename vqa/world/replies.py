"""Questions whose answers are sentences or ordered lists, with those answers.

As in `vqa.world.families` each family draws a plan that fits the scene; the reply is read off the
sets that the plan selects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from vqa.reply_space import join_list, join_pieces
from vqa.world.families import FAMILIES
from vqa.world.grammar import LANGUAGES, answer_in, write
from vqa.world.grammar.noise import add_noise
from vqa.world.grammar.sentences import Sentence, description, object_phrase, reason
from vqa.world.plans import LISTS, AnswerOp, Plan, SetStep, select
from vqa.world.sampling import DIRECTION_NAMES, open_set, referent
from vqa.world.scene import DIRECTIONS
from vqa.world.scene_index import ATTRIBUTE_NAMES, SceneIndex, ids_of

_DRAWS = 4


@dataclass(slots=True)
class Reply:
    """An answer that is not one word.

    Attributes:
        text: as people read it. sentence: its pieces, None for a list.
        listed: the objects of a list, in its order. values: their values, as canonical words.
    """

    text: str
    sentence: Sentence | None
    listed: tuple[int, ...] = ()
    values: tuple[str, ...] = ()


def reading_order(index: SceneIndex, objects: list[int], direction: str = "right") -> list[int]:
    """Objects from the far end opposite to `direction` on: "right" reads from left to right."""
    dx, dy = DIRECTIONS[direction]
    places = [o.position for o in index.scene.objects]
    return sorted(objects, key=lambda k: places[k][0] * dx + places[k][1] * dy)


def _describe_object(index: SceneIndex, rng: Random) -> Plan | None:
    obj = rng.randrange(index.size)
    hops = rng.choice((0, 1, 1, 1, 2))
    if hops == 1 and rng.random() < 0.6:
        steps = _only_one_there(index, rng)
    else:
        steps = referent(index, rng, obj, hops)
    return steps and Plan(steps, AnswerOp("describe", "", (len(steps) - 1,)))


def _only_one_there(index: SceneIndex, rng: Random) -> list[SetStep] | None:
    """The one object that stands some way of another, if there is just one."""
    pairs = [
        (d, a)
        for d in DIRECTION_NAMES
        for a, mask in enumerate(index.relations[d])
        if mask.bit_count() == 1
    ]
    rng.shuffle(pairs)
    for direction, anchor in pairs[:3]:
        steps = referent(index, rng, anchor)
        if steps is not None:
            return [*steps, SetStep("relate", direction, (0,))]
    return None


def _describe_scene(index: SceneIndex, rng: Random) -> Plan:
    return Plan([SetStep("scene")], AnswerOp("scene", "", (0,)))


def _explain(index: SceneIndex, rng: Random) -> Plan | None:
    return FAMILIES[rng.choice(list(FAMILIES))](index, rng)


def _list(index: SceneIndex, rng: Random) -> Plan | None:
    kind, attribute = rng.choice(list(LISTS)), rng.choice(ATTRIBUTE_NAMES)
    steps = [SetStep("scene")]
    if rng.random() < 0.5:
        found = open_set(index, rng, rng.choice((0, 0, 1)), rng.randint(2, 5))
        if found is None or not found.mask or attribute in found.steps[-1].filters:
            return None
        steps = found.steps
    return Plan(steps, AnswerOp(kind, attribute, (len(steps) - 1,)))


REPLY_FAMILIES: dict[str, Callable[[SceneIndex, Random], Plan | None]] = {
    "describe_object": _describe_object,
    "describe_scene": _describe_scene,
    "explain": _explain,
    "list": _list,
}


def sample_reply(index: SceneIndex, family: str, rng: Random) -> Plan | None:
    """A plan of one of `REPLY_FAMILIES`; None when this scene gave none."""
    for _ in range(_DRAWS):
        plan = REPLY_FAMILIES[family](index, rng)
        if plan is not None:
            return plan
    return None


def ask_for_reply(
    plan: Plan, family: str, language: str, rng: Random, decorated: float = 0, noise: float = 0
) -> str:
    """The question in words; an explanation is asked for behind the question it is about."""
    text = write(plan, language, rng, decorated)
    if family == "explain":
        gap = " " if language == "en" else ""
        text = f"{text}{gap}{rng.choice(LANGUAGES[language].WHY)}"
    if noise and rng.random() < noise:
        text = add_noise(text, language, rng)
    return text


def reply(plan: Plan, family: str, index: SceneIndex, language: str) -> tuple[Reply, list[int]]:
    """The reply to a well-posed plan, and the set of each of its steps."""
    sets, _ = select(plan.steps, index)
    chosen = [reading_order(index, ids_of(sets[i])) for i in plan.answer.inputs]

    def named(objects: list[int]) -> list[Sentence]:
        return [
            object_phrase({a: index.values[a][k] for a in ATTRIBUTE_NAMES}, language, k)
            for k in objects
        ]

    if plan.answer.kind in LISTS:
        attribute = plan.answer.attribute
        listed = reading_order(index, chosen[0], LISTS[plan.answer.kind])
        values = tuple(index.values[attribute][k] for k in listed)
        text = join_list([answer_in(language, v) for v in values], language)
        return Reply(text, None, tuple(listed), values), sets
    if family == "explain":
        sentence = reason([named(objects) for objects in chosen], language)
    elif family == "describe_scene":
        sentence = description(named(chosen[0]), language)
    else:
        (sentence,) = named(chosen[0])
    return Reply(join_pieces(sentence.pieces), sentence), sets
