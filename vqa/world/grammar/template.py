"""Question templates: patterns that are written from and parsed back by.

A pattern is text with slots, "{N}" or "{N2}" (the digit names the second set of a comparison),
and choices, "[are there|do you see]". Which slots exist is each language's own matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from random import Random

from vqa.world.plans import LISTS, Plan


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to fill: `name` says how, `which` (0 or 1) from which of the answer's sets."""

    name: str
    which: int


Segment = str | Slot

_CHOICE = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{([A-Za-z]+)(2?)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """One way to ask one kind of question.

    Attributes:
        kind: the kind of answer operation it asks for; see `answer_kind`.
        ops: the operations the first set may end in.
        attributes: the attributes it can ask about; empty when the kind has none.
        variants: its wordings, one per combination of choices, as text and slots.
    """

    kind: str
    ops: frozenset[str]
    attributes: frozenset[str]
    variants: tuple[tuple[Segment, ...], ...]


ALL_OPS = ("scene", "relate", "same", "union", "intersect")


# Kinds of template that word a kind of answer where its set has no filter to name.
_UNFILTERED = {"describe_bare": "describe"} | {f"list_all_{d}": kind for kind, d in LISTS.items()}
_BARE = 0.7  # how often "what is left of it" stands for "what is the thing left of it"


def wordings(plan: Plan) -> tuple[str, ...]:
    """The kinds of template that can ask `plan`, the likeliest first; see `answer_kind`."""
    kind, step = plan.answer.kind, plan.steps[plan.answer.inputs[0]]
    if step.filters:
        return (kind,)
    if kind in LISTS and step.op == "scene":
        return (f"list_all_{LISTS[kind]}",)
    if kind == "describe" and step.op in ("relate", "intersect"):
        return ("describe_bare", kind)
    return (kind,)


def worded_kind(plan: Plan, rng: Random) -> str:
    """One of `wordings`."""
    kinds = wordings(plan)
    return kinds[0] if len(kinds) == 1 or rng.random() < _BARE else kinds[1]


def answer_kind(kind: str) -> str:
    """The kind of answer operation that a kind of template asks for."""
    return _UNFILTERED.get(kind, kind)


def templates_from(
    kind: str, patterns: str, ops: str = "any", attributes: tuple[str, ...] = ()
) -> list[Template]:
    """One template per line of `patterns`.

    Args:
        ops: operations separated by blanks, or "any".
    """
    names = frozenset(ALL_OPS if ops == "any" else ops.split())
    return [
        Template(kind, names, frozenset(attributes), _variants(line.strip()))
        for line in patterns.strip().splitlines()
    ]


def _variants(pattern: str) -> tuple[tuple[Segment, ...], ...]:
    parts = _CHOICE.split(pattern)
    # Odd parts are the choices.
    options = [p.split("|") if i % 2 else [p] for i, p in enumerate(parts)]
    # An empty choice leaves two blanks.
    texts = (" ".join("".join(words).split()) for words in product(*options))
    return tuple(_segments(text) for text in texts)


def _segments(text: str) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    end = 0
    for match in _SLOT.finditer(text):
        if match.start() > end:
            segments.append(text[end : match.start()])
        segments.append(Slot(match[1], 1 if match[2] else 0))
        end = match.end()
    if end < len(text):
        segments.append(text[end:])
    return tuple(segments)


class TemplateBook:
    """The templates of one language, found by what is asked.

    Args:
        templates: all of them, in any order.
    """

    def __init__(self, templates: list[Template]) -> None:
        self.templates = templates
        self._found: dict[tuple[str, str, str], list[Template]] = {}

    def fitting(self, kind: str, op: str, attribute: str) -> list[Template]:
        """The templates that can ask for `kind` of a set ending in `op`."""
        key = kind, op, attribute
        if key not in self._found:
            self._found[key] = [
                t
                for t in self.templates
                if t.kind == kind
                and op in t.ops
                and (not t.attributes or attribute in t.attributes)
            ]
        return self._found[key]

    def literals(self) -> list[str]:
        """All text between slots."""
        segments = (s for t in self.templates for v in t.variants for s in v)
        return [s for s in segments if isinstance(s, str)]
