"""The call that users of transformers know, answered by a checkpoint of this project.

`pipeline("visual-question-answering", model="photos")(image=..., question=..., top_k=5)` returns
`[{"score": ..., "answer": ...}]`, as the transformers pipeline of that name is documented to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vqa.errors import ConfigError
from vqa.predictor import AUTO, Predictor, Request
from vqa.routing import Router, load_predictor

TASK = "visual-question-answering"


class VisualQuestionAnsweringPipeline:
    """Answers questions; see `pipeline`."""

    def __init__(self, predictor: Predictor | Router) -> None:
        self.predictor = predictor

    def __call__(self, image=None, question=None, top_k: int = 5) -> list:
        """Asks one question or many.

        Args:
            image: a picture (path, PIL image, array or bytes), a list of pictures, a dictionary
                with "image" and "question", or a list of such dictionaries.
            question: a question, or a list of questions about one picture or about as many.
            top_k: answers to return for each question, as far as there are so many.

        Returns:
            For one question a list of {"score", "answer"}, most probable first; for many a list
            of such lists.

        Raises:
            VQAError: as `Predictor.ask`; also when pictures and questions do not match.
        """
        requests, many = _requests(image, question)
        answers = self.predictor.ask_batch(requests, top_k)
        found = [[{"score": p, "answer": text} for text, p in a.top] for a in answers]
        return found if many else found[0]


def pipeline(
    task: str = TASK, model: str | Path = AUTO, device: str = "auto"
) -> VisualQuestionAnsweringPipeline:
    """A pipeline for the task "visual-question-answering" (or "vqa").

    Args:
        model: name of a shipped checkpoint, a checkpoint folder, or "auto" for all shipped ones.

    Raises:
        ConfigError: another task. CheckpointError: see `vqa.checkpoint.load`.
    """
    if task not in (TASK, "vqa"):
        raise ConfigError(f"There is no pipeline for {task!r}; this one is {TASK!r}.")
    return VisualQuestionAnsweringPipeline(load_predictor(model, device))


def _requests(image, question) -> tuple[list[Request], bool]:
    """The questions to ask, and whether the caller gave several."""
    if question is None:
        many = isinstance(image, Sequence) and not isinstance(image, str | bytes)
        entries = list(image) if many else [image]
        if not entries or not all(isinstance(e, dict) for e in entries):
            raise ConfigError(
                'Give image=... and question=..., or dictionaries {"image": ..., "question": ...}.'
            )
        for entry in entries:
            if "image" not in entry or "question" not in entry:
                raise ConfigError('Each dictionary needs "image" and "question".')
        return [Request(e["image"], e["question"]) for e in entries], many
    images = list(image) if isinstance(image, list | tuple) else [image]
    questions = list(question) if isinstance(question, list | tuple) else [question]
    many = isinstance(image, list | tuple) or isinstance(question, list | tuple)
    if len(images) == 1:
        images *= len(questions)
    elif len(questions) == 1:
        questions *= len(images)
    if len(images) != len(questions) or not images:
        raise ConfigError(
            f"{len(images)} pictures and {len(questions)} questions do not match; "
            "give one of either, or as many of both."
        )
    return [Request(i, q) for i, q in zip(images, questions, strict=True)], many
