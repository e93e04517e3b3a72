"""Sampling well-posed, non-degenerate programs from a scene.

Programs are built from the scene outward instead of drawn blindly and rejected: the wanted
answer is drawn first (uniform over the answers the question type can have), then an object or a
set that gives it is looked for, then the words that single it out. When the scene cannot give
the wanted answer, the nearest count or another value is taken. Each draw depends only on the
scene and the random generator it is given, so answers stay balanced over many scenes without any
state shared between them.

Rules every program keeps:
- well-posed: each referent is the one object its description fits;
- no idle relation: putting the whole scene in the place of a relate or same changes the set its
  step selects (for a referent that means it is no longer unique);
- no idle filter: the filters of a counted or sought set shrink it; an empty set without relation
  is a near miss, made empty by one changed attribute;
- no idle branch: each side of a union or intersection changes the set the two sides make,
  except that one side of a union may be empty: people ask for what is not there.
Descriptions of referents may say more than needed, as people's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from vqa.world.plans import SetStep
from vqa.world.scene import ATTRIBUTES, DIRECTIONS
from vqa.world.scene_index import ATTRIBUTE_NAMES, SceneIndex, ids_of

BIT = {a: 1 << k for k, a in enumerate(ATTRIBUTE_NAMES)}
NAMES_OF = [[a for a in ATTRIBUTE_NAMES if BIT[a] & s] for s in range(16)]
DIRECTION_NAMES = tuple(DIRECTIONS)
_SIZES = [s.bit_count() for s in range(16)]
# How often a referent's description is a shortest one instead of any that fits.
_SHORTEST = 0.4
# Wanted counts; large ones are rare in scenes of 3 to 10 objects, so they are asked for less.
_COUNTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
_COUNT_WEIGHTS = (10, 20, 30, 40, 50, 56, 60, 62, 63, 64, 65)  # cumulative
_TRIES = 12


@dataclass(slots=True)
class Found:
    """Steps in post-order whose last one selects `mask`."""

    steps: list[SetStep]
    mask: int


def filters_of(index: SceneIndex, obj: int, subset: int) -> dict[str, str]:
    """The attributes in `subset` (bits of `ATTRIBUTE_NAMES`) with the values of `obj`."""
    return {a: index.values[a][obj] for a in NAMES_OF[subset]}


def wanted_count(rng: Random) -> int:
    """A count to aim at, 0..10."""
    return rng.choices(_COUNTS, cum_weights=_COUNT_WEIGHTS)[0]


def describe(
    index: SceneIndex, rng: Random, obj: int, bases: tuple[int, ...], banned: int
) -> int | None:
    """A subset of attributes that singles out `obj` where all `bases` overlap.

    Leaving any one of the bases out makes the description fit another object too.

    Args:
        bases: masks of the relations that hold of `obj`; empty for the whole scene.
        banned: attributes that must not be named, as bits.
    Returns:
        The subset as bits, or None when there is none.
    """
    bit = 1 << obj
    masks = index.subsets[obj]
    if not bases:
        fits = [s for s in range(1, 16) if masks[s] == bit and not s & banned]
    elif len(bases) == 1:
        base = bases[0]
        fits = [s for s in range(16) if masks[s] & base == bit != masks[s] and not s & banned]
    else:
        a, b = bases
        both = a & b
        fits = [
            s
            for s in range(16)
            if masks[s] & both == bit
            and masks[s] & a != bit
            and masks[s] & b != bit
            and not s & banned
        ]
    if not fits:
        return None
    if rng.random() < _SHORTEST:
        least = min(_SIZES[s] for s in fits)
        fits = [s for s in fits if _SIZES[s] == least]
    return rng.choice(fits)


def anchors_of(index: SceneIndex, obj: int, used: int) -> list[tuple[str, int]]:
    """(direction, anchor) pairs such that `obj` stands that way of an anchor not in `used`."""
    bit = 1 << obj
    return [
        (d, a)
        for d, masks in index.relations.items()
        for a, mask in enumerate(masks)
        if mask & bit and not used >> a & 1
    ]


def referent(
    index: SceneIndex, rng: Random, obj: int, hops: int = 0, banned: int = 0, used: int = 0
) -> list[SetStep] | None:
    """Steps that single out `obj` over `hops` relations; None when none was found.

    Args:
        banned: attributes that must not be named of `obj`, as bits.
        used: mask of objects the chain must not pass through.
    """
    if hops == 0:
        subset = describe(index, rng, obj, (), banned)
        if subset is None:
            return None
        return [SetStep("scene", "", (), filters_of(index, obj, subset))]
    used |= 1 << obj
    pairs = anchors_of(index, obj, used)
    rng.shuffle(pairs)
    for direction, anchor in pairs[:6]:
        base = index.relations[direction][anchor]
        subset = describe(index, rng, obj, (base,), banned)
        if subset is None:
            continue
        steps = referent(index, rng, anchor, hops - 1, 0, used)
        if steps is None:
            continue
        filters = filters_of(index, obj, subset)
        return [*steps, SetStep("relate", direction, (len(steps) - 1,), filters)]
    return None


def open_filters(
    index: SceneIndex,
    rng: Random,
    base: int,
    pools: tuple[int, ...],
    target: int | bool,
    banned: int = 0,
) -> tuple[dict[str, str], int] | None:
    """Filters for a set that is counted or whose existence is asked.

    Args:
        base: mask the filters apply to.
        pools: the masks `base` would be without one of its relations; filters under which a
            pool and the base agree are refused. Empty for the whole scene.
        target: the wanted count, or for existence a bool.
        banned: attributes that must not be named, as bits.
    Returns:
        (filters, selected mask) as near to the target as found, or None when nothing fits.
    """
    exist = isinstance(target, bool)
    outside = 0
    for pool in pools:
        outside |= pool & ~base
    inside = ids_of(base)
    sources = inside if target else ids_of(outside) or inside
    if not sources:
        return None
    best: tuple[dict[str, str], int] | None = None
    best_gap = 99
    for _ in range(_TRIES):
        obj = rng.choice(sources)
        subset = _open_subset(rng, int(target)) & ~banned
        if not subset and not pools and (exist or target < index.size):
            continue
        change = "" if target or pools else _changed(rng, subset)
        filters = filters_of(index, obj, subset)
        if change:
            values = ATTRIBUTES[change]
            filters[change] = values[rng.randrange(len(values))]
            mask = index.all
            for attribute, value in filters.items():
                mask &= index.filters[attribute][value]
        else:
            mask = index.subsets[obj][subset]
        selected = mask & base
        if any(mask & pool == selected for pool in pools):
            continue
        if filters and selected == base and base:
            continue
        gap = int(bool(selected) != target) if exist else abs(selected.bit_count() - target)
        if gap < best_gap:
            best, best_gap = (filters, selected), gap
            if not gap:
                break
    return None if exist and best_gap else best


def _open_subset(rng: Random, target: int) -> int:
    """Attributes to name; few when many objects are wanted."""
    if target >= 3:
        return rng.choice((0, 1, 2, 4, 8, 1, 2, 4, 8, 5, 9, 12))
    return rng.randrange(16)


def _changed(rng: Random, subset: int) -> str:
    """The attribute of a near miss that gets another value."""
    names = NAMES_OF[subset]
    return names[rng.randrange(len(names))] if names else ""


def open_set(
    index: SceneIndex, rng: Random, hops: int, target: int | bool, tries: int = 3
) -> Found | None:
    """A set to count or look for, `hops` relations deep, as near to `target` as found."""
    if hops == 0:
        found = open_filters(index, rng, index.all, (), target)
        return found and Found([SetStep("scene", "", (), found[0])], found[1])
    best: Found | None = None
    best_gap = 99
    for _ in range(tries):
        anchor = rng.randrange(index.size)
        direction = rng.choice(DIRECTION_NAMES)
        base = index.relations[direction][anchor]
        found = open_filters(index, rng, base, (index.all,), target)
        if found is None:
            continue
        gap = 0 if isinstance(target, bool) else abs(found[1].bit_count() - target)
        if gap >= best_gap:
            continue
        steps = referent(index, rng, anchor, hops - 1)
        if steps is None:
            continue
        last = SetStep("relate", direction, (len(steps) - 1,), found[0])
        best, best_gap = Found([*steps, last], found[1]), gap
        if not gap:
            break
    return best
