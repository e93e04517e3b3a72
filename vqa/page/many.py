"""The tab "Many questions": a table and pictures in, a table with answers out."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from vqa.errors import VQAError, described
from vqa.page import cards
from vqa.page.inputs import handing
from vqa.page.many_rows import MAX_ROWS, Answered, answer_all, answers, bar
from vqa.page.parts import QUIET, Parts
from vqa.page.session import STATE_SECONDS
from vqa.page.texts import say
from vqa.page.uploads import Upload

_log = logging.getLogger(__name__)
_PACE = 0.25  # seconds between two looks at what is done


def _uploads(_, payload) -> list[Upload]:
    files = () if payload is None else getattr(payload, "root", [payload])
    return [Upload(file.path, file.orig_name or Path(file.path).name) for file in files]


# Hands over the name that a file had too: Gradio's own changes what is unusual in it.
_Files = handing(gr.File, _uploads)


def add_many(parts: Parts) -> None:
    """Adds the tab."""
    language = parts.language
    with gr.Tab(say("en", "many_tab"), id="many") as tab:
        intro = gr.HTML(_intro("en"), elem_id="many-intro")
        with gr.Row(elem_id="many-files"):
            table = _files("many_table", file_types=[".csv", ".jsonl"])
            pictures = _files("many_pictures", file_types=["image", ".zip"], file_count="multiple")
        with gr.Row(elem_id="many-row"):
            start = gr.Button(say("en", "many_start"), variant="primary", elem_id="many-start")
            cancel = gr.Button(say("en", "many_cancel"), interactive=False, elem_id="many-cancel")
            download = gr.DownloadButton(
                say("en", "many_download"), visible=False, elem_id="many-download"
            )
        progress = gr.HTML("", elem_id="many-progress")
        shown = gr.HTML("", elem_id="many-answers")
        answered = gr.State(None, time_to_live=STATE_SECONDS)
    parts.text(tab, lambda c: gr.update(label=say(c, "many_tab")))
    parts.text(intro, _intro)
    parts.text(table, lambda c: gr.update(label=say(c, "many_table")))
    parts.text(pictures, lambda c: gr.update(label=say(c, "many_pictures")))
    parts.text(start, lambda c: gr.update(value=say(c, "many_start")))
    parts.text(cancel, lambda c: gr.update(value=say(c, "many_cancel")))
    parts.text(download, lambda c: gr.update(label=say(c, "many_download")))

    # Sessions that run, and whether they are to stop; a session's state reaches no run under way.
    stopping: dict[str, bool] = {}

    def run(tables, images, code, request: gr.Request):
        """Values of: progress, shown, answered, cancel, download; again and again."""
        done, told, session = None, 0.0, request.session_hash
        stopping[session] = False
        yield ["", "", None, gr.update(interactive=True), gr.update(visible=False)]
        try:
            if not tables or not images:
                raise VQAError(say(code, "many_no_pictures" if tables else "many_no_table"))
            for done in answer_all(parts, tables[0], images, code):
                if stopping.get(session):
                    break
                if time.monotonic() > told + _PACE:
                    yield [bar(done, code), answers(done, code), done, gr.skip(), gr.skip()]
                    told = time.monotonic()
        except VQAError as error:
            yield _ended(done, cards.message(error.sentence(code)), code)
        except Exception as error:
            _log.error("many questions on the page failed: %s", described(error))
            yield _ended(done, cards.message(say(code, "unexpected")), code)
        else:
            yield _ended(done, "", code)
        finally:
            stopping.pop(session, None)

    def cancelled(request: gr.Request):
        if request.session_hash in stopping:
            stopping[request.session_hash] = True

    def _ended(done: Answered | None, said: str, code: str) -> list:
        """What is done stays, whatever ended it."""
        still = gr.update(interactive=False)
        if done is None or not done.rows:
            return [said, "", None, still, gr.update(visible=False)]
        file = save_bytes_to_cache(done.table(), "answers.csv", download.GRADIO_CACHE)
        return [
            said + bar(done, code, stopped=True),
            answers(done, code),
            done,
            still,
            gr.update(value=file, visible=True),
        ]

    def translated(done, code):
        if done is None:
            return [gr.skip(), gr.skip()]
        return [bar(done, code, stopped=True), answers(done, code)]

    on_view = [progress, shown, answered, cancel, download]
    start.click(run, [table, pictures, language], on_view, concurrency_limit=2, **QUIET)
    # Not Gradio's own way of cancelling: what was under way could still arrive after the end.
    cancel.click(cancelled, None, None, concurrency_limit=None, **QUIET)
    language.change(translated, [answered, language], [progress, shown], **QUIET)


def _intro(language: str) -> str:
    return f'<p class="hint">{say(language, "many_intro", rows=MAX_ROWS)}</p>'


def _files(key: str, **options) -> gr.File:
    name = key.replace("_", "-")
    return _Files(label=say("en", key), height=150, elem_id=name, **options)
