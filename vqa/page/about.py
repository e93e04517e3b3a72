"""The tab "About this model": cards with their figures, plots, limits and failures."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import gradio as gr

from vqa.page import charts
from vqa.page.parts import Parts
from vqa.page.texts import say


def add_about(parts: Parts) -> None:
    """Adds the tab."""

    def shown(language):
        cards = "".join(card_html(card, language) for card in parts.info.cards) or none(language)
        return cards + (speech_html(parts.info.speech, language) if parts.info.speech else "")

    with gr.Tab(say("en", "model_tab"), id="model-tab") as tab:
        about = gr.HTML(shown("en"), elem_id="model-card")
    parts.text(tab, lambda c: gr.update(label=say(c, "model_tab")))
    parts.text(about, shown)


def none(language: str, what: str = "CHECKPOINT --data DATA") -> str:
    """What makes figures, where there are none; `what` is to be evaluated."""
    command = f"python -m vqa evaluate {what} --write"
    return f'<p class="note">{escape(say(language, "about_none"))}</p><pre>{escape(command)}</pre>'


def card_html(card: Mapping, language: str) -> str:
    """All of a card that is for people, escaped."""
    sets = {k: f for k, f in card.get("figures", {}).items() if "kinds" in f}
    figures = "".join(_set(k, f, language) for k, f in sets.items())
    return _card(card, figures or none(language, f"{card.get('name', '')} --data DATA"), language)


def speech_html(card: Mapping, language: str) -> str:
    """The same of a card of speech."""
    sets = {k: f for k, f in card.get("figures", {}).items() if "error_rate" in f}
    rows = "".join(
        f"<li><b>{escape(label)}</b>: {escape(_heard(found, language))}</li>"
        for label, found in sets.items()
    )
    figures = f"<ul>{rows}</ul>" if rows else none(language, str(card.get("name", "")))
    return _card(card, figures, language)


def _heard(figures: Mapping, language: str) -> str:
    shares = {name: f"{figures[name]:.1%}" for name in ("error_rate", "exact")}
    return say(language, "about_heard", n=f"{figures['questions']:,}", **shares)


def _card(card: Mapping, figures: str, language: str) -> str:
    summary = card.get("summary_zh" if language == "zh" else "summary", "")
    told = (language == "zh" and card.get("limits_zh")) or card.get("limits", ())
    limits = "".join(f"<li>{escape(str(limit))}</li>" for limit in told)
    made = (language == "zh" and card.get("trained_on_zh")) or card.get("trained_on", {})
    colon = {"en": ": ", "zh": "："}[language]
    made = "".join(f"<li>{escape(f'{kind}{colon}{what}')}</li>" for kind, what in made.items())
    return (
        f'<section class="card model-card" data-testid="model-card">'
        f"<h2>{escape(str(card.get('name', '')))}</h2>"
        f"<p>{escape(str(summary))}</p>{figures}"
        f"{_list('about_limits', limits, language)}{_list('about_trained', made, language)}"
        f'<p class="footnote">{escape(say(language, "about_licence"))}: '
        f"{escape(str(card.get('licence', '')))}</p></section>"
    )


def _list(key: str, items: str, language: str) -> str:
    return f"<h3>{escape(say(language, key))}</h3><ul>{items}</ul>" if items else ""


def _set(label: str, figures: Mapping, language: str) -> str:
    """The plots of one set of questions, folded."""
    right = say(
        language,
        "about_right",
        n=f"{figures['n']:,}",
        accuracy=f"{figures['accuracy']:.1%}",
        ece=f"{figures['ece']:.1%}",
    )
    title = say(language, "chart_kinds")
    plots = _plot(charts.bars(figures["kinds"], title), title, "chart_kinds_note", language)
    if figures.get("reliability") and figures.get("risk_coverage"):
        plots += _curves(figures, language)
        more = _failures(figures.get("failures", ()), language)
    else:
        more = (
            f'<p class="note">{escape(say(language, "about_lacks"))}</p>'
            f"<pre>{escape(str(figures.get('command', '')))}</pre>"
        )
    return (
        f"<details><summary><b>{escape(label)}</b>: {escape(right)}</summary>"
        f'<div class="charts">{plots}</div>{more}</details>'
    )


def _curves(figures: Mapping, language: str) -> str:
    title = say(language, "chart_reliability")
    axes = [say(language, f"axis_{name}") for name in ("confidence", "accuracy")]
    drawn = charts.reliability(figures["reliability"], title, *axes)
    first = _plot(drawn, title, "chart_reliability_note", language)
    title = say(language, "chart_risk")
    axes = [say(language, f"axis_{name}") for name in ("coverage", "risk")]
    drawn = charts.risk(figures["risk_coverage"], title, *axes)
    return first + _plot(drawn, title, "chart_risk_note", language)


def _plot(svg: str, title: str, note: str, language: str) -> str:
    return (
        f"<figure><h3>{escape(title)}</h3>{svg}"
        f"<figcaption>{escape(say(language, note))}</figcaption></figure>"
    )


def _failures(rows, language: str) -> str:
    lines = "".join(
        f"<li>{escape(row['question'])} — {escape(say(language, 'about_said'))} "
        f"<b>{escape(row['predicted'])}</b> ({row['confidence']:.0%}), "
        f"{escape(say(language, 'about_true'))} <b>{escape(row['answer'])}</b></li>"
        for row in rows
    )
    return _list("about_failures", lines, language)
