"""Questions that lean on the one before: "and what color is it?", "那它左边呢？".

"It" is the object that the last answer was about, where that was one object; else the object
that the last question started from ("how many things are left of the ball?"), else the set it
asked about. What is left out ("and behind it?", "what about the blue cube?") is taken from the
last question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from vqa.world.grammar import LANGUAGES, PARSERS
from vqa.world.grammar.parser import Tree, plan_from, tree_of, with_it
from vqa.world.plans import Plan

_ONE = ("query", "describe")  # kinds of answer that are about one object

_EN_START = re.compile(r"^(?:(?:and|so|ok|okay|then|now|but)\b[ ,]*)+", re.IGNORECASE)
_EN_ABOUT = re.compile(r"^(?:(?:what|how) about|and)\b[ ,]*", re.IGNORECASE)
_EN_IT = re.compile(
    r"\b(?:it|they|them|(?:this|that)(?: (?:one|thing|object))?|(?:these|those)(?: things)?)"
    r"(?=$|[ ,.?!;']|'s)",
    re.IGNORECASE,
)
_EN_PRONOUN = re.compile(r"\b(?:it|its|they|them|their)\b", re.IGNORECASE)
_EN_ITS = re.compile(r"\b(?:its|their)\b ?(\w+)", re.IGNORECASE)
_EN_ATTRIBUTE = re.compile(r"^(?:the |its |their )?(colou?r|shape|size|material)$", re.IGNORECASE)
_ZH_START = re.compile(r"^(?:那么|那|然后|还有|另外|，|,)+")
_ZH_IT = re.compile(r"它们|那个物体|那个东西|这个物体|这个东西|那个(?=[的左右前后是有]|$)|它")
_ZH_ATTRIBUTE = re.compile(r"^(?:它的?)?(颜色|形状|大小|尺寸|材质|材料)$")
_ZH_MEANING = {"颜色": "color", "形状": "shape", "大小": "size", "尺寸": "size"}


@dataclass(frozen=True)
class FollowUp:
    """A question that stands alone: what it asks, and what "it" was taken for, in words; empty
    where only something left out was filled in."""

    plan: Plan
    it: str


def leans(text: str, language: str) -> bool:
    """Whether a question may lean on the one before."""
    text = text.strip()
    if language == "zh":
        return bool(
            _ZH_START.match(text) or _ZH_IT.search(text) or text.rstrip("？?。").endswith("呢")
        )
    return bool(
        _EN_START.match(text)
        or _EN_ABOUT.match(text)
        or _EN_IT.search(text)
        or _EN_ITS.search(text)
    )


def refers(text: str, language: str) -> bool:
    """Whether a question has a word for something said before: "it", "their", "那个"."""
    if language == "zh":
        return bool(_ZH_IT.search(text))
    return bool(_EN_PRONOUN.search(text))


def follow(text: str, before: Plan, language: str) -> list[FollowUp]:
    """All that a question can mean behind one that meant `before`; empty when nothing fits.

    Raises:
        ConfigError: unknown language.
    """
    it = what_it_means(before)
    bare, about = (_chinese if language == "zh" else _english)(text)
    parser = PARSERS[language]
    found = [FollowUp(p, _said(it, language)) for p in parser.plans(bare, it)]
    return found or _filled_in(about, before, it, language)


def what_it_means(before: Plan) -> Tree:
    """What "it" means behind a question."""
    last = tree_of(before.steps, before.answer.inputs[-1])
    if before.answer.kind in _ONE or last.op not in ("relate", "same"):
        return last
    return last.children[0]


def _filled_in(text: str, before: Plan, it: Tree, language: str) -> list[FollowUp]:
    """Readings of what says only how it differs from the question before."""
    attribute = _attribute(text, language)
    if attribute:
        return [FollowUp(plan_from([it], "query", attribute), _said(it, language))]
    if len(before.answer.inputs) > 1 or before.answer.kind == "scene":
        return []
    last, kind = tree_of(before.steps, before.answer.inputs[0]), before.answer.kind
    parser = PARSERS[language]
    # One object is asked about as such; of a set what singled its members out stays.
    filters = () if kind in _ONE else last.filters
    found = []
    for relation in parser.phrases(text, "R"):
        if relation.op in ("relate", "same") and not relation.filters:
            tree = with_it(relation, it)._replace(filters=filters)
            said = "" if tree.children == relation.children else _said(it, language)
            found.append((tree, said))
    for noun in parser.phrases(text, "N"):
        if noun.op == "it":
            continue
        counted = kind not in _ONE and last.op == "relate" and noun.op == "scene"
        tree = last._replace(children=(noun,)) if counted else with_it(noun, it)
        found.append((tree, ""))
    answer = before.answer
    return [FollowUp(plan_from([t], kind, answer.attribute), said) for t, said in found]


def _attribute(text: str, language: str) -> str:
    match = (_ZH_ATTRIBUTE if language == "zh" else _EN_ATTRIBUTE).match(text)
    if not match:
        return ""
    word = match[1].lower()
    if language == "zh":
        return _ZH_MEANING.get(word, "material")
    return "color" if word == "colour" else word


def _english(text: str) -> tuple[str, str]:
    """The question with plain pronouns, and what is left of it without "what about"."""
    text = _EN_START.sub("", text.strip())
    bare = _EN_ITS.sub(r"\1 of it", text)
    bare = re.sub(r"\bare it\b", "is it", _EN_IT.sub("it", bare), flags=re.IGNORECASE)
    about = _EN_ABOUT.sub("", bare).rstrip("?.! ")
    return bare, re.sub(r"^(colou?r|shape|size|material) of it$", r"\1", about)


def _chinese(text: str) -> tuple[str, str]:
    text = _ZH_START.sub("", text.strip())
    bare = _ZH_IT.sub("它", text)
    return bare, bare.rstrip("？?。！ ").removesuffix("呢")


def _said(it: Tree, language: str) -> str:
    """What "it" was taken for, in words."""
    plan = plan_from([it], "describe", "")
    return LANGUAGES[language].phrase(plan.steps, len(plan.steps) - 1, Random(0))
