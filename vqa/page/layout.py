"""The page itself: its tabs, the language switch, the look of the whole.

All that belongs to one visitor lies in Gradio's session state; the predictor keeps nothing.
"""

from __future__ import annotations

import gradio as gr

from vqa.flags import Flags
from vqa.page import cards, gradio_words, scripts
from vqa.page.about import add_about
from vqa.page.asking import add_asking
from vqa.page.endpoint import add_endpoint
from vqa.page.inputs import LanguageInput
from vqa.page.many import add_many
from vqa.page.parts import QUIET, CheckpointInfo, Listener, PageLimits, Parts, Predictor
from vqa.page.texts import LANGUAGE_NAMES, say


def build_page(
    predictor: Predictor,
    checkpoint_info: CheckpointInfo,
    limits: PageLimits | None = None,
    flags: Flags | None = None,
    listener: Listener | None = None,
) -> gr.Blocks:
    """The page with its queue set up, ready for `launch(**page_style())` (see style.py).

    Besides the page it serves the endpoint `/ask`: (image, question, top_k, checkpoint) -> the
    fields of `Answer` as a JSON object.
    """
    parts = Parts(predictor, checkpoint_info, limits or PageLimits(), flags, listener)
    summary = {code: say(code, "summary") for code in LANGUAGE_NAMES} | checkpoint_info.summary

    def about(language):
        return cards.about(language, checkpoint_info.name, summary[language])

    with gr.Blocks(title="Ask a picture") as page:
        with gr.Row(elem_id="top"):
            header = gr.HTML(cards.header("en"), js_on_load=gradio_words.script(), elem_id="header")
            parts.text(header, cards.header)
            parts.language = LanguageInput(
                choices=[(name, code) for code, name in LANGUAGE_NAMES.items()],
                value="en",
                label=" / ".join(say(code, "language") for code in LANGUAGE_NAMES),
                show_label=False,
                container=False,
                elem_id="language",
            )
        with gr.Tabs(elem_id="tabs"):
            add_asking(parts)
            add_many(parts)
            add_about(parts)
        parts.text(gr.HTML(about("en"), elem_id="about"), about)
        add_endpoint(parts)
        _add_switch(page, parts)

    asking = parts.limits
    return page.queue(max_size=asking.queue_size, default_concurrency_limit=asking.concurrency)


def _add_switch(page: gr.Blocks, parts: Parts) -> None:
    """The language of the link or browser at first, then the one that the visitor chooses."""

    def translated(language):
        return [of_language(language) for _, of_language in parts.texts]

    components = [component for component, _ in parts.texts]
    parts.language.change(translated, parts.language, components, **QUIET)
    parts.language.change(None, parts.language, None, js=scripts.LANGUAGE)
    # The browser's own words too, where greeting changes nothing.
    page.load(None, None, parts.language, js=scripts.GREETING).then(
        None, parts.language, None, js=scripts.LANGUAGE
    )
