"""The page with markup in all that a checkpoint brings: answers, words, names, the card."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from fakes import FakePredictor, write_examples

from vqa import serving
from vqa.page import gallery

MARKUP = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>\'"&{{7*7}}'


class Marked(FakePredictor):
    """Answers, words and names are markup."""

    card: ClassVar[dict] = {"summary": "card " + MARKUP, "summary_zh": "card " + MARKUP}
    choices: ClassVar[tuple[str, ...]] = ("one" + MARKUP, "two")

    def ask_batch(self, requests, top_k=5, checkpoint="auto"):
        return [self.ask(request.image, request.question, top_k) for request in requests]

    def ask(self, image, question, top_k=5):
        found = super().ask(image, "Is there a ball?", top_k)
        return replace(
            found,
            answer="said " + MARKUP,
            top=tuple((f"{name} {MARKUP}", p) for name, p in found.top),
            words=tuple(MARKUP for _ in found.words),
            unknown_words=("unknown " + MARKUP,),
            repaired_words={MARKUP: "repaired " + MARKUP},
            checkpoint="point " + MARKUP,
            why=f"{question} Why?",
            device=MARKUP,
        )


if __name__ == "__main__":
    folder, *flags = sys.argv[1:]
    gallery.FOLDER = write_examples(Path(folder))
    serving.serve(Marked(), "name " + MARKUP, serving.parse_args(flags))
