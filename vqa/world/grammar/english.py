"""Writes a plan as an English question."""

from __future__ import annotations

import re
from random import Random

from vqa.world.grammar.english_replies import WHY
from vqa.world.grammar.english_templates import BOOK
from vqa.world.grammar.template import Segment, Slot, worded_kind
from vqa.world.plans import Plan, SetStep

ADJECTIVES: dict[str, tuple[str, ...]] = {
    "large": ("large", "big"),
    "small": ("small", "tiny"),
    "rubber": ("rubber", "matte"),
    "metal": ("metal", "metallic", "shiny"),
    "gray": ("gray", "gray", "gray", "grey"),
    **{c: (c,) for c in ("red", "blue", "green", "brown", "purple", "cyan", "yellow")},
}
NOUNS: dict[str, tuple[tuple[str, str], ...]] = {  # (singular, plural)
    "cube": (("cube", "cubes"), ("block", "blocks")),
    "sphere": (("sphere", "spheres"), ("ball", "balls")),
    "cylinder": (("cylinder", "cylinders"),),
    "": (("thing", "things"), ("object", "objects")) * 3 + (("item", "items"),),
}
DIRECTIONS: dict[str, tuple[str, ...]] = {
    "left": ("left of", "to the left of", "on the left side of", "on the left of"),
    "right": ("right of", "to the right of", "on the right side of", "on the right of"),
    "front": ("in front of",),
    "behind": ("behind",),
}
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "color": ("color", "color", "colour"),
    "size": ("size",),
    "material": ("material",),
    "shape": ("shape",),
}
POLITE = (
    "please tell me: ",
    "can you tell me: ",
    "could you please tell me, ",
    "could you tell me: ",
    "please, ",
    "excuse me, ",
    "hey, ",
    "tell me, ",
    "i want to know: ",
    "quick question: ",
)
PLACES = (" in the picture", " in the image", " in this scene", " here", ", please")
# Words the functions below put between the tables' words.
_GLUE = (
    "the a an other another else anything something it that which is are has have either or",
    "both and also of with same as made shares share its their matches match in big large",
    "located placed standing",
)
_REQUESTS = tuple(
    "count |tell |give |name |describe |check |say |i w|compare |list |read ".split("|")
)
_ORDER = ("size", "color", "material")


def pick(rng: Random, options):
    """One of `options`, each as likely; faster than `Random.choice`."""
    return options[int(rng.random() * len(options))]


def write(plan: Plan, rng: Random) -> str:
    """An English question, without politeness and with plain case and a question mark.

    Every draw is taken from `rng`, so a plan and a seed make one text.
    """
    answer = plan.answer
    first = plan.steps[answer.inputs[0]]
    template = pick(rng, BOOK.fitting(worded_kind(plan, rng), first.op, answer.attribute))
    return fill(pick(rng, template.variants), plan, rng)


def fill(variant: tuple[Segment, ...], plan: Plan, rng: Random) -> str:
    """One wording of a template that fits the plan, with its slots filled."""
    answer = plan.answer
    parts = []
    for segment in variant:
        if isinstance(segment, Slot):
            if segment.name == "attr":
                parts.append(pick(rng, ATTRIBUTES[answer.attribute]))
            else:
                step = answer.inputs[segment.which]
                parts.append(_SLOTS[segment.name](plan.steps, step, rng))
        else:
            parts.append(segment)
    text = "".join(parts)
    mark = "." if text.startswith(_REQUESTS) and ";" not in text else "?"
    return text[0].upper() + text[1:] + mark


def decorate(text: str, rng: Random) -> str:
    """The question with a polite opening, a place ("in the picture") or other marks."""
    draw = rng.random()
    if draw < 0.5:
        text = pick(rng, POLITE) + text[0].lower() + text[1:]
        text = text[0].upper() + text[1:]
    elif draw < 0.75:
        text = text[:-1] + pick(rng, PLACES) + "?"
    draw = rng.random()
    if draw < 0.25:
        text = text[:-1]
    elif draw < 0.35:
        text = text[:-1] + "."
    return text.lower() if rng.random() < 0.3 else text


