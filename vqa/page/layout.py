"""The page itself: components, what happens on which event, look.

All that belongs to one visitor lies in Gradio's session state; the predictor keeps nothing.
"""

from __future__ import annotations

import logging
from abc import ABCMeta
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import gradio as gr
from PIL import Image

from vqa.errors import VQAError
from vqa.image import load_image
from vqa.page import cards, gallery
from vqa.page.overlays import display_size, jpeg_bytes
from vqa.page.texts import LANGUAGE_NAMES, preferred_language, say
from vqa.predictor import AUTO, Answer
from vqa.world.understanding import Turn, understand

_log = logging.getLogger(__name__)
_STATE_SECONDS = 3600
_REMEMBERED = 20  # questions of a conversation
# Tells Python which example button was clicked.
_EXAMPLE_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("click", {index: Number(button.dataset.example)});
});
"""


class Predictor(Protocol):
    """What the page needs of a model."""

    def ask(self, image: Image.Image, question: str, top_k: int = 5) -> Answer: ...


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
    """

    name: str
    summary: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    examples: Path | None = None


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


@dataclass(frozen=True)
class _Session:
    """One visitor's conversation about a picture: enough to draw any step of the last answer
    again, and to know what "it" means."""

    exchanges: tuple[cards.Exchange, ...]
    picture: bytes

    @property
    def answer(self) -> Answer:
        return self.exchanges[-1].answer

    @property
    def turns(self) -> list[Turn]:
        return [Turn(e.understood.question, e.answer.why) for e in self.exchanges]

    @property
    def steps(self) -> int:
        return len(self.answer.region_attention)


# An image input that hands over the file as it came: Gradio's own opens it first, so that a
# damaged one fails before our message can be shown. Made past Gradio's metaclass, which would
# write a .pyi file beside this one; as `is_template`, the browser draws it as a gr.Image.
_PictureInput = ABCMeta.__new__(
    type(gr.Image),
    "_PictureInput",
    (gr.Image,),
    {
        "__module__": __name__,
        "is_template": True,
        "preprocess": lambda self, payload: None if payload is None else payload.path,
    },
)


