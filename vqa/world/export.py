"""Writing simulated data in CLEVR's own file formats: images, scenes.json, questions.json.

The questions also stand in questions.csv, as people bring their own data (`vqa.data.folder`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from PIL import Image

from vqa.running import helpers
from vqa.world.families import FAMILIES
from vqa.world.grammar import answer_in, write
from vqa.world.picture import draw_picture
from vqa.world.placement import OBJECTS
from vqa.world.programs import program_to_clevr
from vqa.world.questions import QuestionSampler
from vqa.world.scene import scene_to_clevr


@dataclass(frozen=True)
class ExportOptions:
    """What to write.

    Attributes:
        out: folder, made when missing. n: number of scenes. seed: of everything random.
        languages: each question is asked in all of them.
        questions: per scene and language. width, height: of the pictures, pixels.
        objects: the fewest and the most in a scene.
        variety: 0 for CLEVR's own look, 1 for the variation that training uses.
        decorated, noise: how often questions are polite or carry a slip, 0..1.
    """

    out: Path
    n: int
    seed: int = 0
    languages: tuple[str, ...] = ("en",)
    questions: int = 10
    width: int = 320
    height: int = 240
    objects: tuple[int, int] = OBJECTS
    variety: float = 1.0
    decorated: float = 0.15
    noise: float = 0.0


def _one(job: tuple[ExportOptions, int]) -> tuple[dict, list[dict]]:
    """Draws and writes one picture; returns its scene and questions as CLEVR's entries."""
    options, number = job
    name = f"VQA_{number:06d}.png"
    torch.set_num_threads(1)
    picture = draw_picture(
        options.seed,
        number,
        options.width,
        options.height,
        options.variety,
        name,
        options.objects,
    )
    Image.fromarray(picture.pixels).save(options.out / "images" / name)
    first = options.languages[0]
    sampler = QuestionSampler(options.seed, None, (first,), options.decorated, options.noise)
    entries = []
    for place, question in enumerate(sampler.sample(picture.scene, options.questions, number)):
        for language in options.languages:
            text = question.text
            if language != first:
                rng = Random(f"{language}/{options.seed}/{number}/{place}")
                text = write(question.plan, language, rng, options.decorated, options.noise)
            entries.append(
                {
                    "split": "new",
                    "image_index": number,
                    "image_filename": name,
                    "question": text,
                    "language": language,
                    "answer": answer_in(language, question.answer),
                    "program": program_to_clevr(question.program),
                    "question_family": question.family,
                    "question_family_index": list(FAMILIES).index(question.family),
                }
            )
    return scene_to_clevr(picture.scene), entries


def export(options: ExportOptions, workers: int = 1) -> Iterator[int]:
    """Writes a data set and yields the number of scenes done after each one.

    The result is the same whatever `workers` is. The files with the questions come last, so a
    folder that has questions.json is complete.
    """
    (options.out / "images").mkdir(parents=True, exist_ok=True)
    jobs = [(options, number) for number in range(options.n)]
    scenes: list[dict] = []
    questions: list[dict] = []

    def collect(done: Iterator[tuple[dict, list[dict]]]) -> Iterator[int]:
        for scene, entries in done:
            scenes.append(scene)
            questions.extend(entries)
            yield len(scenes)

    if workers <= 1:
        yield from collect(map(_one, jobs))
    else:
        with helpers(workers) as pool:
            yield from collect(pool.imap(_one, jobs, chunksize=4))
    for number, entry in enumerate(questions):
        entry["question_index"] = number
    info = {"split": "new", "license": "CC0", "version": "1.0", "seed": options.seed}
    _write(options.out / "scenes.json", {"info": info, "scenes": scenes})
    _write_table(options.out / "questions.csv", questions)
    _write(options.out / "questions.json", {"info": info, "questions": questions})


def _write(path: Path, value: dict) -> None:
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


def _write_table(path: Path, questions: list[dict]) -> None:
    names = {
        "image": "image_filename",
        "question": "question",
        "answer": "answer",
        "question_type": "question_family",
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(names)
        table.writerows([entry[key] for key in names.values()] for entry in questions)
