"""The tab "Ask": a picture, a question, the answer and where the model looked."""

from __future__ import annotations

import gradio as gr

from vqa.page import cards, scripts
from vqa.page.asker import Asker
from vqa.page.inputs import PictureInput
from vqa.page.parts import QUIET, Parts
from vqa.page.session import STATE_SECONDS, cleared
from vqa.page.sharing import add_sharing
from vqa.page.spoken import Spoken
from vqa.page.texts import say
from vqa.predictor import AUTO


def add_asking(parts: Parts) -> None:
    """Adds the tab."""
    asker, language = Asker(parts), parts.language
    with gr.Tab(say("en", "ask_tab"), id="ask", elem_id="ask-tab") as tab:
        # Inside: whatever else is a child of gr.Tabs makes it draw a tab twice.
        session = gr.State(None, time_to_live=STATE_SECONDS)
        with gr.Row(elem_id="main"):
            with gr.Column(elem_id="asking"):
                picture, question, button, live, spoken, model = _inputs(parts)
                typing = gr.HTML("", js_on_load=scripts.TYPING, elem_id="typing")
            with gr.Column(elem_id="answering"):
                message = gr.HTML("", elem_id="message")  # where the eye waits for the answer
                guess = gr.HTML("", elem_id="guess")
                result = gr.HTML(cards.idle(), js_on_load=scripts.ANSWER, elem_id="result")
                why = gr.Button(say("en", "why"), size="sm", visible=False, elem_id="why")
                with gr.Column(visible=False, elem_id="attention-panel") as panel:
                    step = gr.Slider(
                        1, 2, value=1, step=1, label=say("en", "step"), buttons=[], elem_id="step"
                    )
                    attention = gr.HTML("", js_on_load=scripts.PLACES, elem_id="attention")
            with gr.Column(elem_id="trying"):
                tries = gr.HTML(
                    cards.examples(asker.examples, "en"),
                    js_on_load=scripts.EXAMPLES,
                    elem_id="examples",
                )
        _add_comparing(parts, asker, picture, model)
    parts.text(tab, lambda code: gr.update(label=say(code, "ask_tab")))
    parts.text(tries, lambda code: cards.examples(asker.examples, code))

    on_view = [message, result, panel, step, attention, why, guess, session]
    slow, asked = parts.asking | QUIET, [picture, model, language, session]
    with tab:
        add_sharing(parts, picture, question, model, session, asker.answer, on_view)
    guessing = typing.input(asker.guess, asked, guess, trigger_mode="always_last", **slow)
    gr.on(
        [question.submit, button.click],
        asker.answer,
        [picture, question, model, language, session],
        on_view,
        cancels=guessing,  # a late guess would stand above the answer
        **slow,
    )
    why.click(asker.answer_why, asked, [question, *on_view], **slow)
    tries.click(asker.answer_example, [model, language], [picture, question, *on_view], **slow)
    picture.select(asker.answer_click, asked, on_view, **slow)
    attention.click(asker.answer_overlay, asked, on_view, **slow)
    result.select(
        asker.show_evidence,
        [picture, session, step, language],
        attention,
        trigger_mode="always_last",
        **slow,
    )
    if spoken is not None:
        spoken.forget_on([question.submit, button.click, why.click, tries.click])
    step.input(
        asker.show_step, [session, step, language], attention, trigger_mode="always_last", **QUIET
    )
    language.change(asker.translated, [language, session, step], on_view, **QUIET)
    live.change(lambda: "", None, guess, **QUIET)
    # Another picture makes the old answer meaningless.
    gr.on([picture.upload, picture.clear], cleared, None, on_view, **QUIET)


def _inputs(parts: Parts) -> tuple:
    """Picture, question, the button beside it, whether to guess, what was spoken (None where
    nothing can be), the choice of a model."""
    picture = PictureInput(
        type="filepath",
        format="png",
        label=say("en", "picture"),
        placeholder=say("en", "drop"),
        sources=["upload", "clipboard", "webcam"],
        webcam_options=gr.WebcamOptions(mirror=False),
        buttons=["fullscreen"],
        height=340,
        elem_id="picture",
    )
    hint = gr.HTML(cards.hint("en", "place_hint"), elem_id="place-hint")
    with gr.Row(elem_id="ask-row"):
        question = gr.Textbox(
            label=say("en", "question"),
            placeholder=say("en", "question_hint"),
            lines=1,
            max_lines=3,
            scale=5,
            elem_id="question",
        )
        button = gr.Button(
            say("en", "ask"), variant="primary", scale=1, min_width=90, elem_id="ask"
        )
    spoken = Spoken(parts, question) if parts.listener else None
    # Only the browser reads these, and Gradio would take them for outputs.
    with gr.Row(elem_id="habits"):
        live, aloud = (
            gr.Checkbox(on, label=say("en", key), interactive=True, container=False, elem_id=key)
            for key, on in (("live", True), ("aloud", False))
        )
    model = gr.Radio(
        parts.models("en"),
        value=AUTO,
        label=say("en", "model"),
        visible=bool(parts.info.choices),
        elem_id="model",
    )
    parts.text(picture, lambda c: gr.update(label=say(c, "picture"), placeholder=say(c, "drop")))
    parts.text(hint, lambda c: cards.hint(c, "place_hint"))
    parts.text(
        question,
        lambda c: gr.update(label=say(c, "question"), placeholder=say(c, "question_hint")),
    )
    parts.text(button, lambda c: gr.update(value=say(c, "ask")))
    parts.text(live, lambda c: gr.update(label=say(c, "live")))
    parts.text(aloud, lambda c: gr.update(label=say(c, "aloud")))
    parts.text(model, lambda c: gr.update(label=say(c, "model"), choices=parts.models(c)))
    return picture, question, button, live, spoken, model


def _add_comparing(parts: Parts, asker: Asker, picture, model) -> None:
    """Two questions side by side, folded away."""
    with gr.Accordion(say("en", "compare"), open=False, elem_id="compare") as fold:
        with gr.Row(elem_id="compare-row"):
            first, second = (
                gr.Textbox(label=say("en", key), lines=1, scale=3, elem_id=key.replace("_", "-"))
                for key in ("compare_first", "compare_second")
            )
            go = gr.Button(say("en", "compare_go"), scale=1, min_width=90, elem_id="compare-go")
        sides = gr.HTML("", elem_id="compared")
        compared = gr.State(None, time_to_live=STATE_SECONDS)
    parts.text(fold, lambda c: gr.update(label=say(c, "compare")))
    parts.text(first, lambda c: gr.update(label=say(c, "compare_first")))
    parts.text(second, lambda c: gr.update(label=say(c, "compare_second")))
    parts.text(go, lambda c: gr.update(value=say(c, "compare_go")))
    gr.on(
        [first.submit, second.submit, go.click],
        asker.compare,
        [picture, first, second, model, parts.language],
        [sides, compared],
        **parts.asking,
        **QUIET,
    )
    parts.language.change(asker.show_compared, [parts.language, compared], sides, **QUIET)
    gr.on([picture.upload, picture.clear], lambda: ("", None), None, [sides, compared], **QUIET)
