"""The parts of the page that show something, as HTML.

Everything that people typed or a model said is escaped here and nowhere else.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from vqa.page.gallery import Example
from vqa.page.overlays import attention_overlay, data_uri
from vqa.page.texts import LANGUAGE_NAMES, confidence_key, familiarity_key, say
from vqa.predictor import Answer
from vqa.world.understanding import Understood


def header(language: str) -> str:
    """Title and subtitle of the page."""
    title, subtitle = say(language, "title"), say(language, "subtitle")
    return f"<h1>{escape(title)}</h1><p>{escape(subtitle)}</p>"


def about(language: str, name: str, summary: str) -> str:
    """What the checkpoint is and what it can answer; `name` is "" where several answer."""
    model = escape(say(language, "model"))
    named = f"<p>{model}: <b>{escape(name)}</b></p>" if name else ""
    return f"<p>{escape(summary)}</p>{named}"


def idle(language: str) -> str:
    """Shown in the place of the answer before the first question."""
    return f'<div class="card idle">{escape(say(language, "idle"))}</div>'


def message(sentence: str) -> str:
    """An error, in the words meant for the visitor."""
    return f'<div class="message" role="alert">{escape(sentence)}</div>'


@dataclass(frozen=True)
class Exchange:
    """A question as typed, as it was understood, and its answer."""

    question: str
    understood: Understood
    answer: Answer


def result(exchanges: Sequence[Exchange], language: str) -> str:
    """The last answer, how sure the model is, the likeliest answers as bars, notes, and the
    earlier questions about the picture with their answers."""
    answer = exchanges[-1].answer
    key = confidence_key(answer)
    lead = f'<p class="lead">{escape(say(language, key + "_lead"))}</p>' if not answer.sure else ""
    return (
        f'<div class="card {key}" aria-live="polite">{lead}'
        f'<div class="headline">{_said(answer)}'
        f'<span class="badge" data-testid="confidence">{escape(say(language, key))}'
        f" · {answer.confidence:.0%}</span></div>"
        f"{_meant(exchanges[-1].understood, language)}{_notes(answer, language)}"
        f"{_candidates(answer, language)}"
        f'<p class="footnote">{_footnote(answer, language)}</p></div>'
        f"{_earlier(exchanges[:-1], language)}"
    )


def _meant(understood: Understood, language: str) -> str:
    """What "it" was taken for, or that nothing was found."""
    if understood.unresolved:
        return f'<p class="note" data-testid="meant">{escape(say(language, "unresolved"))}</p>'
    if not understood.it:
        return ""
    said = escape(say(language, "meant"))
    return f'<p class="note" data-testid="meant">{said}: <b>{escape(understood.it)}</b></p>'


def _earlier(exchanges: Sequence[Exchange], language: str) -> str:
    """What was asked before, the newest first."""
    if not exchanges:
        return ""
    rows = "".join(
        f'<li><span class="asked">{escape(e.question)}</span>'
        f'<span class="said">{escape(e.answer.answer)}'
        f" · {e.answer.confidence:.0%}</span></li>"
        for e in reversed(exchanges)
    )
    title = escape(say(language, "earlier"))
    return f'<div class="earlier" data-testid="earlier"><h3>{title}</h3><ol>{rows}</ol></div>'


def attention(picture: bytes, answer: Answer, step: int, language: str) -> str:
    """What one reasoning step looked at and which words it read.

    Args:
        picture: an encoded picture that Pillow reads.
        answer: with its attention maps.
        step: 1 to the number of steps.
        language: of the page.
    """
    with Image.open(io.BytesIO(picture)) as image:
        overlay = attention_overlay(image, answer.regions, answer.region_attention[step - 1])
    where = say(language, "step_of", step=step, steps=len(answer.region_attention))
    return (
        f'<figure class="card" data-step="{step}">'
        f'<img class="overlay" data-testid="overlay" src="{data_uri(overlay)}" '
        f'alt="{escape(say(language, "overlay_alt", step=step))}">'
        f"<figcaption><b>{escape(where)}</b> · {escape(say(language, 'words'))}"
        f"{_words(answer, step)}</figcaption></figure>"
    )


def examples(items: Sequence[Example], language: str) -> str:
    """Pictures with their questions as buttons; `data-example` counts all questions in order."""
    if not items:
        return ""
    cards, number = [], 0
    for example in items:
        buttons = {code: "" for code in LANGUAGE_NAMES}
        for code, question in example.questions:
            buttons[code] += (
                f'<button type="button" data-example="{number}" lang="{code}">'
                f"{escape(question)}</button>"
            )
            number += 1
        # The visitor's own language first.
        ordered = sorted(buttons.items(), key=lambda item: item[0] != language)
        cards.append(
            f'<div class="example"><img src="{escape(example.thumbnail)}" alt="" loading="lazy">'
            f'<div class="asks">{"".join(html for _, html in ordered)}</div></div>'
        )
    return (
        f"<h3>{escape(say(language, 'examples'))}</h3><div class='examples'>{''.join(cards)}</div>"
    )


def _said(answer: Answer) -> str:
    """The answer itself: a word, a sentence, or the items of a list in their order."""
    text = escape(answer.answer)
    if answer.kind == "list" and answer.items:
        text = "".join(f"<li>{escape(item)}</li>" for item in answer.items)
        return f'<ol class="answer items" data-testid="answer" lang="{answer.language}">{text}</ol>'
    kind = "answer sentence" if answer.kind == "sentence" else "answer"
    return f'<span class="{kind}" data-testid="answer" lang="{answer.language}">{text}</span>'


def _candidates(answer: Answer, language: str) -> str:
    """The likeliest answers; of sentences and lists the others, folded away."""
    if answer.kind == "word":
        return f"<h3>{escape(say(language, 'top'))}</h3>{_bars(answer.top)}"
    if len(answer.top) < 2:
        return ""
    other = escape(say(language, "other"))
    return f"<details><summary>{other}</summary>{_bars(answer.top[1:])}</details>"


def _bars(top: Sequence[tuple[str, float]]) -> str:
    rows = "".join(
        f'<li><span class="name">{escape(name)}</span>'
        f'<span class="track"><span class="fill" style="width:{probability:.1%}"></span></span>'
        f'<span class="value">{_percent(probability)}</span></li>'
        for name, probability in top
    )
    return f'<ol class="bars" data-testid="top">{rows}</ol>'


def _percent(probability: float) -> str:
    return "< 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


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


def _notes(answer: Answer, language: str) -> str:
    key = familiarity_key(answer)
    kind = "note" if answer.familiar else "note warn"
    notes = f'<p class="{kind}" data-testid="familiarity">{escape(say(language, key))}</p>'
    if answer.repaired_words:
        pairs = ", ".join(
            f"<del>{escape(typed)}</del> → <b>{escape(read)}</b>"
            for typed, read in answer.repaired_words.items()
        )
        notes += f'<p class="note" data-testid="repaired">{escape(say(language, "repaired"))}: '
        notes += f"{pairs}</p>"
    if answer.unknown_words:
        words = ", ".join(f"<b>{escape(word)}</b>" for word in answer.unknown_words)
        notes += f'<p class="note warn" data-testid="unknown">{escape(say(language, "unknown"))}: '
        notes += f"{words}</p>"
    return notes


def _footnote(answer: Answer, language: str) -> str:
    ms = f"{answer.elapsed_ms:.1f}" if answer.elapsed_ms < 100 else f"{answer.elapsed_ms:.0f}"
    shown = {"ms": ms, "device": answer.device, "checkpoint": answer.checkpoint}
    return escape(say(language, "footnote", **shown))