def _adjectives(filters: dict[str, str], rng: Random) -> list[str]:
    order = _ORDER
    if len(filters) > 1 and rng.random() < 0.12:
        order = rng.sample(_ORDER, 3)
    return [pick(rng, ADJECTIVES[filters[a]]) for a in order if a in filters]


def _head(step: SetStep, rng: Random, plural: bool) -> str:
    noun = pick(rng, NOUNS[step.filters.get("shape", "")])[plural]
    return " ".join([*_adjectives(step.filters, rng), noun])


def _indefinite(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _indefinite_head(step: SetStep, rng: Random) -> str:
    if not step.filters and rng.random() < 0.4:
        return pick(rng, ("anything", "something"))
    return _indefinite(_head(step, rng, False))


def _one(steps: list[SetStep], i: int, rng: Random) -> str:
    """Definite singular noun phrase."""
    step = steps[i]
    head = _head(step, rng, False)
    if step.op == "scene":
        return "the " + head
    other = "other " if step.op == "same" and rng.random() < 0.6 else ""
    return f"the {other}{head} {_modifier(steps, i, rng, False)}"


phrase = _one  # an object or set, in words


def _many(steps: list[SetStep], i: int, rng: Random) -> str:
    """Bare plural noun phrase."""
    step = steps[i]
    head = _head(step, rng, True)
    if step.op == "scene":
        return head
    other = "other " if step.op == "same" and rng.random() < 0.6 else ""
    return f"{other}{head} {_modifier(steps, i, rng, True)}"


def _some(steps: list[SetStep], i: int, rng: Random) -> str:
    """Indefinite singular noun phrase."""
    step = steps[i]
    if step.op == "scene":
        return _indefinite(_head(step, rng, False))
    if step.op == "same" and rng.random() < 0.6:
        head = "another " + _head(step, rng, False)
    else:
        head = _indefinite_head(step, rng)
        if step.op == "same" and head in ("anything", "something"):
            head += " else"
    return f"{head} {_modifier(steps, i, rng, False)}"


def _modifier(steps: list[SetStep], i: int, rng: Random, plural: bool, it: str = "") -> str:
    """The relation of step `i` behind its noun; `it` stands for the referent when given."""
    step = steps[i]
    be, have = ("are", "have") if plural else ("is", "has")
    if step.op == "same":
        return _same_modifier(steps, i, rng, plural, it)
    if step.op == "union":
        return f"that {be} either {_sides(steps, i, rng, plural)}"
    join = pick(rng, ("", "", f"that {be} ", f"that {be} ", f"which {be} "))
    if rng.random() < 0.04:
        join += pick(rng, ("located ", "placed ", "standing "))
    return join + _predicate(steps, i, rng, it)


def _predicate(steps: list[SetStep], i: int, rng: Random, it: str = "") -> str:
    """The relation of step `i` behind "is" or "are"."""
    step = steps[i]
    if step.op == "relate":
        referent = it or _one(steps, step.inputs[0], rng)
        return f"{pick(rng, DIRECTIONS[step.argument])} {referent}"
    if step.op == "same":
        return pick(rng, ("", "", "of ")) + _same_as(steps, i, rng, it)
    if step.op == "intersect":
        a, b = (_predicate(steps, j, rng) for j in step.inputs)
        both, also = pick(rng, (("both ", ""), ("both ", ""), ("", ""), ("", "also ")))
        return f"{both}{a} and {also}{b}"
    return pick(rng, ("", "either ")) + _sides(steps, i, rng, True)


def _same_as(steps: list[SetStep], i: int, rng: Random, it: str = "") -> str:
    step = steps[i]
    referent = it or _one(steps, step.inputs[0], rng)
    return f"the same {pick(rng, ATTRIBUTES[step.argument])} as {referent}"


def _same_modifier(steps: list[SetStep], i: int, rng: Random, plural: bool, it: str) -> str:
    draw = rng.random()
    if draw < 0.15:
        return ("that are " if plural else "that is ") + _same_as(steps, i, rng, it)
    if draw < 0.35:
        return "of " + _same_as(steps, i, rng, it)
    if draw < 0.5:
        return "with " + _same_as(steps, i, rng, it)
    return "that " + _verb(steps, i, rng, plural, it)


def _verb(steps: list[SetStep], i: int, rng: Random, plural: bool = True, it: str = "") -> str:
    """The same relation of step `i` as a verb phrase."""
    step = steps[i]
    draw = rng.random()
    if step.argument == "material" and draw < 0.5:
        return ("are" if plural else "is") + " made of " + _same_as(steps, i, rng, it)
    if draw < 0.75:
        return ("have " if plural else "has ") + _same_as(steps, i, rng, it)
    referent = it or _one(steps, step.inputs[0], rng)
    if step.argument == "size" and draw < 0.85:
        return (
            "are" if plural else "is"
        ) + f" {pick(rng, ('as big as', 'as large as'))} {referent}"
    attribute = pick(rng, ATTRIBUTES[step.argument])
    if draw < 0.9:
        verb, its = ("share", "their") if plural else ("shares", "its")
        return f"{verb} {its} {attribute} with {referent}"
    return f"{'match' if plural else 'matches'} {referent} in {attribute}"


def _sides(steps: list[SetStep], i: int, rng: Random, plural: bool) -> str:
    """The two sides of a union behind "are"."""
    sides = [steps[j] for j in steps[i].inputs]
    bare = all(s.op == "scene" and "shape" not in s.filters for s in sides)
    if bare and rng.random() < 0.6:
        return " or ".join(" ".join(_adjectives(s.filters, rng)) for s in sides)
    words = []
    for j, side in zip(steps[i].inputs, sides, strict=True):
        if side.op == "relate" and not side.filters:
            words.append(_predicate(steps, j, rng))
        else:
            words.append(_many(steps, j, rng) if plural else _some(steps, j, rng))
    return " or ".join(words)


def _coordinated(steps: list[SetStep], i: int, rng: Random, plural: bool) -> str:
    """Both sides of a union as one noun phrase."""
    if steps[i].filters:
        return _many(steps, i, rng) if plural else _some(steps, i, rng)
    write_side = _many if plural else _some
    return " or ".join(write_side(steps, j, rng) for j in steps[i].inputs)


_SLOTS = {
    "N": _one,
    "Np": _many,
    "Na": _some,
    "H": lambda steps, i, rng: _head(steps[i], rng, False),
    "Hp": lambda steps, i, rng: _head(steps[i], rng, True),
    "Ha": lambda steps, i, rng: _indefinite_head(steps[i], rng),
    "R": _predicate,
    "M": lambda steps, i, rng: _modifier(steps, i, rng, False),
    "Mp": lambda steps, i, rng: _modifier(steps, i, rng, True),
    "V": _verb,
    "I": lambda steps, i, rng: _one(steps, steps[i].inputs[0], rng),
    "Ia": lambda steps, i, rng: _some(steps, steps[i].inputs[0], rng),
    "Rit": lambda steps, i, rng: _predicate(steps, i, rng, "it"),
    "Mit": lambda steps, i, rng: _modifier(steps, i, rng, False, "it"),
    "Mpit": lambda steps, i, rng: _modifier(steps, i, rng, True, "it"),
    "Vit": lambda steps, i, rng: _verb(steps, i, rng, True, "it"),
    "U": lambda steps, i, rng: _coordinated(steps, i, rng, True),
    "Ua": lambda steps, i, rng: _coordinated(steps, i, rng, False),
}


def vocabulary() -> set[str]:
    """All words that `write` and `decorate` can emit, lower case, apostrophe-s as "'s"."""
    texts = [*BOOK.literals(), *POLITE, *PLACES, *WHY, *_GLUE]
    for table in (ADJECTIVES, DIRECTIONS, ATTRIBUTES):
        texts += [word for words in table.values() for word in words]
    texts += [word for forms in NOUNS.values() for pair in forms for word in pair]
    return {word for text in texts for word in re.findall(r"'s|[a-z]+", text.lower())}
