"""Asking aloud: the transcript of a recording stands in the question box, to be corrected first."""

from __future__ import annotations

import logging
from pathlib import Path

import gradio as gr

from vqa.errors import AudioError, BusyError
from vqa.page import cards, scripts
from vqa.page.inputs import RecordingInput
from vqa.page.parts import QUIET, Parts
from vqa.page.session import STATE_SECONDS
from vqa.page.texts import say

_log = logging.getLogger(__name__)
_PROBLEMS = ("denied", "none", "insecure", "failed")  # with a microphone, as the browser tells


class Spoken:
    """Adds a button that records, one that uploads a recording, and a line about what was heard.

    Args:
        question: the box for the transcript.
    """

    def __init__(self, parts: Parts, question: gr.Textbox) -> None:
        self._parts, language = parts, parts.language
        with gr.Row(elem_id="speak-row"):
            speak = gr.HTML(cards.speak("en"), js_on_load=scripts.SPEAKING, elem_id="speak")
            recording = RecordingInput(
                say("en", "speak_upload"), file_types=["audio"], size="sm", elem_id="recording"
            )
        note = gr.HTML(cards.hint("en", "speak_note"), elem_id="speak-note")
        self._line = gr.HTML("", elem_id="heard")
        # Whether the recogniser was sure of what is in the box; None where it wrote nothing.
        self._sure = gr.State(None, time_to_live=STATE_SECONDS)
        parts.text(speak, cards.speak)
        parts.text(recording, lambda c: gr.update(label=say(c, "speak_upload")))
        parts.text(note, lambda c: cards.hint(c, "speak_note"))
        recording.upload(
            self.write_down,
            [recording, language],
            [question, self._line, self._sure],
            concurrency_limit=parts.limits.concurrency,
            concurrency_id="speech",
            **QUIET,
        ).then(None, self._line, None, js=scripts.HEARD)
        speak.input(self.tell, language, self._line, **QUIET)
        language.change(self.translated, [language, self._sure], self._line, **QUIET)

    def forget_on(self, events: list) -> None:
        """The line goes when one of these happens."""
        gr.on(events, lambda: ("", None), None, [self._line, self._sure], **QUIET)

    def write_down(self, source: str, language: str):
        """Values of question, line and whether the recogniser was sure. An error leaves the
        question, and all else on the page, as it was."""
        try:
            found = self._parts.listener.transcribe(Path(source).read_bytes())
        except (AudioError, BusyError) as error:
            return gr.skip(), cards.message(error.sentence(language)), None
        except Exception:
            _log.exception("a recording on the page failed")
            return gr.skip(), cards.message(say(language, "unexpected")), None
        return found.text, cards.heard(found.sure, language), found.sure

    def tell(self, language: str, event: gr.EventData):
        """Why the browser could not record."""
        problem = event._data.get("problem") if isinstance(event._data, dict) else None
        key = problem if problem in _PROBLEMS else "failed"
        return cards.message(say(language, f"speak_{key}"))

    def translated(self, language: str, sure: bool | None):
        """The line in `language`; a message stays."""
        return gr.skip() if sure is None else cards.heard(sure, language)
