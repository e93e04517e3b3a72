"""The parts of the page that show something, as HTML.

Everything that people typed or a model said is escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from vqa.page import looks
from vqa.page.gallery import Example
from vqa.page.texts import LANGUAGE_NAMES, confidence_key, doubt_key, familiarity_key, say
from vqa.places import Place
from vqa.predictor import Answer
from vqa.text import detect_language
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


def idle() -> str:
    """Shown in the place of the answer before the first question.

    In each language, of which style.css shows one: to draw it anew when the language changes could
    wipe out an answer that comes just then.
    """
    said = "".join(f'<span lang="{c}">{escape(say(c, "idle"))}</span>' for c in LANGUAGE_NAMES)
    return f'<div class="card idle">{said}</div>'


def hint(language: str, key: str, **values: object) -> str:
    """A sentence beside what it explains."""
    return f'<p class="hint">{escape(say(language, key, **values))}</p>'


def message(sentence: str) -> str:
    """An error, in the words meant for the visitor."""
    return f'<div class="message" role="alert">{escape(sentence)}</div>'


def speak(language: str) -> str:
    """The button that records, and what is told while it does; see `scripts.SPEAKING`."""
    told = " ".join(
        f'data-{key}="{escape(say(language, f"speak_{key}"))}"' for key in ("recording", "writing")
    )
    return (
        f'<div class="speak"><button type="button" data-speak>'
        f'<span class="dot" aria-hidden="true"></span>'
        f'<span class="start">{escape(say(language, "speak"))}</span>'
        f'<span class="stop">{escape(say(language, "speak_stop"))} '
        f'<span class="seconds" aria-hidden="true"></span></span></button>'
        f'<span role="status" {told}></span></div>'
    )


def heard(sure: bool, language: str) -> str:
    """What to do about a transcript in the question box."""
    key = "heard_sure" if sure else "heard_unsure"
    return f'<p class="{key}" role="status" data-testid="heard">{escape(say(language, key))}</p>'


@dataclass(frozen=True)
class Exchange:
    """A question as typed, as it was understood, its answer, and the place (x, y) in [0, 1] of
    the picture that it was about, if it was about one."""

    question: str
    understood: Understood
    answer: Answer
    place: Place | None = None


def result(exchanges: Sequence[Exchange], language: str) -> str:
    """The last question, which the box may no longer hold, its answer, how sure the model is, the
    likeliest answers as bars, notes, and the earlier questions about the picture with theirs."""
    answer = exchanges[-1].answer
    # The turn tells an answer that is new from one that is drawn again; see `scripts.READING`.
    turn = f"{len(exchanges)} {answer.elapsed_ms}"
    return (
        f'<div class="card {confidence_key(answer)}" data-turn="{turn}" '
        f'data-aloud="{escape(_aloud(answer))}">{_asked("p", exchanges[-1])}'
        f"{_headline(answer, language)}"
        f"{_meant(exchanges[-1].understood, language)}{_notes(answer, language)}"
        f"{_candidates(answer, language)}"
        f'<p class="footnote">{_footnote(answer, language)}</p></div>'
        f"{_earlier(exchanges[:-1], language)}"
    )


def guess(picture: bytes, answer: Answer, language: str) -> str:
    """The best guess at a question that is still being typed."""
    title = escape(say(language, "guess"))
    return (
        f'<div class="card guess" data-testid="guess"><h2>{title}</h2>'
        f'<div class="headline">{_said(answer, "guessed")}'
        f"{_badge(answer, language)}</div>{looks.small(picture, answer, language)}</div>"
    )


def side_by_side(picture: bytes, exchanges: Sequence[Exchange], language: str) -> str:
    """Questions about one picture with their answers and overlays, beside each other."""
    cards = "".join(
        f'<section class="card {confidence_key(e.answer)}" data-testid="compared">'
        f"{_asked('h2', e)}{_headline(e.answer, language)}"
        f"{looks.small(picture, e.answer, language)}"
        f"{_candidates(e.answer, language, live=False)}</section>"
        for e in exchanges
    )
    return f'<div class="sides">{cards}</div>'


def _asked(tag: str, exchange: Exchange) -> str:
    """A question as it was typed, in an element of its language."""
    text = exchange.question
    return f'<{tag} class="asked" lang="{detect_language(text)}">{escape(text)}</{tag}>'


def _headline(answer: Answer, language: str) -> str:
    lead = f'<p class="lead">{escape(say(language, doubt_key(answer)))}</p>'
    return (
        f"{'' if answer.sure else lead}"
        f'<div class="headline">{_said(answer)}{_badge(answer, language)}</div>'
    )


def _badge(answer: Answer, language: str) -> str:
    key = confidence_key(answer)
    return (
        f'<span class="badge {key}" data-testid="confidence">{escape(say(language, key))}'
        f" · {answer.confidence:.0%}</span>"
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
        f"<li>{_asked('span', e)}"
        f'<span class="said">{escape(e.answer.answer)}'
        f" · {e.answer.confidence:.0%}</span></li>"
        for e in reversed(exchanges)
    )
    title = escape(say(language, "earlier"))
    return f'<div class="earlier" data-testid="earlier"><h2>{title}</h2><ol>{rows}</ol></div>'


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
        f"<h2>{escape(say(language, 'examples'))}</h2><div class='examples'>{''.join(cards)}</div>"
    )


def _said(answer: Answer, test_id: str = "answer") -> str:
    """The answer itself: a word, a sentence, or the items of a list in their order."""
    text, marks = escape(answer.answer), f'data-testid="{test_id}" lang="{answer.language}"'
    if answer.kind == "list" and answer.items:
        text = "".join(f"<li>{escape(item)}</li>" for item in answer.items)
        return f'<ol class="answer items" {marks}>{text}</ol>'
    kind = "answer sentence" if answer.kind == "sentence" else "answer"
    return f'<span class="{kind}" {marks}>{text}</span>'


def _aloud(answer: Answer) -> str:
    """What is read aloud, in the answer's language."""
    text = answer.answer
    if answer.kind == "list" and answer.items:
        text = {"en": ", ", "zh": "，"}[answer.language].join(answer.items)
    return text if answer.sure else say(answer.language, "aloud_unsure", answer=text)


