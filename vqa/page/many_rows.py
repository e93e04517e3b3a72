"""A table of questions answered a few rows at a time, and how it is shown and handed out."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from vqa.bulk import answer_rows
from vqa.errors import BusyError, DataError
from vqa.page.parts import Parts, Predictor
from vqa.page.texts import say
from vqa.page.uploads import Pictures, Upload, opened
from vqa.predictor import Answer, Request
from vqa.rows import Row, read_rows

MAX_ROWS = 10_000
_BATCH = 16  # rows between two looks at the progress bar
_SHOWN = 100  # rows on view
_PATIENCE = 60  # seconds to wait for a busy server
# Of an answer; maps of attention would fill a spreadsheet.
_KEPT = ("answer", "confidence", "sure", "kind", "language", "checkpoint", "error")
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Answered:
    """What is done of a table of `total` rows: each row's own columns, and the answer's fields."""

    total: int
    rows: tuple[dict, ...] = ()

    @property
    def failed(self) -> int:
        return sum("error" in row for row in self.rows)

    @property
    def whole(self) -> bool:
        return len(self.rows) == self.total

    def table(self) -> bytes:
        """A CSV file with all columns, as spreadsheets open it."""
        columns = dict.fromkeys(name for row in self.rows for name in row)
        ordered = [name for name in columns if name not in _KEPT]
        ordered += [name for name in _KEPT if name in columns]
        text = io.StringIO()
        writer = csv.DictWriter(text, ordered, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in self.rows)
        return text.getvalue().encode("utf-8-sig", "replace")


def answer_all(
    parts: Parts, table: Upload, pictures: Sequence[Upload], language: str
) -> Iterator[Answered]:
    """What is done after each few rows, nothing at first.

    Raises:
        DataError: the table or a zip file cannot be read, or there is too much of something.
        BusyError: the server was busy for a minute.
    """
    path = Path(table.path)
    total = 0
    for total, _ in enumerate(read_rows(path), start=1):
        if total > MAX_ROWS:
            raise DataError(
                say("en", "many_too_many", name=table.name[:60], rows=MAX_ROWS),
                zh=say("zh", "many_too_many", name=table.name[:60], rows=MAX_ROWS),
            )
    done = Answered(total)
    yield done
    with opened(pictures, parts.limits.max_upload_bytes) as known:
        rows = _with_pictures(read_rows(path), known)
        patient = _Patient(parts.predictor)
        for records in answer_rows(patient, rows, known.find, 5, _BATCH, language):
            done = Answered(total, done.rows + tuple(_kept(record) for record in records))
            yield done


def _with_pictures(rows: Iterator[Row], pictures: Pictures) -> Iterator[Row]:
    for row in rows:
        try:
            if not row.error:
                pictures.find(row.values["image"])
            yield row
        except DataError as error:
            yield Row(row.place, row.values, error)


class _Patient:
    """A predictor that waits when the server is busy, as there is somebody who waits anyway."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def ask_batch(self, requests: Sequence[Request], top_k: int = 5) -> list[Answer]:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._predictor.ask_batch(requests, top_k)
            except BusyError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)


def _kept(record: dict) -> dict:
    fields = set(Answer.__dataclass_fields__) - set(_KEPT)
    return {k: v for k, v in record.items() if k not in fields}


def _cell(value: object) -> object:
    """A spreadsheet must not take what somebody wrote for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def bar(done: Answered, language: str, stopped: bool = False) -> str:
    """How far it is, as a bar and in words."""
    count = {"done": len(done.rows), "total": done.total, "failed": done.failed}
    key = "many_done" if done.whole else "many_stopped" if stopped else "many_progress"
    words = escape(say(language, key, **count))
    return (
        f'<div class="many-bar"><progress max="{done.total}" value="{len(done.rows)}" '
        f'aria-label="{words}"></progress><span role="status">{words}</span></div>'
    )


def answers(done: Answered, language: str) -> str:
    """The last rows as a table."""
    if not done.rows:
        return ""
    first = max(0, len(done.rows) - _SHOWN)
    names = ("row", "image", "question", "answer", "confidence", "sure")
    head = "".join(f'<th scope="col">{escape(say(language, name))}</th>' for name in names)
    body = "".join(
        _row(number, row, language) for number, row in enumerate(done.rows[first:], start=first + 1)
    )
    note = escape(say(language, "many_shown", shown=len(done.rows) - first)) if first else ""
    caption = escape(say(language, "many_caption"))
    return (
        f'<div class="many-table" tabindex="0" role="region" aria-label="{caption}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="hint">{note}</p>'
    )


def _row(number: int, row: dict, language: str) -> str:
    if "error" in row:
        found = f'<td colspan="3" class="error">{escape(str(row["error"]))}</td>'
    else:
        sure = say(language, "yes" if row["sure"] else "no")
        found = (
            f"<td><b>{escape(str(row['answer']))}</b></td><td>{row['confidence']:.0%}</td>"
            f"<td>{escape(sure)}</td>"
        )
    own = "".join(f"<td>{escape(str(row.get(k, ''))[:200])}</td>" for k in ("image", "question"))
    return f"<tr><td>{number}</td>{own}{found}</tr>"
