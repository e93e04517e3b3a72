"""Questions in words: plans written as English or Chinese and read back.

`write` makes a question of a plan, `parse` makes the plan of a question.
"""

from __future__ import annotations

from random import Random
from types import ModuleType

from vqa.errors import ConfigError, QuestionError
from vqa.world.grammar import chinese, chinese_parser, english, english_parser
from vqa.world.grammar.noise import add_noise
from vqa.world.plans import Plan
from vqa.world.programs import Program

LANGUAGES: dict[str, ModuleType] = {"en": english, "zh": chinese}
PARSERS: dict[str, ModuleType] = {"en": english_parser, "zh": chinese_parser}


def _module(language: str) -> ModuleType:
    if language not in LANGUAGES:
        raise ConfigError(f"Unknown language {language!r}; choose one of: {', '.join(LANGUAGES)}.")
    return LANGUAGES[language]


def write(plan: Plan, language: str, rng: Random, decorated: float = 0, noise: float = 0) -> str:
    """The plan as a question.

    Args:
        language: "en" or "zh".
        rng: every draw is taken from it.
        decorated: how often politeness, a place or unusual marks and case are added, 0..1.
        noise: how often a slip is put in, 0..1.

    Raises:
        ConfigError: unknown language.
    """
    module = _module(language)
    text = module.write(plan, rng)
    if decorated and rng.random() < decorated:
        text = module.decorate(text, rng)
    if noise and rng.random() < noise:
        text = add_noise(text, language, rng)
    return text


def parse_plans(text: str, language: str | None = None) -> list[Plan]:
    """All different plans the question can mean; empty when it fits no template.

    Args:
        language: "en" or "zh"; None takes Chinese when the text has any Chinese character.

    Raises:
        ConfigError: unknown language.
    """
    if language is None:
        language = "zh" if any("\u4e00" <= c <= "\u9fff" for c in text) else "en"
    _module(language)
    return PARSERS[language].plans(text)


def parse(text: str, language: str | None = None) -> Program:
    """The program of a question without slips; case, articles, marks and politeness are free.

    The program is in normal form: `Plan.program` of what is meant, so nodes in post-order and
    filters in the order size, color, material, shape.

    Raises:
        ConfigError: unknown language.
        QuestionError: the question fits no template, or more than one reading.
    """
    found = parse_plans(text, language)
    if len(found) != 1:
        how = "in more than one way" if found else "in no way"
        raise QuestionError(
            f"The question {text[:80]!r} can be read {how}; ask for a count, whether something "
            "is there, an attribute, or a comparison of the objects in the scene."
        )
    return found[0].program()


def answer_in(language: str, canonical: str) -> str:
    """The canonical answer ("yes", "3", "red") as people of that language say it.

    Raises:
        ConfigError: unknown language.
    """
    _module(language)
    return canonical if language == "en" else chinese.ANSWERS.get(canonical, canonical)


def vocabulary(language: str) -> set[str]:
    """All words (en, lower case) or characters (zh) that questions without slips can hold.

    Raises:
        ConfigError: unknown language.
    """
    return _module(language).vocabulary()


def template_counts() -> dict[str, int]:
    """Number of question templates of each language."""
    return {name: len(module.BOOK.templates) for name, module in LANGUAGES.items()}
