"""Inputs that take what Gradio's own would not."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable

import gradio as gr


def handing(component: type, preprocess: Callable[[object, object], object]) -> type:
    """`component`, whose events are handed `preprocess(itself, payload)`.

    Made past Gradio's metaclass, which would write a .pyi file beside this one; as `is_template`,
    the browser draws it as the component that it is made from.
    """
    members = {"__module__": __name__, "is_template": True, "preprocess": preprocess}
    name = f"{component.__name__}Handing"
    return ABCMeta.__new__(type(component), name, (component,), members)


def _path(_, payload) -> str | None:
    return None if payload is None else payload.path


def _language(radio: gr.Radio, payload) -> str:
    return gr.Radio.preprocess(radio, payload) or "en"


# These two hand over the file as it came: Gradio's own opens it or looks at its name first, so that
# a wrong one fails before our message can be shown.
PictureInput = handing(gr.Image, _path)
RecordingInput = handing(gr.UploadButton, _path)
# English where a program sends none.
LanguageInput = handing(gr.Radio, _language)
