"""What happens on the events of the tab "Ask"; components are in `asking`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

import gradio as gr

from vqa.errors import VQAError, described
from vqa.page import cards, gallery, looks
from vqa.page.overlays import display_size, jpeg_bytes
from vqa.page.parts import Parts
from vqa.page.session import REMEMBERED, SHOWN, Session, failed, shown
from vqa.page.texts import say
from vqa.places import WHAT_IS_IT, Place
from vqa.predictor import Answer, Request
from vqa.world.understanding import Understood, understand

_log = logging.getLogger(__name__)


def _told(method: Callable) -> Callable:
    """Errors become the message; the last arguments are language and session."""

    @wraps(method)
    def told(self, *args):
        language, session = args[-2:]
        try:
            return method(self, *args)
        except VQAError as error:
            return failed(error.sentence(language), session)
        except Exception as error:
            _log.error("a question on the page failed: %s", described(error))
            return failed(say(language, "unexpected"), session)

    return told


class Asker:
    """Answers; outputs are those of `session.shown` where nothing else is said."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.examples = gallery.load_examples(parts.info.examples or gallery.FOLDER)
        self._asks = [(e.image, text) for e in self.examples for _, text in e.questions]

    @_told
    def answer(self, source, question, model, language, session):
        """Answers a question; the answer joins the conversation."""
        understood = understand(question, session.turns if session and source else ())
        return self._joined(source, question, understood, None, model, language, session)

    @_told
    def answer_place(self, source, place: Place, model, language, session):
        """Says what is at a place (x, y) in [0, 1] of the picture; joins the conversation."""
        question = WHAT_IS_IT[language]
        understood = Understood(question)
        return self._joined(source, question, understood, place, model, language, session)

    def _joined(self, source, question, understood, place, model, language, session):
        if source is None:
            return failed(say(language, "no_image"))
        image = self.parts.open(source)
        answer = self._asked(Request(image, understood.question, place), model)
        earlier = session.exchanges if session else ()
        found = Session(
            (*earlier, cards.Exchange(question, understood, answer, place))[-REMEMBERED:],
            jpeg_bytes(display_size(image), quality=92),
        )
        return shown(found, found.steps, language)

    def _asked(self, request: Request, model: str) -> Answer:
        (answer,) = self.parts.predictor.ask_batch([request], top_k=5, **self.parts.chosen(model))
        return answer

    def answer_example(self, model, language, event: gr.EventData):
        """Outputs: picture, question, then as usual."""
        number = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(self._asks):
            return [gr.skip()] * (SHOWN + 2)
        image, text = self._asks[number]
        return [image, text, *self.answer(image, text, model, language, None)]

    def answer_why(self, source, model, language, session):
        """The last question again, with "Why?" behind it. Outputs: question, then as usual."""
        if session is None or not session.answer.why:
            return [gr.skip()] * (SHOWN + 1)
        why = session.answer.why
        return [why, *self.answer(source, why, model, language, session)]

    def answer_click(self, source, model, language, session, event: gr.SelectData):
        """A click on the picture itself, at `event.index` = (x, y) in pixels."""
        try:
            (x, y), (width, height) = event.index, self.parts.open(source).size
            place = min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0)
        except (VQAError, TypeError, ValueError):
            return [gr.skip()] * SHOWN
        return self.answer_place(source, place, model, language, session)

    def answer_overlay(self, source, model, language, session, event: gr.EventData):
        """A place of the overlay was chosen."""
        place = event._data.get("place") if isinstance(event._data, dict) else None
        if session is None or not isinstance(place, list):
            return [gr.skip()] * SHOWN
        return self.answer_place(source, tuple(place), model, language, session)

    def guess(self, source, model, language, session, event: gr.EventData):
        """The best guess at what is being typed. Output: its card; empty where there is none."""
        text = event._data.get("text") if isinstance(event._data, dict) else None
        if source is None or not isinstance(text, str) or not text.strip():
            return ""
        try:
            understood = understand(text, session.turns if session else ())
            image = self.parts.open(source)
            answer = self._asked(Request(image, understood.question), model)
            picture = session.picture if session else jpeg_bytes(display_size(image))
            return cards.guess(picture, answer, language)
        except VQAError:
            return ""  # half a question need not be one; what is wrong is said when it is asked
        except Exception as error:
            _log.error("a guess on the page failed: %s", described(error))
            return ""

    def show_step(self, session, step, language):
        """The attention of one reasoning step."""
        if session is None or not 1 <= step <= session.steps:
            return gr.skip()
        return looks.attention(session.picture, session.answer, int(step), language)

    def show_evidence(self, source, session, step, language, event: gr.EventData):
        """What speaks for the candidate pointed at; the step again when it is left."""
        number = event._data.get("index") if isinstance(event._data, dict) else None
        if source is None or session is None or not isinstance(number, int):
            return gr.skip()
        if not 0 <= number < len(session.answer.top):
            return self.show_step(session, step, language)
        last = session.exchanges[-1]
        try:
            request = Request(self.parts.open(source), last.understood.question, last.place)
            found = self.parts.predictor.evidence(
                request, top_k=5, **self.parts.chosen(last.answer.checkpoint)
            )
        except VQAError:
            return gr.skip()  # another picture has just come; its answer is cleared anyway
        name = last.answer.top[number][0]
        return looks.evidence(session.picture, found, number, name, language)

    def compare(self, source, first, second, model, language):
        """Two questions about the picture, side by side. Outputs: the cards, what they show."""
        try:
            if source is None:
                return cards.message(say(language, "no_image")), None
            image = self.parts.open(source)
            answers = self.parts.predictor.ask_batch(
                [Request(image, first), Request(image, second)],
                top_k=5,
                **self.parts.chosen(model),
            )
            pairs = zip((first, second), answers, strict=True)
            exchanges = tuple(cards.Exchange(text, Understood(text), a) for text, a in pairs)
            compared = Session(exchanges, jpeg_bytes(display_size(image)))
            return self.show_compared(language, compared), compared
        except VQAError as error:
            return cards.message(error.sentence(language)), None
        except Exception as error:
            _log.error("a comparison on the page failed: %s", described(error))
            return cards.message(say(language, "unexpected")), None

    def show_compared(self, language, compared):
        """The cards of a comparison; nothing where there is none."""
        if compared is None:
            return ""
        return cards.side_by_side(compared.picture, compared.exchanges, language)

    def translated(self, language, session, step):
        """The answer on view in `language`; what the model said keeps its own."""
        if session is None:  # a message stays, and an answer may be on its way
            return [gr.skip()] * SHOWN
        return shown(session, int(step), language)
