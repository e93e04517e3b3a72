"""The nine question families: for each, one sampler of plans.

Each sampler takes a scene and a random generator and gives a plan, or None when this draw found
none (too few objects, no unique description). The rules are those of `vqa.world.sampling`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from vqa.world.plans import AnswerOp, Plan, SetStep
from vqa.world.sampling import (
    BIT,
    DIRECTION_NAMES,
    Found,
    anchors_of,
    describe,
    filters_of,
    open_filters,
    open_set,
    referent,
    wanted_count,
)
from vqa.world.scene import ATTRIBUTES
from vqa.world.scene_index import ATTRIBUTE_NAMES, SceneIndex, ids_of

# Sizes to aim at: large sets are rare unless they are asked for.
_SIDE_SIZES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7)
INTEGER_KINDS = ("equal_integer", "less_than", "greater_than")


def _kind(rng: Random, count: float, exist: float) -> str:
    """ "count" and "exist" with these probabilities, else "query"."""
    draw = rng.random()
    return "count" if draw < count else "exist" if draw < count + exist else "query"


def _target(rng: Random, kind: str) -> int | bool:
    return wanted_count(rng) if kind == "count" else rng.random() < 0.5


def _objects_by_value(index: SceneIndex, rng: Random, attribute: str, among: int) -> list[int]:
    """Objects of `among`, a uniformly drawn value of `attribute` first, then the others."""
    values = list(ATTRIBUTES[attribute])
    rng.shuffle(values)
    objects = []
    for value in values:
        ids = ids_of(index.filters[attribute][value] & among)
        rng.shuffle(ids)
        objects += ids
    return objects


def _ask(kind: str, steps: list[SetStep], attribute: str = "") -> Plan:
    return Plan(steps, AnswerOp(kind, attribute, (len(steps) - 1,)))


def hop_sampler(hops: int) -> Callable[[SceneIndex, Random], Plan | None]:
    """The sampler of zero_hop .. three_hop: a chain of `hops` relations."""

    def sample(index: SceneIndex, rng: Random) -> Plan | None:
        kind = _kind(rng, 0.2, 0.2)
        if kind != "query":
            target = _target(rng, kind)
            # "Yes" is harder to find than "no"; giving up early would tip the balance.
            for _ in range(4):
                found = open_set(index, rng, hops, target)
                if found:
                    return _ask(kind, found.steps)
            return None
        attribute = rng.choice(ATTRIBUTE_NAMES)
        for obj in _objects_by_value(index, rng, attribute, index.all):
            steps = referent(index, rng, obj, hops, BIT[attribute])
            if steps:
                return _ask("query", steps, attribute)
        return None

    return sample


def sample_single_and(index: SceneIndex, rng: Random) -> Plan | None:
    """Objects that stand one way of A and another way of B."""
    kind = _kind(rng, 0.25, 0.1)
    if kind == "query":
        return _query_both(index, rng)
    target = _target(rng, kind)
    best: Plan | None = None
    best_gap = 99
    for _ in range(4 if kind == "count" else 16):
        if index.size < 2:
            return None
        a, b = rng.sample(range(index.size), 2)
        first, second = rng.choice(DIRECTION_NAMES), rng.choice(DIRECTION_NAMES)
        pools = index.relations[first][a], index.relations[second][b]
        found = open_filters(index, rng, pools[0] & pools[1], pools, target)
        if found is None:
            continue
        gap = 0 if kind == "exist" else abs(found[1].bit_count() - target)
        steps = _both(index, rng, (first, a), (second, b), found[0]) if gap < best_gap else None
        if steps:
            best, best_gap = _ask(kind, steps), gap
            if not gap:
                break
    return best


def _query_both(index: SceneIndex, rng: Random) -> Plan | None:
    attribute = rng.choice(ATTRIBUTE_NAMES)
    for obj in _objects_by_value(index, rng, attribute, index.all):
        pairs = anchors_of(index, obj, 1 << obj)
        for _ in range(4):
            if len(pairs) < 2:
                break
            first, second = rng.sample(pairs, 2)
            if first[1] == second[1]:
                continue
            bases = tuple(index.relations[d][a] for d, a in (first, second))
            subset = describe(index, rng, obj, bases, BIT[attribute])
            if subset is None:
                continue
            steps = _both(index, rng, first, second, filters_of(index, obj, subset))
            if steps:
                return _ask("query", steps, attribute)
    return None


def _both(
    index: SceneIndex,
    rng: Random,
    first: tuple[str, int],
    second: tuple[str, int],
    filters: dict[str, str],
) -> list[SetStep] | None:
    """A, one way of A, B, one way of B, and what lies in both."""
    a, b = referent(index, rng, first[1]), referent(index, rng, second[1])
    if a is None or b is None:
        return None
    return [
        *a,
        SetStep("relate", first[0], (0,)),
        *b,
        SetStep("relate", second[0], (2,)),
        SetStep("intersect", "", (1, 3), filters),
    ]


def sample_single_or(index: SceneIndex, rng: Random) -> Plan | None:
    """Objects of two sets together, sometimes narrowed by one more attribute."""
    kind = "exist" if rng.random() < 0.1 else "count"
    target = _target(rng, kind)
    # The sides are not empty, so only one more attribute can empty their union.
    form = rng.randrange(8 if target else 4)
    post = ATTRIBUTE_NAMES[form] if form < 4 else ""
    hops = ((0, 0), (1, 1), (1, 0), (0, 1))[form - 4 if form > 4 else 0]
    best: Plan | None = None
    best_gap = 99 if kind == "count" else 1  # a wrong yes or no is no answer to fall back on
    for _ in range(8 if kind == "count" else 24):
        sides = [_side(index, rng, h, BIT.get(post, 0)) for h in hops]
        if sides[0] is None or sides[1] is None:
            continue
        a, b = sides[0].mask, sides[1].mask
        union = a | b
        # A side may be empty, as in "red or blue things" where there is nothing blue.
        if not union or (a and b and union in (a, b)):
            continue
        filters = {}
        if post:
            filters = {post: rng.choice(ATTRIBUTES[post])}
            if index.filters[post][filters[post]] & union == union:
                continue
            union &= index.filters[post][filters[post]]
        size = union.bit_count()
        gap = int(bool(size) != target) if kind == "exist" else abs(size - target)
        if gap < best_gap:
            steps = _joined(sides[0].steps, sides[1].steps)
            inputs = len(sides[0].steps) - 1, len(steps) - 1
            best, best_gap = _ask(kind, [*steps, SetStep("union", "", inputs, filters)]), gap
            if not gap:
                break
    return best


def _side(index: SceneIndex, rng: Random, hops: int, banned: int) -> Found | None:
    """One side of a union or of a comparison of numbers: any set, now and then an empty one."""
    base, steps = index.all, []
    if hops:
        anchor, direction = rng.randrange(index.size), rng.choice(DIRECTION_NAMES)
        base = index.relations[direction][anchor]
        steps = referent(index, rng, anchor)
        if steps is None or not base:
            return None
    pools = (index.all,) if hops else ()
    # Fewer than all, so that there is something to name the side by.
    target = min(rng.choice(_SIDE_SIZES), index.size - 1)
    found = open_filters(index, rng, base, pools, target, banned)
    if found is None or bool(found[1]) != bool(target):
        return None
    op, argument = ("relate", direction) if hops else ("scene", "")
    inputs = (len(steps) - 1,) if hops else ()
    return Found([*steps, SetStep(op, argument, inputs, found[0])], found[1])


def _joined(first: list[SetStep], second: list[SetStep]) -> list[SetStep]:
    """Both lists one after the other, the second's inputs moved."""
    shift = len(first)
    moved = [
        SetStep(s.op, s.argument, tuple(i + shift for i in s.inputs), s.filters) for s in second
    ]
    return [*first, *moved]