def build_page(
    predictor: Predictor,
    checkpoint_info: CheckpointInfo,
    limits: PageLimits | None = None,
) -> gr.Blocks:
    """The page with its queue set up, ready for `launch(**page_style())` (see style.py).

    Besides the page it serves the endpoint `/ask`: (image, question, top_k, checkpoint) -> the
    fields of `Answer` as a JSON object.
    """
    limits = limits or PageLimits()
    examples = gallery.load_examples(checkpoint_info.examples or gallery.FOLDER)
    asks = [(example.image, text) for example in examples for _, text in example.questions]
    summary = {code: say(code, "summary") for code in LANGUAGE_NAMES} | checkpoint_info.summary

    def about(language):
        return cards.about(language, checkpoint_info.name, summary[language])

    def models(language):
        automatic = (say(language, "automatic"), AUTO)
        return [automatic, *((name, name) for name in checkpoint_info.choices)]

    def answer_image(
        source, question: str, model: str, top_k: int = 5
    ) -> tuple[Answer, Image.Image]:
        image = load_image(source, max_bytes=limits.max_upload_bytes)
        chosen = {"checkpoint": model or AUTO} if checkpoint_info.choices else {}
        return predictor.ask(image, question, top_k=top_k, **chosen), image

    def ask_on_page(source, question, model, language, session):
        """Outputs: message, result, attention panel, slider, attention, why, session."""
        try:
            if source is None:
                return _failed(say(language, "no_image"), language)
            earlier = session.exchanges if session else ()
            understood = understand(question, session.turns if session else ())
            answer, image = answer_image(source, understood.question, model)
            found = _Session(
                (*earlier, cards.Exchange(question, understood, answer))[-_REMEMBERED:],
                jpeg_bytes(display_size(image), quality=92),
            )
            return _shown(found, found.steps, language)
        except VQAError as error:
            return _failed(error.sentence(language), language)
        except Exception:
            _log.exception("a question on the page failed")
            return _failed(say(language, "unexpected"), language)

    def ask_example(model, language, event: gr.EventData):
        number = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(asks):
            return [gr.skip()] * 9
        image, text = asks[number]
        return [image, text, *ask_on_page(image, text, model, language, None)]

    def ask_why(source, model, language, session):
        """The last question again, with "Why?" behind it."""
        if session is None or not session.answer.why:
            return [gr.skip()] * 8
        why = session.answer.why
        return [why, *ask_on_page(source, why, model, language, session)]

    # Its name and this text are what AI assistants see of it (MCP): a line for each argument.
    def ask_picture(image, question, top_k, checkpoint):
        """Answers a question, in English or Chinese, about what a picture shows.

        It knows photographs of products and groceries, and simulated scenes of simple objects.
        "sure" is false where the answer is a guess.

        Args:
            image: the picture, JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF
            question: one question, such as "What color is it?"; it stands alone
            top_k: how many answers "top" lists, 1 to 100
            checkpoint: "auto" for the model that knows most about the picture, or one by name

        Returns:
            "answer", its probability "confidence", "sure", the runners-up in "top", and more
        """
        try:
            if image is None:
                raise VQAError(say("en", "no_image"))
            top_k = _checked_top_k(top_k)
            return answer_image(image, question, checkpoint, top_k)[0].to_dict()
        except VQAError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def show_step(session, step, language):
        if session is None or not 1 <= step <= session.steps:
            return gr.skip()
        return cards.attention(session.picture, session.answer, int(step), language)

    def translated(language, session, step):
        """Every text of the page in `language`; the answer itself keeps its own."""
        if session is None:
            shown = _cleared(language)
        else:
            shown = _shown(session, int(step), language)
        return [
            cards.header(language),
            gr.update(label=say(language, "picture"), placeholder=say(language, "drop")),
            gr.update(label=say(language, "question"), placeholder=say(language, "question_hint")),
            gr.update(value=say(language, "ask")),
            gr.update(label=say(language, "model"), choices=models(language)),
            cards.examples(examples, language),
            about(language),
            *shown,
        ]

    def greet(session, step, request: gr.Request):
        language = preferred_language(request.headers.get("accept-language"))
        return [language, *translated(language, session, step)]

    with gr.Blocks(title="Ask a picture", delete_cache=(600, _STATE_SECONDS)) as page:
        session = gr.State(None, time_to_live=_STATE_SECONDS)
        with gr.Row(elem_id="top"):
            title = gr.HTML(cards.header("en"), elem_id="header")
            language = gr.Radio(
                choices=[(name, code) for code, name in LANGUAGE_NAMES.items()],
                value="en",
                show_label=False,
                container=False,
                elem_id="language",
            )
        with gr.Row(elem_id="main"):
            with gr.Column(elem_id="asking"):
                picture = _PictureInput(
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
                    models("en"),
                    value=AUTO,
                    label=say("en", "model"),
                    visible=bool(checkpoint_info.choices),
                    elem_id="model",
                )
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
                    cards.examples(examples, "en"), js_on_load=_EXAMPLE_CLICK, elem_id="examples"
                )
        footer = gr.HTML(about("en"), elem_id="about")

        shown = [message, result, panel, step, attention, why, session]
        texts = [title, picture, question, button, model, tries, footer]
        asking = {"concurrency_limit": limits.concurrency, "concurrency_id": "ask"}
        quiet = {"api_visibility": "private", "show_progress": "hidden"}
        gr.on(
            [question.submit, button.click],
            ask_on_page,
            [picture, question, model, language, session],
            shown,
            **asking,
            **quiet,
        )
        why.click(
            ask_why, [picture, model, language, session], [question, *shown], **asking, **quiet
        )
        tries.click(ask_example, [model, language], [picture, question, *shown], **asking, **quiet)
        step.input(
            show_step, [session, step, language], attention, trigger_mode="always_last", **quiet
        )
        language.input(translated, [language, session, step], texts + shown, **quiet)
        # Another picture makes the old answer meaningless.
        gr.on([picture.upload, picture.clear], _cleared, [language], shown, **quiet)
        page.load(greet, [session, step], [language, *texts, *shown], **quiet)
        _add_endpoint(ask_picture, asking)

    return page.queue(max_size=limits.queue_size, default_concurrency_limit=limits.concurrency)


def _shown(session: _Session, step: int, language: str) -> list:
    # A hidden slider must hold a valid value too: it is read with the other inputs.
    slider = gr.update(
        maximum=max(session.steps, 2),
        value=max(step, 1),
        label=f"{say(language, 'attention')} · {say(language, 'step')}",
        visible=session.steps > 1,
    )
    return [
        "",
        cards.result(session.exchanges, language),
        gr.update(visible=session.steps > 0),
        slider,
        cards.attention(session.picture, session.answer, step, language) if session.steps else "",
        gr.update(value=say(language, "why"), visible=bool(session.answer.why)),
        session,
    ]


def _cleared(language: str) -> list:
    hidden = gr.update(visible=False)
    return ["", cards.idle(language), hidden, gr.skip(), "", hidden, None]


def _failed(sentence: str, language: str) -> list:
    """The message; the picture and the question are not among the outputs, so they stay."""
    return [cards.message(sentence), *_cleared(language)[1:]]


def _checked_top_k(top_k: object) -> int:
    if isinstance(top_k, bool) or not isinstance(top_k, int | float) or not 1 <= top_k <= 100:
        raise VQAError(f"top_k is {top_k!r}; it must be a number from 1 to 100.")
    return int(top_k)


def _add_endpoint(ask_picture, asking: dict) -> None:
    """The endpoint `/ask`. Hidden components rather than gr.api: those check uploaded paths."""
    image = _PictureInput(type="filepath", visible=False, label="image")
    question = gr.Textbox(visible=False, label="question")
    top_k = gr.Number(5, precision=0, visible=False, label="top_k")
    checkpoint = gr.Textbox(AUTO, visible=False, label="checkpoint")
    output = gr.JSON(visible=False, label="answer")
    gr.Button(visible=False).click(
        ask_picture,
        [image, question, top_k, checkpoint],
        output,
        api_name="ask",
        **asking,
    )
