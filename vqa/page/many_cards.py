"""The answers of the tab "Many questions" as HTML and as files; what people sent is escaped."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from vqa.page.texts import say

SHOWN_ROWS = 200
COLUMNS = ("image", "question", "answer", "confidence", "sure", "checkpoint", "error")


def brief(record: dict) -> dict:
    """What is kept of a record of `vqa.bulk.answer_rows`: all but what the overlays need."""
    row = {name: record[name] for name in COLUMNS if name in record}
    row.setdefault("image", record.get("row", ""))
    return row


def status(done: int, total: int, failed: int, language: str, key: str = "many_done") -> str:
    """A bar with the numbers in words."""
    said = say(language, key, done=done, total=total, failed=failed)
    return (
        f'<div class="many-status" role="status" data-testid="many-status"><progress max="{total}" '
        f'value="{done}" aria-label="{escape(said)}"></progress><p>{escape(said)}</p></div>'
    )


def table(rows: Sequence[dict], language: str) -> str:
    """The last rows; the files hold all of them."""
    if not rows:
        return ""
    heads = "".join(
        f"<th scope='col'>{escape(say(language, key))}</th>"
        for key in ("picture", "question", "many_answer", "many_confidence")
    )
    first = max(len(rows) - SHOWN_ROWS, 0)
    more = f'<p class="hint">{escape(say(language, "many_more", n=SHOWN_ROWS))}</p>' * (first > 0)
    lines = "".join(_line(row, language) for row in rows[first:])
    return (
        f'{more}<div class="many-rows" tabindex="0"><table data-testid="many-table">'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _line(row: dict, language: str) -> str:
    asked = f"<td>{escape(str(row['image']))}</td><td>{escape(str(row.get('question', '')))}</td>"
    if "error" in row:
        return f'<tr class="off">{asked}<td colspan="2">{escape(row["error"])}</td></tr>'
    unsure = "" if row["sure"] else f" ({escape(say(language, 'not_sure'))})"
    return (
        f"<tr>{asked}<td><b>{escape(row['answer'])}</b></td>"
        f"<td>{row['confidence']:.0%}{unsure}</td></tr>"
    )


def write(rows: Sequence[dict], folder: Path) -> list[str]:
    """Writes answers.csv (for spreadsheets) and answers.jsonl; returns their paths."""
    paths = folder / "answers.csv", folder / "answers.jsonl"
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    with paths[0].open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
    with paths[1].open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return [str(path) for path in paths]


def _cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets a mark in front."""
    if not isinstance(value, str):
        return value
    value = value.encode("utf-8", "backslashreplace").decode()
    return f"'{value}" if value[:1] in "=+-@\t\r" and value else value
