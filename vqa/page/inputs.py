"""Inputs that take what Gradio's own would not."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable

import gradio as gr


def _variant(name: str, base: type, preprocess: Callable) -> type:
    # Made past Gradio's metaclass, which would write a .pyi file beside this one; as
    # `is_template`, the browser draws it as its base.
    members = {"__module__": __name__, "is_template": True, "preprocess": preprocess}
    return ABCMeta.__new__(type(base), name, (base,), members)


# Hands over the file as it came: Gradio's own opens it first, so that a damaged one fails before
# our message can be shown.
PictureInput = _variant(
    "PictureInput", gr.Image, lambda self, payload: None if payload is None else payload.path
)

# English where a program sends none.
LanguageInput = _variant(
    "LanguageInput", gr.Radio, lambda self, payload: gr.Radio.preprocess(self, payload) or "en"
)
