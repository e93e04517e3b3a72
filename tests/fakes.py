"""A stand-in for a model: plausible answers without any weights, the same for the same question."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from PIL import Image, ImageDraw

from vqa.audio import RATE, load_audio
from vqa.evidence import Evidence
from vqa.predictor import Answer, Request
from vqa.speech.recogniser import Transcript
from vqa.text import Vocab, detect_language, prepare_question, tokenize

KNOWN = Vocab.from_questions(
    [
        "How many small metal things are left of the red cube?",
        "What color is the big sphere?",
        "Is there a ball?",
        "红色立方体左边有几个小的金属物体？",
    ]
)
REGIONS = ((0.08, 0.3, 0.3, 0.62), (0.4, 0.35, 0.58, 0.6), (0.66, 0.45, 0.92, 0.85))
STEPS = 4


def scene_picture(width: int = 320, height: int = 240) -> Image.Image:
    """Three shapes on grey where `REGIONS` are: red, green, blue."""
    image = Image.new("RGB", (width, height), (120, 120, 122))
    draw = ImageDraw.Draw(image)
    for (x0, y0, x1, y1), color in zip(REGIONS, ("#ad2323", "#1d6914", "#2a4bd7"), strict=True):
        draw.ellipse((x0 * width, y0 * height, x1 * width, y1 * height), fill=color)
    return image


class FakePredictor:
    """Answers "2" (English) or "2 个" (Chinese); a question with "sphere" is answered unsurely."""

    card: ClassVar[dict] = {}
    cached_bytes: ClassVar[int] = 0
    device: ClassVar[torch.device] = torch.device("cpu")

    def knows(self, request) -> bool:
        return False

    def ask_batch(self, requests: Sequence[Request], top_k: int = 5) -> list[Answer]:
        return [self.ask(request.image, request.question, top_k) for request in requests]

    def evidence(self, request: Request, top_k: int = 5) -> Evidence:
        """The first region speaks for the first answer, the second for the second, and so on."""
        weights = [[float(r == k) for r in range(len(REGIONS))] for k in range(top_k)]
        return Evidence("taken_away", REGIONS, tuple(map(tuple, weights)))

    def ask(self, image: Image.Image, question: str, top_k: int = 5) -> Answer:
        asked = prepare_question(question, KNOWN)
        if "boom" in question:
            raise RuntimeError("a bug with a secret path")
        english = asked.language == "en"
        sure = "sphere" not in asked.tokens
        names = (
            ("2", "1", "3", "yes", "red", "0") if english else ("2 个", "1", "3", "有", "红色", "0")
        )
        values = (
            (0.962, 0.021, 0.009, 0.0052, 0.0026, 0.0002)
            if sure
            else (0.41, 0.3, 0.2, 0.05, 0.03, 0.01)
        )
        count = len(asked.tokens)
        words = []
        for step in range(STEPS):
            center = (step + 0.5) / STEPS * count
            raw = [1 / (1 + (i - center) ** 2) for i in range(count)]
            words.append(tuple(value / sum(raw) for value in raw))
        return Answer(
            answer=names[0],
            kind="word",
            items=(),
            confidence=values[0],
            sure=sure,
            top=tuple(zip(names, values, strict=True))[:top_k],
            regions=REGIONS,
            region_attention=(
                (0.9, 0.05, 0.05),
                (0.5, 0.45, 0.05),
                (0.1, 0.8, 0.1),
                (0.0, 0.2, 0.8),
            ),
            words=asked.tokens,
            word_attention=tuple(words),
            unknown_words=asked.unknown,
            repaired_words=asked.repaired,
            familiarity=0.9,
            familiar=True,
            checkpoint="fake",
            why=f"{question} Why?",
            language=asked.language,
            elapsed_ms=4.2,
            device="cpu",
        )


def write_examples(folder: Path) -> Path:
    """An examples folder with two pictures and questions in both languages."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, size in enumerate(((320, 240), (480, 360)), start=1):
        scene_picture(*size).save(folder / f"scene{number}.png")
        questions = {"en": ["How many red things are there?"], "zh": ["红色立方体左边有几个物体？"]}
        entries.append({"image": f"scene{number}.png", "questions": questions})
    (folder / "examples.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


class FakeListener:
    """Hears the same whatever is said; what is no recording is told as ever."""

    def __init__(self, text: str = "How many red things are there", sure: bool = True) -> None:
        self.text, self.sure = text, sure

    def transcribe(self, source) -> Transcript:
        duration = len(load_audio(source)) / RATE
        language = detect_language(self.text)
        words = tuple(tokenize(self.text))
        return Transcript(self.text, words, (), 0.9, self.sure, language, duration, 1.0)


def main(argv: list[str]) -> None:
    """Serves the page as app.py does, with the stand-ins; the examples' folder comes first.

    The listener is not sure where the environment has VQA_UNSURE.
    """
    from vqa import serving
    from vqa.page import gallery
    from vqa.speech import recogniser

    sure = "VQA_UNSURE" not in os.environ
    recogniser.shared = lambda *_: FakeListener(sure=sure)

    folder, *flags = argv
    gallery.FOLDER = write_examples(Path(folder))
    serving.serve(FakePredictor(), "fake", serving.parse_args(flags))


if __name__ == "__main__":
    main(sys.argv[1:])
