"""The simulated world's held-out set: scenes and questions that training never draws."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from vqa.data.clevr import read_questions
from vqa.data.sample import Sample
from vqa.world.export import ExportOptions, export
from vqa.world.placement import EVALUATION_SEEDS

SCENES, QUESTIONS = 500, 10


def cache_folder() -> Path:
    """Where drawn evaluation sets are kept: `VQA_CACHE`, or a folder of the user's own."""
    given = os.environ.get("VQA_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "vqa"


def held_out(
    language: str = "en",
    scenes: int = SCENES,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Questions about `scenes` held-out scenes, the same ones in every language.

    The pictures are drawn on first use and kept in `cache_folder()`.

    Args:
        progress: told (scenes done, scenes in all) while drawing.
    """
    folder = cache_folder() / f"heldout-{EVALUATION_SEEDS.start}-{scenes}"
    if not (folder / "questions.json").is_file():
        options = ExportOptions(
            folder,
            scenes,
            EVALUATION_SEEDS.start,
            languages=("en", "zh"),
            questions=QUESTIONS,
            noise=0.05,
        )
        for done in export(options, workers):
            progress(done, scenes)
    return read_questions(folder, language=language)
