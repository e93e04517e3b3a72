"""Inputs that hand over the file of a visitor as it came."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable

import gradio as gr


def as_it_came(component: type, handed: Callable[[object], object]) -> type:
    """`component`, whose events are handed `handed(payload)`.

    Gradio's own opens the file or looks at its name first, so that a wrong one fails before our
    message can be shown. Made past Gradio's metaclass, which would write a .pyi file beside this
    one; as `is_template`, the browser draws it as the component that it is made from.
    """
    return ABCMeta.__new__(
        type(component),
        f"{component.__name__}AsItCame",
        (component,),
        {
            "__module__": __name__,
            "is_template": True,
            "preprocess": lambda self, payload: handed(payload),
        },
    )


def _path(payload) -> str | None:
    return None if payload is None else payload.path


PictureInput = as_it_came(gr.Image, _path)
RecordingInput = as_it_came(gr.UploadButton, _path)
