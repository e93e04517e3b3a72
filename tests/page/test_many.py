"""A table of questions and pictures in, a table of answers out, whatever is in them."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from fakes import FakePredictor, scene_picture

from vqa.errors import BusyError, DataError
from vqa.page import many_rows, uploads
from vqa.page.many_rows import Answered, answer_all, answers, bar
from vqa.page.parts import CheckpointInfo, PageLimits, Parts
from vqa.page.uploads import Upload, opened

QUESTION = "Is there a ball?"
MOST = 10 * 2**20


@pytest.fixture
def parts():
    return Parts(FakePredictor(), CheckpointInfo("fake"), PageLimits())


def png() -> bytes:
    file = io.BytesIO()
    scene_picture().save(file, "PNG")
    return file.getvalue()


def packed(folder: Path, members: dict[str, bytes], name: str = "p.zip") -> Upload:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return Upload(str(folder / name), name)


def table(folder: Path, *images: str) -> Upload:
    rows = "".join(f"{image},{QUESTION},{k}\n" for k, image in enumerate(images))
    (folder / "q.csv").write_text(f"image,question,id\n{rows}", encoding="utf-8")
    return Upload(str(folder / "q.csv"), "q.csv")


def test_rows_are_answered_a_few_at_a_time_and_handed_out_as_a_table(parts, tmp_path):
    asked = table(tmp_path, *["a.png"] * 20, "b.png", "none.png")
    (tmp_path / "upload").write_bytes(png())
    files = [packed(tmp_path, {"in/a.png": png()}), Upload(str(tmp_path / "upload"), "b.png")]
    steps = list(answer_all(parts, asked, files, "en"))
    assert [len(step.rows) for step in steps] == [0, 16, 22]
    done = steps[-1]
    assert done.whole and done.failed == 1 and not steps[1].whole
    rows = list(csv.DictReader(io.StringIO(done.table().decode("utf-8-sig"))))
    assert [row["answer"] for row in rows] == ["2"] * 21 + [""]
    assert rows[0]["id"] == "0" and float(rows[0]["confidence"]) > 0.9
    assert "none.png" in rows[-1]["error"] and "region_attention" not in rows[0]
    assert "1 could not" in bar(done, "en") and "1 行" in bar(done, "zh")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\secret.png", "", ".", "a.png/../b.png", "\0.png"],
)
def test_only_what_was_uploaded_can_be_named(tmp_path, name):
    with opened([packed(tmp_path, {"a.png": png()})], MOST) as pictures:
        with pytest.raises(DataError, match="no picture"):
            pictures.find(name)
        assert pictures.find("somewhere/a.png").read_bytes() == png()


def test_members_never_leave_their_folder(tmp_path):
    evil = packed(tmp_path, {"../../out.png": png(), "/abs.png": png(), "x/notes.txt": b"no"})
    with opened([evil], MOST) as pictures:
        places = [pictures.find(name) for name in ("out.png", "abs.png")]
        folder = places[0].parent.parent
        assert all(folder in place.resolve().parents for place in places) and len(pictures) == 2
    assert not folder.exists() and not (tmp_path.parent.parent / "out.png").exists()


def test_what_is_too_much_or_damaged_is_named(tmp_path, monkeypatch):
    bomb = packed(tmp_path, {"big.png": b"\0" * 3000, "more.png": b"\0" * 900})
    with opened([bomb], 1000) as pictures:
        with pytest.raises(DataError, match="big.png is larger"):
            pictures.find("big.png")
        monkeypatch.setattr(pictures, "_left", 800)
        with pytest.raises(DataError, match="all of them are together"):
            pictures.find("more.png")
    (tmp_path / "no.zip").write_bytes(b"PK\3\4nothing")
    with pytest.raises(DataError, match=r"no.zip is not a zip file"):
        with opened([Upload(str(tmp_path / "no.zip"), "no.zip")], MOST):
            pass
    twice = packed(tmp_path, {"x/a.png": png(), "y/a.png": png()})
    with opened([twice], MOST) as pictures:
        with pytest.raises(DataError, match="Several"):
            pictures.find("a.png")
        assert pictures.find("x/a.png").is_file()
    monkeypatch.setattr(uploads, "MAX_PICTURES", 1)
    with pytest.raises(DataError, match="limit is 1"), opened([twice], MOST):
        pass


def test_a_table_that_is_too_long_is_refused_before_anything_is_asked(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(many_rows, "MAX_ROWS", 2)
    with pytest.raises(DataError, match="q.csv has more than 2 rows") as raised:
        next(answer_all(parts, table(tmp_path, *"abc"), [], "en"))
    assert "2 行" in raised.value.sentence("zh")


def test_a_busy_server_is_waited_for(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(many_rows.time, "sleep", lambda seconds: None)
    tries, ask = [], parts.predictor.ask_batch

    def busy_at_first(requests, top_k=5):
        tries.append(1)
        if len(tries) < 4:
            raise BusyError(1)
        return ask(requests, top_k)

    monkeypatch.setattr(parts.predictor, "ask_batch", busy_at_first)
    asked = table(tmp_path, "a.png")
    *_, done = answer_all(parts, asked, [packed(tmp_path, {"a.png": png()})], "en")
    assert len(tries) == 4 and done.failed == 0
    monkeypatch.setattr(many_rows, "_PATIENCE", -1)
    tries.clear()
    with pytest.raises(BusyError):
        list(answer_all(parts, asked, [packed(tmp_path, {"a.png": png()})], "en"))


def test_what_people_wrote_is_shown_as_text():
    row = {"image": "<b>.png", "question": "<script>alert(1)</script>", "error": "<i>no</i>"}
    page = answers(Answered(1, (row,)), "en")
    for mark in ("<b>.", "<script", "<i>"):
        assert mark not in page
    cells = Answered(1, ({"question": "=1+1", "image": "@x"},)).table().decode("utf-8-sig")
    assert "'=1+1" in cells and "'@x" in cells
