"""Pictures that show where the model looked, with places that can be asked about."""

from __future__ import annotations

import io
from html import escape

from PIL import Image

from vqa.evidence import Evidence
from vqa.page.overlays import Box, attention_overlay, data_uri
from vqa.page.texts import say
from vqa.predictor import Answer

_MANY = 16  # regions; more are cells of a grid, for which nine parts of the picture stand
_LEAST = 0.02  # weight of a region that speaks for an answer
_PARTS = [(x / 3, y / 3, (x + 1) / 3, (y + 1) / 3) for y in range(3) for x in range(3)]


def attention(picture: bytes, answer: Answer, step: int, language: str) -> str:
    """What one reasoning step looked at and which words it read.

    Args:
        picture: an encoded picture that Pillow reads.
        answer: with its attention maps.
        step: 1 to the number of steps.
        language: of the page.
    """
    where = say(language, "step_of", step=step, steps=len(answer.region_attention))
    canvas = _canvas(
        picture,
        answer.regions,
        answer.region_attention[step - 1],
        say(language, "overlay_alt", step=step),
        language,
    )
    return (
        f'<figure class="card" data-step="{step}">{canvas}'
        f"<figcaption><b>{escape(where)}</b> · {escape(say(language, 'words'))}"
        f"{_words(answer, step)}</figcaption></figure>"
    )


def evidence(picture: bytes, found: Evidence, number: int, name: str, language: str) -> str:
    """The regions that speak for one answer.

    Args:
        picture: an encoded picture that Pillow reads.
        found: evidence for several answers.
        number: which of them, from 0.
        name: that answer.
    """
    weights = found.weights[number]
    name = shorten(name)
    title = escape(say(language, "evidence_title", answer=name))
    if max(weights, default=0.0) < _LEAST:
        weights, key = (), "evidence_none"
    else:
        key = f"evidence_{found.kind}"
    alt = say(language, "evidence_alt", answer=name)
    canvas = _canvas(picture, found.regions if weights else (), weights, alt, language)
    return (
        f'<figure class="card" data-evidence="{number}">{canvas}'
        f"<figcaption><b>{title}</b> · {escape(say(language, key))}</figcaption></figure>"
    )


def shorten(text: str, most: int = 60) -> str:
    """The text, or its beginning where it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def small(picture: bytes, answer: Answer, language: str) -> str:
    """What the last step looked at, as an image alone; empty without attention."""
    steps = len(answer.region_attention)
    if not steps:
        return ""
    alt = say(language, "overlay_alt", step=steps)
    return _image(picture, answer.regions, answer.region_attention[-1], alt)


def _canvas(picture: bytes, regions, weights, alt: str, language: str) -> str:
    """The picture with its regions lit, and a button on each place that can be asked about."""
    places = list(regions) if 0 < len(regions) <= _MANY else _PARTS
    buttons = "".join(
        f'<button type="button" class="place" style="{_style(box)}" '
        f'data-place="{(box[0] + box[2]) / 2:.4f},{(box[1] + box[3]) / 2:.4f}" '
        f'aria-label="{escape(say(language, "place", number=k, places=len(places)))}"></button>'
        for k, box in enumerate(sorted(places), start=1)
    )
    return f'<div class="canvas">{_image(picture, regions, weights, alt)}{buttons}</div>'


def _image(picture: bytes, regions, weights, alt: str) -> str:
    with Image.open(io.BytesIO(picture)) as image:
        overlay = attention_overlay(image, regions, weights)
    return (
        f'<img class="overlay" data-testid="overlay" src="{data_uri(overlay)}" alt="{escape(alt)}">'
    )


def _style(box: Box) -> str:
    x0, y0, x1, y1 = (100 * min(max(v, 0.0), 1.0) for v in box)
    return f"left:{x0:.1f}%;top:{y0:.1f}%;width:{x1 - x0:.1f}%;height:{y1 - y0:.1f}%"


def _words(answer: Answer, step: int) -> str:
    weights = answer.word_attention[step - 1]
    strongest = max(weights, default=0.0) or 1.0
    chips = ""
    for word, weight in zip(answer.words, weights, strict=True):
        share = weight / strongest
        kind = "chip strong" if share > 0.5 else "chip"
        # The custom property sets how strong the chip's color is; see style.css.
        chips += (
            f'<span class="{kind}" style="--w:{share:.2f}" title="{weight:.0%}">'
            f"{escape(word)}</span>"
        )
    return f'<div class="words" data-testid="words">{chips}</div>'