def _candidates(answer: Answer, language: str, live: bool = True) -> str:
    """The likeliest answers; of sentences and lists the others, folded away. Where they are
    `live`, each is a button that shows what speaks for it; `data-candidate` counts from 0."""
    if answer.kind == "word":
        more = hint(language, "hover") if live else ""
        return f"<h2>{escape(say(language, 'top'))}</h2>{_bars(answer.top, 0, live)}{more}"
    own = ""
    if live:
        spoken = escape(say(language, "spoken"))
        own = f'<button type="button" class="spoken" data-candidate="0">{spoken}</button>'
    if len(answer.top) < 2:
        return own
    other = escape(say(language, "other"))
    bars = _bars(answer.top[1:], 1, live)
    return f"{own}<details><summary>{other}</summary>{bars}</details>"


def _bars(top: Sequence[tuple[str, float]], first: int, live: bool) -> str:
    rows = ""
    for number, (name, probability) in enumerate(top, start=first):
        bar = (
            f'<span class="name">{escape(name)}</span>'
            f'<span class="track"><span class="fill" style="width:{probability:.1%}"></span></span>'
            f'<span class="value">{_percent(probability)}</span>'
        )
        if live:
            bar = f'<button type="button" class="bar" data-candidate="{number}">{bar}</button>'
        rows += f"<li>{bar}</li>" if live else f'<li><span class="bar">{bar}</span></li>'
    return f'<ol class="bars" data-testid="top">{rows}</ol>'


def _percent(probability: float) -> str:
    return "< 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


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
