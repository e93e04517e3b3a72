"""Questions in words: plans written as English or Chinese and read back.

`write` makes a question of a plan, `parse` makes the plan of a question.
"""

from __future__ import annotations

from random import Random
from types import ModuleType

from vqa.errors import ConfigError
from vqa.world.grammar import chinese, english
from vqa.world.grammar.noise import add_noise
from vqa.world.plans import Plan

LANGUAGES: dict[str, ModuleType] = {"en": english, "zh": chinese}


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
