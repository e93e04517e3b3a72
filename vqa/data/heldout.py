"""The simulated world's held-out set: scenes and questions that training never draws."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from vqa.data.clevr import read_questions, read_scenes
from vqa.data.sample import Sample
from vqa.world.dialogues import sample_dialogue
from vqa.world.export import ExportOptions, export
from vqa.world.grammar import answer_in
from vqa.world.placement import EVALUATION_SEEDS
from vqa.world.questions import QuestionSampler
from vqa.world.replies import REPLY_FAMILIES
from vqa.world.scene_index import SceneIndex
from vqa.world.understanding import Turn, understand

SCENES, QUESTIONS = 500, 10
_REPLIES = 4  # questions of each family about a scene


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
    folder = _drawn(scenes, workers, progress)
    return read_questions(folder, language=language)


def held_out_replies(
    language: str = "en",
    scenes: int = SCENES,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Questions about the same scenes whose answers are sentences and lists: 4 of each of
    `REPLY_FAMILIES` for each scene; see `held_out` for the arguments."""
    folder = _drawn(scenes, workers, progress)
    samples = []
    for image, scene in read_scenes(folder):
        index = SceneIndex(scene)
        for family in REPLY_FAMILIES:
            sampler = QuestionSampler(EVALUATION_SEEDS.start, {family: 1.0}, (language,))
            for question in sampler.sample(index, _REPLIES, scene.index):
                samples.append(Sample(image, question.text, (question.answer,), family))
    return samples


def held_out_dialogues(
    language: str = "en",
    scenes: int = SCENES,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Dialogues about the same scenes, for each one of two questions and one of three, as they
    are understood; the kind "turn_1" begins one. See `held_out` for the arguments."""
    folder = _drawn(scenes, workers, progress)
    samples = []
    for image, scene in read_scenes(folder):
        index = SceneIndex(scene)
        for turns in (2, 3):
            rng = Random(f"dialogues/{EVALUATION_SEEDS.start}/{scene.index}/{turns}/{language}")
            said: list[Turn] = []
            for exchange in sample_dialogue(index, language, turns, rng) or ():
                said.append(Turn(understand(exchange.text, said).question))
                answer = answer_in(language, exchange.answer)
                samples.append(Sample(image, said[-1].asked, (answer,), f"turn_{len(said)}"))
    return samples


def _drawn(scenes: int, workers: int, progress: Callable[[int, int], None]) -> Path:
    """The folder with the held-out scenes, drawn when it is not there."""
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
    return folder
