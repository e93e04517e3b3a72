"""One visitor's conversation about a picture, and what of it is on view."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from vqa.page import cards, looks
from vqa.page.texts import say
from vqa.predictor import Answer
from vqa.world.understanding import Turn

STATE_SECONDS = 3600
REMEMBERED = 20  # questions of a conversation
SHOWN = 8  # outputs of `shown`, `cleared` and `failed`


@dataclass(frozen=True)
class Session:
    """Enough to draw any step of the last answer again, and to know what "it" means.

    Attributes:
        exchanges: questions and answers, the last one on view; at least one.
        picture: the bytes of a JPEG file.
    """

    exchanges: tuple[cards.Exchange, ...]
    picture: bytes

    @property
    def answer(self) -> Answer:
        return self.exchanges[-1].answer

    @property
    def turns(self) -> list[Turn]:
        """What later questions may lean on: after a click, the object that was named."""
        return [Turn(_asked(e), e.answer.why) for e in self.exchanges]

    @property
    def steps(self) -> int:
        return len(self.answer.region_attention)


def _asked(exchange: cards.Exchange) -> str:
    answer = exchange.answer
    if exchange.place is None or answer.kind != "sentence":
        return exchange.understood.question
    if answer.language == "en":
        return f"What is the {answer.answer.removeprefix('a ')}?"
    return f"{answer.answer.removeprefix('一个')}是什么？"


def shown(session: Session, step: int, language: str) -> list:
    """Values of: message, result, attention panel, slider, attention, why, guess,
    session."""
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
        looks.attention(session.picture, session.answer, step, language) if session.steps else "",
        gr.update(value=say(language, "why"), visible=bool(session.answer.why)),
        "",
        session,
    ]


def cleared() -> list:
    """The same outputs before the first question."""
    hidden = gr.update(visible=False)
    return ["", cards.idle(), hidden, gr.skip(), "", hidden, "", None]


def failed(sentence: str, session: Session | None = None) -> list:
    """The message; the picture and the question are not among the outputs, so they stay, and the
    conversation so far stays too."""
    if session is None:
        return [cards.message(sentence), *cleared()[1:]]
    kept = gr.skip()
    return [cards.message(sentence), kept, kept, kept, kept, kept, "", kept]
