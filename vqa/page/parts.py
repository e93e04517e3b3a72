"""What the tabs of the page share: the model, its limits, the visitor's language.

A tab is a function `add_...(parts)` called inside `gr.Tabs`. It makes its components in English
and names each of them to `Parts.text` with what turns it into another language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import gradio as gr
from PIL import Image

from vqa.errors import ImageError
from vqa.evidence import Evidence
from vqa.flags import Flags
from vqa.image import load_image
from vqa.page.texts import say
from vqa.predictor import AUTO, Answer, Request
from vqa.speech.recogniser import Transcript

# Of the page's own events: no endpoint of the API, no veil over what they change.
QUIET = {"api_visibility": "private", "show_progress": "hidden"}


class Predictor(Protocol):
    """What the page needs of a model."""

    def ask_batch(self, requests: Sequence[Request], top_k: int = 5) -> list[Answer]: ...

    def evidence(self, request: Request, top_k: int = 5) -> Evidence: ...


class Listener(Protocol):
    """Who writes down recordings; see `vqa.speech.listening.Listener`."""

    def transcribe(self, source: object) -> Transcript: ...


@dataclass(frozen=True)
class CheckpointInfo:
    """What the page says about the model.

    Attributes:
        name: of the checkpoint; "" where there are choices.
        summary: language ("en", "zh") -> what it can answer; the text for simulated scenes
            where a language is missing.
        choices: names that the predictor's `ask` takes as `checkpoint` beside "auto"; without
            any there is nothing to choose.
        examples: folder with pictures to try; see `gallery`.
        cards: of the checkpoints that may speak. speech: of the one that writes down recordings;
            None where none does.
    """

    name: str
    summary: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    examples: Path | None = None
    cards: tuple[dict, ...] = ()
    speech: dict | None = None


@dataclass(frozen=True)
class PageLimits:
    """What one visitor, and all together, may ask of the server.

    Attributes:
        max_upload_bytes: the largest picture file.
        queue_size: how many requests may wait before further ones are refused.
        concurrency: how many questions are answered at the same time.
    """

    max_upload_bytes: int = 10 * 1024 * 1024
    queue_size: int = 64
    concurrency: int = 4


@dataclass
class Parts:
    """The page while it is built.

    Attributes:
        language: the switch; its value is "en" or "zh".
        flags: where corrections are kept; None where the host collects none.
        listener: None where nothing can be asked aloud.
        texts: components, each with a function from the language to its new value or update.
    """

    predictor: Predictor
    info: CheckpointInfo
    limits: PageLimits
    flags: Flags | None = None
    listener: Listener | None = None
    language: gr.Radio | None = None
    texts: list[tuple[gr.blocks.Block, Callable[[str], object]]] = field(default_factory=list)

    def text(self, component: gr.blocks.Block, translated: Callable[[str], object]):
        """Has the language switch set `component` to `translated(language)`; returns it."""
        self.texts.append((component, translated))
        return component

    @property
    def asking(self) -> dict:
        """Options of events that ask the model: only so many at the same time."""
        return {"concurrency_limit": self.limits.concurrency, "concurrency_id": "ask"}

    def models(self, language: str) -> list[tuple[str, str]]:
        """(label, name) of the checkpoints to choose from."""
        return [(say(language, "automatic"), AUTO), *((name, name) for name in self.info.choices)]

    def chosen(self, model: str) -> dict:
        """Which checkpoint to ask, as options of the predictor's methods."""
        return {"checkpoint": model or AUTO} if self.info.choices else {}

    def open(self, source: object) -> Image.Image:
        """The picture of a visitor.

        Raises:
            ImageError: see `vqa.image.load_image`; or it was deleted after an hour.
        """
        if isinstance(source, str) and not Path(source).exists():
            raise ImageError(
                "The picture is no longer kept; choose it again.",
                zh="这张图片已被删除，请重新选择。",
            )
        return load_image(source, max_bytes=self.limits.max_upload_bytes)
