import zipfile

import pytest

from vqa.errors import DataError
from vqa.page import about, many_cards
from vqa.page.unpacking import UnpackLimits, unpack

EVIL = "<script>alert(1)</script>"


def zipped(folder, files):
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return [str(path)]


def test_names_in_a_zip_lead_nowhere(tmp_path):
    target = tmp_path / "in" / "here"
    target.mkdir(parents=True)
    found = unpack(
        zipped(tmp_path, [("../../a.png", "1"), ("/b.png", "2")]), target, UnpackLimits()
    )
    assert not (tmp_path / "a.png").exists()
    for name in ("a.png", "b.png", "../../a.png"):
        assert target in found.find(name).parents
        assert found.find(name).is_file()
    assert not found.find("/etc/passwd").exists()


@pytest.mark.parametrize(
    ("files", "limits", "says"),
    [
        ([("a.png", "x" * 5000)], UnpackLimits(file_bytes=2048), "a.png in the zip .*2 KB"),
        ([(f"{k}.png", "x" * 900) for k in range(9)], UnpackLimits(all_bytes=4096), "zip holds"),
        ([(f"{k}.png", "") for k in range(9)], UnpackLimits(files=8), "more than 8 files"),
    ],
)
def test_bombs_are_refused(tmp_path, files, limits, says):
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=says):
        unpack(zipped(tmp_path, files), tmp_path / "out", limits)


def test_a_damaged_zip_and_missing_tables_are_named(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match=r"bad\.zip is damaged"):
        unpack([str(tmp_path / "bad.zip")], tmp_path, UnpackLimits())
    with pytest.raises(DataError, match="0 tables"):
        _ = unpack([], tmp_path, UnpackLimits()).table


def test_formulas_and_markup_stay_text(tmp_path):
    row = {"image": EVIL, "question": "=1+1", "answer": EVIL, "confidence": 0.5, "sure": True}
    path, _ = many_cards.write([row], tmp_path)
    assert "'=1+1" in open(path, encoding="utf-8-sig").read()
    assert EVIL not in many_cards.table([row, {"image": EVIL, "error": EVIL}], "en")


def test_cards_are_escaped_and_say_what_they_lack():
    cell = {"accuracy": 0.5, "interval": [0.4, 0.6], "n": 9}
    figures = {"n": 9, "accuracy": 0.5, "ece": 0.1, "kinds": {EVIL: cell}, "command": EVIL}
    card = {"name": EVIL, "summary": EVIL, "limits": [EVIL], "figures": {EVIL: figures}}
    html = about.card_html(card, "en")
    assert "<script" not in html
    assert "This command adds them" in html
    drawn = figures | {
        "reliability": [{"n": 9, "confidence": 0.6, "accuracy": 0.5}],
        "risk_coverage": [[0.5, 0.0], [1.0, 0.5]],
        "failures": [{"question": EVIL, "answer": EVIL, "predicted": EVIL, "confidence": 0.9}],
    }
    html = about.card_html(card | {"figures": {EVIL: drawn}}, "en")
    assert "<script" not in html
    assert html.count("<svg") == 3
