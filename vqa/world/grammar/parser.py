"""Reads questions back into plans, by the very templates they are written from.

A language brings its tokens and its phrases (noun phrases, relations); the templates are matched
over them with backtracking. Written questions have exactly one reading; a test checks that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import NamedTuple

from vqa.world.grammar.template import Slot, Template, TemplateBook, answer_kind
from vqa.world.plans import AnswerOp, Plan, SetStep


class Tree(NamedTuple):
    """A set step with the steps it reads in place; `op` "it" stands for a set named elsewhere."""

    op: str
    argument: str = ""
    children: tuple[Tree, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()


IT = Tree("it")
Reading = tuple[object, int]  # what was read, and the place behind it


class Phrases(ABC):
    """The phrases of one language over one question's tokens.

    Subclasses give the readings of each kind of phrase at a place. Kinds: "N" noun phrase, "H"
    noun without relation (its filters), "R" relation, "U" both sides of a union, "A" attribute.
    """

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.tokens = tokens
        self._memo: dict[tuple, list[Reading]] = {}

    def read(self, kind: str, place: int) -> list[Reading]:
        """All readings of a phrase of `kind` that starts at `place`."""
        return self.once((kind, place), lambda: list(self.readings(kind, place)))

    def once(self, key: tuple, make: Callable[[], list[Reading]]) -> list[Reading]:
        """`make()`, made only the first time for this key."""
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]

    @abstractmethod
    def readings(self, kind: str, place: int) -> Iterator[Reading]:
        """The readings of a phrase of `kind` that starts at `place`."""

    def after(self, words: tuple[str, ...], place: int) -> int | None:
        """The place behind `words` when they stand at `place`, else None."""
        end = place + len(words)
        return end if self.tokens[place:end] == words else None


# The phrase kind a slot is read as. The forms of a noun or relation are not told apart: people
# mix singular and plural, and which object is meant does not hang on it.
_KINDS = {
    **dict.fromkeys(("N", "Np", "Na"), "N"),
    **dict.fromkeys(("I", "Ia"), "N"),
    **dict.fromkeys(("H", "Hp", "Ha"), "H"),
    **dict.fromkeys(("R", "M", "Mp", "V", "P", "Rit", "Mit", "Mpit", "Vit", "Pit"), "R"),
    **dict.fromkeys(("U", "Ua"), "U"),
    "attr": "A",
}


class _Pattern(NamedTuple):
    template: Template
    elements: tuple[tuple[str, ...] | Slot, ...]
    words: frozenset[str]


class QuestionParser:
    """Parses questions of one language.

    Args:
        book: the templates.
        tokenize: text to tokens without the words that carry no meaning; used for templates and
            questions alike.
        phrases: the language's phrases.
    """

    def __init__(
        self,
        book: TemplateBook,
        tokenize: Callable[[str], tuple[str, ...]],
        phrases: type[Phrases],
    ) -> None:
        self._phrases = phrases
        self._patterns: dict[_Pattern, None] = {}
        for template in book.templates:
            for variant in template.variants:
                elements = []
                for segment in variant:
                    element = segment if isinstance(segment, Slot) else tokenize(segment)
                    if element:
                        elements.append(element)
                words = frozenset(w for e in elements if not isinstance(e, Slot) for w in e)
                self._patterns[_Pattern(template, tuple(elements), words)] = None

    def plans(self, tokens: tuple[str, ...], it: Tree | None = None) -> list[Plan]:
        """All different plans that the tokens can mean; "it" stands for the set `it`, if given."""
        phrases = self._phrases(tokens)
        present = set(tokens)
        found: list[Plan] = []
        for pattern in self._patterns:
            if not pattern.words <= present:
                continue
            for bound in _match(pattern.elements, 0, 0, phrases, {}):
                plan = _plan(pattern.template, bound, it)
                if plan is not None and plan not in found:
                    found.append(plan)
        return found


def _match(
    elements: tuple, k: int, place: int, phrases: Phrases, bound: dict[str, object]
) -> Iterator[dict[str, object]]:
    """Ways to lay `elements` from the k-th on over the tokens from `place` to the end."""
    if k == len(elements):
        if place == len(phrases.tokens):
            yield bound
        return
    element = elements[k]
    if not isinstance(element, Slot):
        end = phrases.after(element, place)
        if end is not None:
            yield from _match(elements, k + 1, end, phrases, bound)
        return
    kind = _KINDS[element.name]
    name = ("I" if element.name in ("I", "Ia") else kind) + "2" * element.which
    for value, end in phrases.read(kind, place):
        yield from _match(elements, k + 1, end, phrases, {**bound, name: value})


def _plan(template: Template, bound: dict[str, object], it: Tree | None) -> Plan | None:
    """The plan of a template with its slots bound; None when they do not go together."""
    trees = [_tree(bound)]
    if "N2" in bound:
        trees.append(bound["N2"])
    attribute = bound.get("A", "")
    if template.attributes and not attribute:
        (attribute,) = template.attributes
    if template.attributes and attribute not in template.attributes:
        return None
    if trees[0] is None:
        return None
    if it is not None:
        trees = [with_it(t, it) for t in trees]
    if any(_holds_it(t) for t in trees):
        return None
    if trees[0].op not in template.ops:
        return None
    return plan_from(trees, answer_kind(template.kind), attribute)


def plan_from(trees: list[Tree], kind: str, attribute: str) -> Plan:
    """The plan that answers `kind` of one or two sets."""
    steps: list[SetStep] = []
    places = tuple(_flatten(t, steps) for t in trees)
    return Plan(steps, AnswerOp(kind, attribute, places))


def tree_of(steps: list[SetStep], i: int) -> Tree:
    """Step `i` of a plan with all it reads."""
    step = steps[i]
    children = tuple(tree_of(steps, k) for k in step.inputs)
    return Tree(step.op, step.argument, children, tuple(sorted(step.filters.items())))


def with_it(tree: Tree, it: Tree) -> Tree:
    """The tree with `it` in the place of every "it"."""
    if tree.op == "it":
        return it
    return tree._replace(children=tuple(with_it(child, it) for child in tree.children))


def _tree(bound: dict[str, object]) -> Tree | None:
    """The first set: a noun phrase, or a noun and a relation that stand apart."""
    for name in ("N", "U"):
        if name in bound:
            return bound[name]
    if "R" not in bound:
        return Tree("scene")
    relation = bound["R"]
    if relation.filters:
        return None
    relation = relation._replace(filters=bound.get("H", ()))
    if "I" in bound:
        if IT not in relation.children:
            return None
        relation = relation._replace(
            children=tuple(bound["I"] if c is IT else c for c in relation.children)
        )
    return relation


def _holds_it(tree: Tree) -> bool:
    return tree.op == "it" or any(_holds_it(c) for c in tree.children)


def _flatten(tree: Tree, steps: list[SetStep]) -> int:
    inputs = tuple(_flatten(c, steps) for c in tree.children)
    steps.append(SetStep(tree.op, tree.argument, inputs, dict(tree.filters)))
    return len(steps) - 1
