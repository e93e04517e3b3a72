"""Many questions, answered in a stream: memory does not grow with the number of rows, and an
interrupted run goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO

from vqa.errors import BusyError, ConfigError, StoppingError, VQAError
from vqa.image import MAX_FILE_BYTES
from vqa.outputs import writing
from vqa.predictor import Answer, Predictor, Request
from vqa.rows import NEEDED, Row, read_rows

BATCH = 64
_BATCH_BYTES = 16 * 2**20
_KNOWN_BY = (*NEEDED, "row")
_ANSWER = frozenset(field.name for field in fields(Answer)) | {"error"}


def answer_rows(
    predictor: Predictor,
    rows: Iterable[Row],
    find: Callable[[str], Path],
    top_k: int = 5,
    batch: int = BATCH,
    language: str = "en",
) -> Iterator[list[dict]]:
    """The rows with their answers, in order, a batch at a time.

    A record holds the row's values, and the fields of `Answer` or an `error`. A value of the
    row's own whose name is a field's is kept as `given_NAME`.

    Args:
        predictor: or a `Router`, a `Batcher`.
        find: name of a picture in a row -> its file, which need not exist.
        batch: rows that are asked together at most. language: of errors, "en" or "zh".

    Raises:
        BusyError, StoppingError: by a `Batcher`; the rows of that batch are not answered.
    """
    for part in _batches(rows, find, batch):
        found = iter(_ask(predictor, [ready for ready in part if not ready.row.error], top_k))
        yield [given(r.row) | _said(r.row.error or next(found), language) for r in part]


def beside(file: Path) -> Callable[[str], Path]:
    """Finds pictures in the folder of `file` and in `images` there, or by absolute path."""

    def find(name: str) -> Path:
        path = file.parent / name
        other = file.parent / "images" / name
        return other if not os.path.lexists(path) and os.path.lexists(other) else path

    return find


def given(row: Row) -> dict:
    """The row's own values, under names that no answer uses."""
    if not row.values:
        return {"row": row.place}
    return {f"given_{k}" if k in _ANSWER else k: v for k, v in row.values.items()}


def write_answers(
    predictor: Predictor,
    source: Path,
    out: Path,
    top_k: int = 5,
    progress: Callable[[int], None] = lambda rows: None,
) -> tuple[int, int]:
    """Answers a file of questions into a file of JSON lines, one per row, in order.

    What `out` holds already is kept and gone on from. Each batch is on the disk before the next
    one is asked, so whatever ends the process loses at most the batch in work; a line that was
    not written to its end is written anew.

    Args:
        progress: told of rows that are done, those of an earlier run too.

    Returns:
        (rows in `out`, those among them that could not be answered).

    Raises:
        DataError: see `vqa.rows.read_rows`.
        ConfigError: `out` cannot be written, or holds answers to other questions.
    """
    rows = read_rows(source)
    with writing(out), out.open("a+b") as file:
        done, failed = _resume(file, rows, out, progress)
        for records in answer_rows(predictor, rows, beside(source), top_k):
            file.write(b"".join(_line(record) for record in records))
            file.flush()
            os.fsync(file.fileno())
            done += len(records)
            failed += sum("error" in record for record in records)
            progress(len(records))
    return done, failed


def _resume(
    file: IO[bytes], rows: Iterator[Row], out: Path, progress: Callable[[int], None]
) -> tuple[int, int]:
    """Passes over the rows that `file` holds; cuts off a last line without its end."""
    done = failed = whole = 0
    file.seek(0)
    for line in file:
        if not line.endswith(b"\n"):
            break
        row = next(rows, None)
        try:
            record = json.loads(line)
            same = row is not None and all(
                record[name] == value for name, value in given(row).items() if name in _KNOWN_BY
            )
        except (ValueError, LookupError, TypeError):
            same = False
        if not same:
            raise ConfigError(
                f"{out}, line {done + 1} does not answer the questions file's row there; "
                "choose another --out, or remove that file."
            )
        done += 1
        failed += "error" in record
        whole += len(line)
        progress(1)
    file.truncate(whole)
    return done, failed


def _line(record: dict) -> bytes:
    # A lone half of a surrogate pair is text that JSON can hold and UTF-8 cannot.
    text = json.dumps(record, ensure_ascii=False)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(record)}\n".encode()


@dataclass(frozen=True)
class _Ready:
    """A row and its picture: the bytes of the file, shared by rows that ask about the same one,
    or where it cannot be read that way its path, whose error names it."""

    row: Row
    path: Path
    image: bytes | Path


def _batches(
    rows: Iterable[Row], find: Callable[[str], Path], batch: int
) -> Iterator[list[_Ready]]:
    """At most `batch` rows, and few large pictures, as all of a batch are decoded at once."""
    part: list[_Ready] = []
    files: dict[Path, bytes | Path] = {}
    size = 0
    for row in rows:
        path = Path() if row.error else find(row.values["image"])
        if path not in files:
            files[path] = file = path if row.error else _bytes(path)
            size += len(file) if isinstance(file, bytes) else 0
        part.append(_Ready(row, path, files[path]))
        if len(part) == batch or size > _BATCH_BYTES:
            yield part
            part, files, size = [], {}, 0
    if part:
        yield part


def _bytes(path: Path) -> bytes | Path:
    try:
        fits = path.is_file() and path.stat().st_size <= MAX_FILE_BYTES
        return path.read_bytes() if fits else path
    except (OSError, ValueError):
        return path


def _said(answer: Answer | VQAError, language: str) -> dict:
    if isinstance(answer, VQAError):
        return {"error": answer.sentence(language)}
    return answer.to_dict()


def _ask(predictor: Predictor, part: list[_Ready], top_k: int) -> list[Answer | VQAError]:
    """Answers, and the error in the place of each question that has none."""
    if not part:
        return []
    # Alone, a picture is named by its path, so that an error names it.
    alone = len(part) == 1
    asked = [Request(r.path if alone else r.image, r.row.values["question"]) for r in part]
    try:
        return predictor.ask_batch(asked, top_k)
    except (BusyError, StoppingError):
        raise
    except VQAError as error:
        if alone:
            return [error]
    half = len(part) // 2
    return _ask(predictor, part[:half], top_k) + _ask(predictor, part[half:], top_k)
