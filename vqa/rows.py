"""Rows of questions, read one by one from a file that may be larger than memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vqa.errors import DataError, plainly

MAX_ROW_BYTES = 1 << 20
NEEDED = ("image", "question")
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Row:
    """One row: where it stands, like "FILE, line 3", and its values; `error` says what is off
    with a row that cannot be asked."""

    place: str
    values: dict
    error: DataError | None = None


def bad_row(place: str, message: str, zh: str) -> Row:
    """A row that cannot be asked, and why, in both languages."""
    return Row(place, {}, DataError(f"{place}: {message}", zh=f"{place}：{zh}"))


def unreadable(path: Path, error: Exception) -> DataError:
    """What to say of a file that is missing or no text."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path} is missing.", zh=f"找不到 {path}。")
    if isinstance(error, OSError):
        return DataError(f"{path} cannot be read: {plainly(error)}.", zh=f"无法读取 {path}。")
    return DataError(
        f"{path} cannot be read as UTF-8 text; spreadsheets save it as CSV UTF-8.",
        zh=f"{path} 不是 UTF-8 文本；电子表格软件可另存为“CSV UTF-8”。",
    )


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a `.csv` file, or the lines of a JSON Lines file of any other name.

    A CSV file's header names at least the columns image and question; values are separated by
    commas, semicolons or tabs, whichever the header holds most of. A row that is not right comes
    with its `error`, and the next one is read. Errors call the file by its last part alone: who
    uploads a table need not know where it lies.

    Raises:
        DataError: the file cannot be read, holds no rows, or its header lacks a column.
    """
    rows = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    empty = True
    try:
        for row in rows(path):
            empty = False
            yield row
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(Path(path.name), error) from error
    if empty:
        raise DataError(f"{path.name} holds no questions.", zh=f"{path.name} 里没有问题。")


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            place = f"{path.name}, line {number}"
            if len(line) > MAX_ROW_BYTES:
                most = MAX_ROW_BYTES >> 20
                yield bad_row(place, f"longer than {most} MiB.", f"超过 {most} MiB。")
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                values = json.loads(text) if text.strip() else None
            except (ValueError, RecursionError) as error:
                yield bad_row(place, f"not JSON ({error}).", f"不是 JSON（{error}）。")
                continue
            if text.strip():
                yield _checked(place, values)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines, of an overlong one the beginning."""
    while line := file.readline(MAX_ROW_BYTES + 1):
        yield line
        while len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_ROW_BYTES + 1)


def _checked(place: str, values: object) -> Row:
    if not isinstance(values, dict) or not all(isinstance(values.get(k), str) for k in NEEDED):
        return bad_row(
            place, 'needs the texts "image" and "question".', "需要文本 image 和 question。"
        )
    return Row(place, values)


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(MAX_ROW_BYTES)
        file.seek(0)
        reader = csv.reader(file, delimiter=max(_DELIMITERS, key=first.count))
        header: list[str] | None = None
        number = 0
        while True:
            number += 1
            place = f"{path.name}, row {number}"
            try:
                cells = next(reader, None)
            except csv.Error as error:
                line = reader.line_num
                raise DataError(
                    f"{path.name}, line {line}: is a quotation mark left open?",
                    zh=f"{path.name} 第 {line} 行：是否有未闭合的引号？",
                ) from error
            if cells is None:
                return
            if header is None:
                header = _header(path, cells)
            elif len(cells) == len(header):
                values = (cell.strip() for cell in cells)
                yield _checked(place, dict(zip(header, values, strict=True)))
            elif cells:
                yield bad_row(
                    place,
                    f"{len(cells)} values where the header names {len(header)}; "
                    "texts with commas need quotes.",
                    f"有 {len(cells)} 个值，而表头有 {len(header)} 列；含逗号的文本要加引号。",
                )


def _header(path: Path, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    lacking = [name for name in NEEDED if name not in header]
    if lacking:
        named = ", ".join(header)
        raise DataError(
            f"{path.name} lacks the column {lacking[0]!r}; its first line names: {named}.",
            zh=f"{path.name} 缺少列 {lacking[0]!r}；第一行是：{named}。",
        )
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(
            f"{path.name} has two columns {twice[0]!r}; rename one.",
            zh=f"{path.name} 有两列都叫 {twice[0]!r}，请改名。",
        )
    return header
