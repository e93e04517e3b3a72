"""Below an answer: a link that reproduces the question, and a way to correct the answer."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import gradio as gr

from vqa.errors import DataError, VQAError, described
from vqa.page import cards
from vqa.page.links import LINK_SECONDS, Links
from vqa.page.parts import QUIET, Parts
from vqa.page.texts import say
from vqa.predictor import AUTO

_log = logging.getLogger(__name__)


def add_sharing(parts: Parts, picture, question, model, session, ask, on_view) -> None:
    """Adds both to the tab "Ask".

    Args:
        picture, question, model, session: components of the tab. ask: answers the question as its
            button does, with the outputs `on_view`.
    """
    _add_links(parts, picture, question, model, ask, on_view)
    _add_flags(parts, picture, session)


def _add_links(parts: Parts, picture, question, model, ask, on_view) -> None:
    links = Links()
    days = LINK_SECONDS // 86400
    with gr.Accordion(say("en", "link"), open=False, elem_id="share") as fold:
        hint = gr.HTML(cards.hint("en", "link_hint", days=days), elem_id="link-hint")
        button = gr.Button(say("en", "link_go"), size="sm", elem_id="link-go")
        said = gr.HTML("", elem_id="link-message")
        link = gr.Textbox(
            label=say("en", "link"),
            interactive=False,
            visible=False,
            buttons=["copy"],
            elem_id="link",
        )
    parts.text(fold, lambda c: gr.update(label=say(c, "link")))
    parts.text(hint, lambda c: cards.hint(c, "link_hint", days=days))
    parts.text(button, lambda c: gr.update(value=say(c, "link_go")))
    parts.text(link, lambda c: gr.update(label=say(c, "link")))

    def make(source, text, chosen, language, here):
        try:
            if source is None:
                raise VQAError(say("en", "no_image"), zh=say("zh", "no_image"))
            token = links.make(parts.open(source), text, chosen)
        except VQAError as error:
            return cards.message(error.sentence(language)), gr.update(visible=False)
        query = urlencode({"ask": token, "lang": language})
        return "", gr.update(value=f"{here}?{query}", visible=True)

    # The browser knows the address by which the page is reached; a proxy hides it from us.
    here = gr.Textbox(visible=False)
    button.click(
        make,
        [picture, question, model, parts.language, here],
        [said, link],
        js="(p, q, m, l) => [p, q, m, l, location.origin + location.pathname]",
        **QUIET,
    )

    def opened(request: gr.Request):
        """Values of picture, question, model, message."""
        token = request.query_params.get("ask")
        if token is None:
            return [gr.skip()] * 4
        try:
            found = links.find(token)
        except DataError as error:
            return [gr.skip()] * 3 + [cards.message(error.sentence(_language(request)))]
        known = found.model if found.model in parts.info.choices else AUTO
        return [str(found.picture), found.question, known, ""]

    def answered(source, text, chosen, language, kept, request: gr.Request):
        if request.query_params.get("ask") is None or source is None:
            return [gr.skip()] * len(on_view)
        return ask(source, text, chosen, language, kept)

    session = on_view[-1]
    gr.context.Context.root_block.load(
        opened, None, [picture, question, model, on_view[0]], **QUIET
    ).then(
        answered,
        [picture, question, model, parts.language, session],
        on_view,
        **parts.asking,
        **QUIET,
    )


def _language(request: gr.Request) -> str:
    """The language that a link names, as `scripts.GREETING` takes it."""
    return "zh" if request.query_params.get("lang", "").lower().startswith("zh") else "en"


def _add_flags(parts: Parts, picture, session) -> None:
    """Where the host keeps corrections a form; else a sentence that says so."""
    if parts.flags is None:
        off = gr.HTML(cards.hint("en", "flags_off"), elem_id="flags-off")
        parts.text(off, lambda c: cards.hint(c, "flags_off"))
        return
    with gr.Accordion(say("en", "flag"), open=False, elem_id="flagging") as fold:
        hint = gr.HTML(cards.hint("en", "flag_hint"), elem_id="flag-hint")
        with gr.Row():
            right = gr.Textbox(label=say("en", "flag_right"), scale=4, elem_id="flag-right")
            button = gr.Button(say("en", "flag_go"), scale=1, elem_id="flag-go")
        said = gr.HTML("", elem_id="flag-message")
    parts.text(fold, lambda c: gr.update(label=say(c, "flag")))
    parts.text(hint, lambda c: cards.hint(c, "flag_hint"))
    parts.text(right, lambda c: gr.update(label=say(c, "flag_right")))
    parts.text(button, lambda c: gr.update(value=say(c, "flag_go")))

    def keep(source, correction, kept, language):
        """Values of message and correction, which stays where it could not be kept."""
        try:
            if source is None or kept is None:
                raise VQAError(say("en", "flag_none"), zh=say("zh", "flag_none"))
            last = kept.exchanges[-1]
            if last.place is not None:
                raise VQAError(say("en", "flag_place"), zh=say("zh", "flag_place"))
            answer = last.answer
            given = {
                "disputed": answer.answer,
                "confidence": answer.confidence,
                "checkpoint": answer.checkpoint,
            }
            parts.flags.add(parts.open(source), last.understood.question, correction, given)
        except VQAError as error:
            return cards.message(error.sentence(language)), gr.skip()
        except Exception as error:
            _log.error("a correction on the page failed: %s", described(error))
            return cards.message(say(language, "unexpected")), gr.skip()
        return cards.hint(language, "flag_thanks"), ""

    gr.on(
        [button.click, right.submit],
        keep,
        [picture, right, session, parts.language],
        [said, right],
        **QUIET,
    )
