"""Many questions: one record per row whatever is in it, and nothing lost or asked twice.

`VQA_KILLS=50` kills the command more often than the suite does.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from fakes import FakePredictor, scene_picture

from vqa import bulk
from vqa.bulk import answer_rows, beside, write_answers
from vqa.errors import ConfigError, DataError
from vqa.image import load_image
from vqa.rows import MAX_ROW_BYTES, read_rows

ROOT = Path(__file__).parent.parent
QUESTION = "Is there a ball?"


class Opening(FakePredictor):
    """Reads the pictures too."""

    def ask(self, image, question, top_k=5):
        return super().ask(load_image(image), question, top_k)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    scene_picture().save(tmp_path / "a.png")
    scene_picture().save(tmp_path / "images" / "b.png")
    return tmp_path


def questions(folder: Path, n: int) -> Path:
    path = folder / "many.jsonl"
    lines = (
        json.dumps({"image": f"{'ab'[k % 2]}.png", "question": QUESTION, "id": k}) for k in range(n)
    )
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_row_that_is_off_has_its_error_and_the_rest_is_answered(folder):
    path = folder / "many.jsonl"
    good = json.dumps({"image": "b.png", "question": QUESTION, "answer": "yes"}).encode()
    long = b'{"question": "' + b"x" * MAX_ROW_BYTES + b'"}'
    path.write_bytes(
        b"\n".join([b"\xef\xbb\xbf" + good, b"{bad", b"", long, b'{"image": 3}', b"\xff", good])
    )
    missing = json.dumps({"image": "no.png", "question": QUESTION})
    path.write_bytes(path.read_bytes() + b"\n" + missing.encode())
    found = [r for part in answer_rows(Opening(), read_rows(path), beside(path)) for r in part]
    assert [r.get("answer") for r in found] == ["2", None, None, None, None, "2", None]
    assert found[0]["given_answer"] == "yes" and found[1]["row"] == "many.jsonl, line 2"
    for record, says in zip(
        found[1:], ["not JSON", "1 MiB", "texts", "not JSON", "", "no.png"], strict=True
    ):
        assert says in record.get("error", "")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_as_spreadsheets_write_it(folder, mark):
    path = folder / "many.csv"
    rows = [["image", "question", "note"], ["a.png", '"Is, there; a\tball?"', "n"], ["a.png"]]
    path.write_text("\r\n".join(mark.join(row) for row in rows), encoding="utf-8-sig")
    first, second = read_rows(path)
    assert first.values == {"image": "a.png", "question": "Is, there; a\tball?", "note": "n"}
    assert "1 values where the header names 3" in str(second.error)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "picture,question\na,b\n", "lacks the column 'image'"),
        ("a.csv", "image,question,image\na,b,c\n", "two columns"),
        ("a.csv", "image,question\n", "no questions"),
        ("a.csv", 'image,question\na,"' + "x" * 200_000, "quotation mark"),
        ("a.jsonl", "\n \n", "no questions"),
        ("a.csv", b"image,question\na,\xff\n", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, text, says):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=says) as raised:
        list(read_rows(path))
    sentences = str(raised.value), raised.value.sentence("zh")
    assert all(name in said and str(tmp_path) not in said for said in sentences)
    assert sentences[0] != sentences[1]
    with pytest.raises(DataError, match="missing"):
        list(read_rows(tmp_path / "nowhere.csv"))


def test_a_run_goes_on_where_it_stopped(folder):
    source, out = questions(folder, 300), folder / "out.jsonl"
    assert write_answers(FakePredictor(), source, out) == (300, 0)
    whole = out.read_bytes()
    for cut in (0, 1, len(whole) // 2, len(whole) - 1, len(whole)):
        out.write_bytes(whole[:cut])
        assert write_answers(FakePredictor(), source, out) == (300, 0)
        assert [r["id"] for r in records(out)] == list(range(300))


def test_answers_to_other_questions_are_left_alone(folder):
    source, out = questions(folder, 70), folder / "out.jsonl"
    for text in (b'{"image": "c.png"}\n', b"[1]\n", b"notes\n"):
        out.write_bytes(text)
        with pytest.raises(ConfigError, match="line 1 does not answer"):
            write_answers(FakePredictor(), source, out)
        assert out.read_bytes() == text
    with pytest.raises(ConfigError, match="cannot be written"):
        write_answers(FakePredictor(), source, folder / "no" / "out.jsonl")


def test_memory_does_not_grow_with_the_rows(folder):
    """Far less than the 500 bytes that each further row would take were it kept."""
    source = questions(folder, 4000)
    peak = []
    for seen, _ in enumerate(answer_rows(FakePredictor(), read_rows(source), beside(source))):
        if seen in (3, 4000 // bulk.BATCH - 1):
            peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peak[1] - peak[0] < 1024


def test_killed_at_random_it_loses_and_repeats_nothing(folder):
    total = 400
    source, out = questions(folder, total), folder / "out.jsonl"
    command = [sys.executable, "-c", _SLOW, str(source), str(out)]
    rng, done = Random(1), 0
    for _ in range(int(os.environ.get("VQA_KILLS", "3"))):
        process = subprocess.Popen(command, cwd=ROOT, env=_environment())
        before = out.stat().st_size if out.exists() else 0
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if out.exists() and out.stat().st_size > before:  # it has begun to write
                time.sleep(rng.uniform(0, 0.05))
                process.send_signal(signal.SIGKILL)
            time.sleep(0.001)
        process.wait()
        ids = [json.loads(line)["id"] for line in out.read_bytes().split(b"\n")[:-1]]
        assert ids == list(range(len(ids))) and len(ids) >= done
        done = len(ids)
        if done == total:
            out.unlink()
            done = 0
    subprocess.run(command, cwd=ROOT, env=_environment(), check=True)
    assert [r["id"] for r in records(out)] == list(range(total))


_SLOW = """
import sys, time
from pathlib import Path
from fakes import FakePredictor
from vqa import bulk
bulk.BATCH = 7
write_answers = bulk.write_answers
write_answers(FakePredictor(), Path(sys.argv[1]), Path(sys.argv[2]), 5, lambda n: time.sleep(0.01))
"""


def _environment() -> dict:
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
