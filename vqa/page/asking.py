"""The tab "Ask": a picture, a question, the answer and where the model looked."""

from __future__ import annotations

import logging

import gradio as gr

from vqa.errors import VQAError
from vqa.page import cards, gallery
from vqa.page.overlays import display_size, jpeg_bytes
from vqa.page.parts import QUIET, Parts
from vqa.page.picture_input import PictureInput
from vqa.page.session import REMEMBERED, SHOWN, STATE_SECONDS, Session, cleared, failed, shown
from vqa.page.texts import say
from vqa.predictor import AUTO
from vqa.world.understanding import understand

_log = logging.getLogger(__name__)
# Tells Python which example button was clicked.
_EXAMPLE_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("click", {index: Number(button.dataset.example)});
});
"""


class Asker:
    """What happens on the events of the tab. Outputs are those of `session.shown`."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.examples = gallery.load_examples(parts.info.examples or gallery.FOLDER)
        self._asks = [(e.image, text) for e in self.examples for _, text in e.questions]

    def answer(self, source, question, model, language, session):
        """Answers a question; the answer joins the conversation."""
        try:
            if source is None:
                return failed(say(language, "no_image"), language)
            earlier = session.exchanges if session else ()
            understood = understand(question, session.turns if session else ())
            image = self.parts.open(source)
            answer = self.parts.predictor.ask(
                image, understood.question, top_k=5, **self.parts.chosen(model)
            )
            found = Session(
                (*earlier, cards.Exchange(question, understood, answer))[-REMEMBERED:],
                jpeg_bytes(display_size(image), quality=92),
            )
            return shown(found, found.steps, language)
        except VQAError as error:
            return failed(error.sentence(language), language)
        except Exception:
            _log.exception("a question on the page failed")
            return failed(say(language, "unexpected"), language)

    def ask_example(self, model, language, event: gr.EventData):
        """Outputs: picture, question, then as `answer`."""
        number = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(self._asks):
            return [gr.skip()] * (SHOWN + 2)
        image, text = self._asks[number]
        return [image, text, *self.answer(image, text, model, language, None)]

    def ask_why(self, source, model, language, session):
        """The last question again, with "Why?" behind it. Outputs: question, then as `answer`."""
        if session is None or not session.answer.why:
            return [gr.skip()] * (SHOWN + 1)
        why = session.answer.why
        return [why, *self.answer(source, why, model, language, session)]

    def show_step(self, session, step, language):
        """The attention of one reasoning step."""
        if session is None or not 1 <= step <= session.steps:
            return gr.skip()
        return cards.attention(session.picture, session.answer, int(step), language)

    def translated(self, language, session, step):
        """The answer on view in `language`; what the model said keeps its own."""
        return cleared(language) if session is None else shown(session, int(step), language)


def add_asking(parts: Parts) -> None:
    """Adds the tab."""
    asker, language = Asker(parts), parts.language
    session = gr.State(None, time_to_live=STATE_SECONDS)
    with gr.Tab(say("en", "ask_tab"), id="ask") as tab:
        with gr.Row(elem_id="main"):
            with gr.Column(elem_id="asking"):
                picture, question, button, model = _inputs(parts)
                message = gr.HTML("", elem_id="message")
            with gr.Column(elem_id="answering"):
                result = gr.HTML(cards.idle("en"), elem_id="result")
                why = gr.Button(say("en", "why"), size="sm", visible=False, elem_id="why")
                with gr.Column(visible=False, elem_id="attention-panel") as panel:
                    step = gr.Slider(
                        1, 2, value=1, step=1, label=say("en", "step"), buttons=[], elem_id="step"
                    )
                    attention = gr.HTML("", elem_id="attention")
            with gr.Column(elem_id="trying"):
                tries = gr.HTML(
                    cards.examples(asker.examples, "en"),
                    js_on_load=_EXAMPLE_CLICK,
                    elem_id="examples",
                )
    parts.text(tab, lambda code: gr.update(label=say(code, "ask_tab")))
    parts.text(tries, lambda code: cards.examples(asker.examples, code))

    on_view = [message, result, panel, step, attention, why, session]
    slow = parts.asking | QUIET
    gr.on(
        [question.submit, button.click],
        asker.answer,
        [picture, question, model, language, session],
        on_view,
        **slow,
    )
    why.click(asker.ask_why, [picture, model, language, session], [question, *on_view], **slow)
    tries.click(asker.ask_example, [model, language], [picture, question, *on_view], **slow)
    step.input(
        asker.show_step, [session, step, language], attention, trigger_mode="always_last", **QUIET
    )
    language.change(asker.translated, [language, session, step], on_view, **QUIET)
    # Another picture makes the old answer meaningless.
    gr.on([picture.upload, picture.clear], cleared, [language], on_view, **QUIET)


def _inputs(parts: Parts) -> tuple:
    """Picture, question, the button beside it, the choice of a model."""
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
    model = gr.Radio(
        parts.models("en"),
        value=AUTO,
        label=say("en", "model"),
        visible=bool(parts.info.choices),
        elem_id="model",
    )
    parts.text(picture, lambda c: gr.update(label=say(c, "picture"), placeholder=say(c, "drop")))
    parts.text(
        question,
        lambda c: gr.update(label=say(c, "question"), placeholder=say(c, "question_hint")),
    )
    parts.text(button, lambda c: gr.update(value=say(c, "ask")))
    parts.text(model, lambda c: gr.update(label=say(c, "model"), choices=parts.models(c)))
    return picture, question, button, model