def sample_same_attribute(index: SceneIndex, rng: Random) -> Plan | None:
    """The other objects that share an attribute with a referent."""
    kind = _kind(rng, 0.3, 0.3)
    shared = rng.choice(ATTRIBUTE_NAMES)
    banned = BIT[shared]
    if kind == "query":
        attribute = rng.choice([a for a in ATTRIBUTE_NAMES if a != shared])
        for obj in _objects_by_value(index, rng, attribute, index.all):
            anchors = ids_of(index.same[shared][obj])
            rng.shuffle(anchors)
            for anchor in anchors[:3]:
                # Against all others, not against the scene: the referent never counts itself.
                bases = index.same[shared][anchor], index.all & ~(1 << anchor)
                subset = _describe_other(index, rng, obj, bases, banned | BIT[attribute])
                steps = None if subset is None else referent(index, rng, anchor, 0, banned)
                if steps:
                    filters = filters_of(index, obj, subset)
                    return _ask(
                        "query", [*steps, SetStep("same", shared, (0,), filters)], attribute
                    )
        return None
    target = _target(rng, kind)
    for _ in range(12):
        anchor = rng.randrange(index.size)
        base, others = index.same[shared][anchor], index.all & ~(1 << anchor)
        if kind == "count" and base.bit_count() < target:
            target = rng.randint(0, base.bit_count())
        found = open_filters(index, rng, base, (others,), target, banned)
        steps = referent(index, rng, anchor, 0, banned) if found else None
        if steps:
            return _ask(kind, [*steps, SetStep("same", shared, (0,), found[0])])
    return None


