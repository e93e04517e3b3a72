"""The tab "Many questions": a table and pictures in, a table of answers out."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import gradio as gr

from vqa.bulk import answer_rows
from vqa.errors import BusyError, DataError, VQAError
from vqa.page import cards, many_cards
from vqa.page.parts import QUIET, Parts
from vqa.page.session import STATE_SECONDS
from vqa.page.texts import say
from vqa.page.unpacking import ACCEPTED, UnpackLimits, unpack
from vqa.rows import Row, read_rows

_log = logging.getLogger(__name__)
_BATCH = 16
_AT_ONCE = 2  # visitors whose tables are answered at the same time
_TRIES = 5  # of a batch, while the server is busy


def add_many(parts: Parts) -> None:
    """Adds the tab."""
    limits = UnpackLimits(file_bytes=parts.limits.max_upload_bytes)
    with gr.Tab(say("en", "many_tab"), id="many") as tab:
        hint = gr.HTML(_hint("en", limits), elem_id="many-hint")
        files = gr.File(
            label=say("en", "many_files"),
            file_count="multiple",
            file_types=ACCEPTED,
            height=180,
            elem_id="many-files",
        )
        with gr.Row():
            go = gr.Button(say("en", "many_go"), variant="primary", elem_id="many-go")
            stop = gr.Button(say("en", "many_stop"), elem_id="many-stop")
        message = gr.HTML("", elem_id="many-message")
        status = gr.HTML("", elem_id="many-progress")
        out = gr.File(
            label=say("en", "many_out"), visible=False, interactive=False, elem_id="many-out"
        )
        table = gr.HTML("", elem_id="many-table")
        kept = gr.State(None, time_to_live=STATE_SECONDS)
    parts.text(tab, lambda c: gr.update(label=say(c, "many_tab")))
    parts.text(hint, lambda c: _hint(c, limits))
    parts.text(files, lambda c: gr.update(label=say(c, "many_files")))
    parts.text(go, lambda c: gr.update(value=say(c, "many_go")))
    parts.text(stop, lambda c: gr.update(value=say(c, "many_stop")))
    parts.text(out, lambda c: gr.update(label=say(c, "many_out")))

    def answered(sent, language):
        yield from _answered(parts, sent or [], limits, language)

    on_view = [message, status, table, out, kept]
    running = go.click(
        answered,
        [files, parts.language],
        on_view,
        concurrency_limit=_AT_ONCE,
        concurrency_id="many",
        **QUIET,
    )
    stop.click(_stopped, [kept, parts.language], on_view, cancels=running, **QUIET)


def _hint(language: str, limits: UnpackLimits) -> str:
    sizes = {
        "rows": f"{limits.rows:,}",
        "each": f"{limits.file_bytes / 2**20:.3g}",
        "all": f"{limits.all_bytes / 2**20:.0f}",
    }
    return f'<p class="hint">{say(language, "many_hint", **sizes)}</p>'


def _answered(
    parts: Parts, files: list[str], limits: UnpackLimits, language: str
) -> Iterator[list]:
    """Values of message, status, table, files to download, and what is kept of the run."""
    rows: list[dict] = []
    asked: list[Row] = []
    said, table = "", Path()
    try:
        if not files:
            raise VQAError(say("en", "many_none"), zh=say("zh", "many_none"))
        # Goes away with the generator too, which is how Gradio ends one that was cancelled.
        with tempfile.TemporaryDirectory() as folder:
            found = unpack(files, Path(folder), limits)
            table = found.table
            asked = list(islice(read_rows(table), limits.rows + 1))
            if len(asked) > limits.rows:
                raise DataError(
                    f"The table has more than {limits.rows:,} rows; send it in parts, or use "
                    "python -m vqa predict --batch.",
                    zh=f"表格超过 {limits.rows:,} 行，请分批上传，"
                    "或使用 python -m vqa predict --batch。",
                )
            yield _shown(rows, len(asked), language, "many_running")
            for records in _patient(parts, asked, found.find, language):
                rows += map(many_cards.brief, records)
                yield _shown(rows, len(asked), language, "many_running")
    except VQAError as error:
        said = cards.message(error.sentence(language).replace(str(table), table.name))
    except Exception:
        _log.exception("many questions on the page failed")
        said = cards.message(say(language, "unexpected"))
    yield from _finished(rows, len(asked), language, said)


def _patient(parts: Parts, rows: list[Row], find, language: str) -> Iterator[list[dict]]:
    """Answers in batches; while the server is busy, waits and goes on from where it was."""
    batch = min(_BATCH, parts.limits.queue_size)
    done = tries = 0
    while done < len(rows):
        try:
            for records in answer_rows(
                parts.predictor, rows[done:], find, 3, batch, language=language
            ):
                done, tries = done + len(records), 0
                yield records
        except BusyError as error:
            tries += 1
            if tries == _TRIES:
                raise
            time.sleep(error.retry_after)


def _shown(rows: list[dict], total: int, language: str, key: str, said: str = "") -> list:
    failed = sum("error" in row for row in rows)
    bar = many_cards.status(len(rows), total, failed, language, key) if total else ""
    # A copy: the state is read by the button that stops, while the run goes on.
    kept = {"rows": list(rows), "total": total}
    return [said, bar, many_cards.table(rows, language), gr.update(visible=False), kept]


def _finished(rows: list[dict], total: int, language: str, said: str = "") -> Iterator[list]:
    """The same at the end, with the files; Gradio copies these before it asks for more."""
    shown = _shown(rows, total, language, "many_done", said)
    if not rows:
        yield shown
        return
    with tempfile.TemporaryDirectory() as folder:
        shown[3] = gr.update(value=many_cards.write(rows, Path(folder)), visible=True)
        yield shown


def _stopped(kept: dict | None, language: str) -> Iterator[list]:
    """What was answered until then stays, and can be downloaded."""
    if kept:
        yield from _finished(kept["rows"], kept["total"], language)
    else:
        yield [gr.skip()] * 5