def _describe_other(
    index: SceneIndex, rng: Random, obj: int, bases: tuple[int, int], banned: int
) -> int | None:
    """As `describe` for a same step: without it another of the others fits too."""
    base, others = bases
    bit, masks = 1 << obj, index.subsets[obj]
    fits = [
        s
        for s in range(16)
        if masks[s] & base == bit and masks[s] & others != bit and not s & banned
    ]
    return rng.choice(fits) if fits else None


def sample_compare_integer(index: SceneIndex, rng: Random) -> Plan | None:
    """Whether one set has more, fewer or as many objects as another."""
    kind = rng.choice(INTEGER_KINDS)
    wanted = rng.random() < 0.5
    hops = rng.choice(((0, 0), (1, 0), (0, 1), (1, 1)))
    best: Plan | None = None
    for _ in range(32):
        sides = [_side(index, rng, h, 0) for h in hops]
        if sides[0] is None or sides[1] is None or sides[0].mask == sides[1].mask:
            continue
        a, b = sides[0].mask.bit_count(), sides[1].mask.bit_count()
        if a != b and (a > b) != (wanted == (kind == "greater_than")):
            sides.reverse()
            a, b = b, a
        truth = a == b if kind == "equal_integer" else a < b if kind == "less_than" else a > b
        if truth == wanted or best is None:
            steps = _joined(sides[0].steps, sides[1].steps)
            inputs = len(sides[0].steps) - 1, len(steps) - 1
            best = Plan(steps, AnswerOp(kind, "", inputs))
            if truth == wanted:
                break
    return best


def sample_compare_attribute(index: SceneIndex, rng: Random) -> Plan | None:
    """Whether two referents share an attribute."""
    attribute = rng.choice(ATTRIBUTE_NAMES)
    wanted = rng.random() < 0.5
    hops = rng.choice(((0, 0), (1, 0), (0, 1), (1, 1)))
    banned = BIT[attribute]
    firsts = _objects_by_value(index, rng, attribute, index.all)
    for want in (wanted, not wanted):
        for first in firsts:
            same = index.same[attribute][first]
            seconds = ids_of(same if want else index.all & ~same & ~(1 << first))
            if not seconds:
                continue
            second = rng.choice(seconds)
            a = referent(index, rng, first, hops[0], banned)
            b = a and referent(index, rng, second, hops[1], banned)
            if a and b:
                steps = _joined(a, b)
                return Plan(steps, AnswerOp("equal", attribute, (len(a) - 1, len(steps) - 1)))
    return None


FAMILIES: dict[str, Callable[[SceneIndex, Random], Plan | None]] = {
    "zero_hop": hop_sampler(0),
    "one_hop": hop_sampler(1),
    "two_hop": hop_sampler(2),
    "three_hop": hop_sampler(3),
    "single_and": sample_single_and,
    "single_or": sample_single_or,
    "same_attribute": sample_same_attribute,
    "compare_integer": sample_compare_integer,
    "compare_attribute": sample_compare_attribute,
}


def family_of(plan: Plan) -> str:
    """The family a plan belongs to, one of `FAMILIES`."""
    ops = [step.op for step in plan.steps]
    if plan.answer.kind in INTEGER_KINDS:
        return "compare_integer"
    if plan.answer.kind == "equal":
        return "compare_attribute"
    if "same" in ops:
        return "same_attribute"
    if "union" in ops:
        return "single_or"
    if "intersect" in ops:
        return "single_and"
    return ("zero_hop", "one_hop", "two_hop", "three_hop")[min(ops.count("relate"), 3)]
