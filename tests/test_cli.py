"""The command line as a stranger uses it: on the shipped checkpoint, with good and bad input."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from vqa.checkpoint import SHIPPED
from vqa.cli import main
from vqa.data.clevr import read_questions, read_scenes
from vqa.speech import card, store
from vqa.world.families import FAMILIES

ROOT = Path(__file__).parent.parent
PICTURE = str(ROOT / "vqa" / "page" / "examples" / "crowd.jpg")
QUESTION = "How many yellow things are there?"


def no_work(*_):
    raise AssertionError("something was loaded before the path was looked at")


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command."""
    try:
        code = main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def test_predict_says_answer_and_certainty(capsys):
    code, out, _ = run(capsys, "predict", PICTURE, QUESTION)
    assert code == 0
    assert out.startswith("4  (") and "sure" in out
    assert "ms on cpu" in out


def test_predict_answers_in_the_language_of_the_question(capsys):
    code, out, _ = run(capsys, "predict", PICTURE, "大的红色物体是什么材质的？")
    assert code == 0 and out.startswith("橡胶")


def test_predict_shows_repaired_and_unknown_words(capsys):
    _, out, _ = run(capsys, "predict", PICTURE, "How many yelow things are there qwzzk?")
    assert 'Read "yelow" as "yellow".' in out
    assert "Unknown words: qwzzk." in out


def test_predict_json_and_overlay(capsys, tmp_path):
    overlay = tmp_path / "looked.png"
    arguments = ("--json", "--top-k", "3", "--overlay", str(overlay))
    code, out, _ = run(capsys, "predict", PICTURE, QUESTION, *arguments)
    answer = json.loads(out)
    assert code == 0 and answer["answer"] == "4" and len(answer["top"]) == 3
    steps = len(answer["region_attention"])
    with Image.open(overlay) as sheet:
        assert sheet.width / sheet.height == pytest.approx(steps * 4 / 3, rel=0.01)


def test_predict_batch_answers_every_line_and_keeps_going(capsys, tmp_path):
    shutil.copy(PICTURE, tmp_path / "a.jpg")
    lines = [
        {"image": "a.jpg", "question": QUESTION, "id": 7},
        {"image": "missing.jpg", "question": QUESTION},
        {"image": "a.jpg", "question": "有几个黄色的物体？"},
    ]
    batch = tmp_path / "many.jsonl"
    batch.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    code, out, err = run(capsys, "predict", "--batch", str(batch))
    first, second, third = (json.loads(line) for line in out.splitlines())
    assert code == 2 and "1 of 3" in err
    assert first["answer"] == third["answer"] == "4" and first["id"] == 7
    assert "missing.jpg" in second["error"] and "answer" not in second


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("predict",), "Give a picture and a question"),
        (("predict", "no/where.png", "Is there a ball?"), "no picture file no/where.png;"),
        (("predict", PICTURE, "--audio", "no/q.wav"), "The recording no/q.wav cannot be read"),
        (("predict", PICTURE, ""), "question is empty"),
        (("predict", PICTURE, "Is there a ball?", "--top-k", "0"), "--top-k"),
        (("predict", PICTURE, "Is there a ball?", "--device", "toaster"), "toaster"),
        (("predict", PICTURE, "Is there a ball?", "--overlay", "/nowhere/a.png"), "/nowhere"),
        (("predict", "--batch", "nowhere.jsonl"), "nowhere.jsonl"),
        (("predict", "--batch", str(ROOT)), f"{ROOT.name} cannot be read: it is a folder."),
        (("predict", PICTURE, "x", "--batch", "many.jsonl"), "--batch"),
        (("predict", PICTURE, "x", "--out", "a.jsonl"), "--out"),
        (("predict", PICTURE, "x", "--speech", "nope"), "'nope' names no recogniser"),
        (("predict", PICTURE, "x", "--speech", "whisper"), "--speech is for --audio"),
        (("predict", PICTURE, "x", "--audio", "q.wav"), "Both a question and a recording"),
        (("predict", "--batch", "x.csv", "--audio", "q.wav"), "--audio"),
        (("predict", "--batch", "x.csv", "--speech", "own"), "--speech"),
        (("evaluate", "speech", "--data", "world:heldout"), "--data is not for"),
        (("evaluate", "speech", "--split", "test"), "--split is not for"),
        (("evaluate", "speech", "--label", "x"), "--label is not for"),
        (("evaluate", "speech", "--lang", "zh"), "--lang is for --latency"),
        (("evaluate", "speech", "--write", "scenes"), "leave the name out"),
        (("evaluate", "speech", "--latency", "--n", "5"), "--n is not for --latency"),
        (("evaluate", "scenes", "--n", "5"), "--n is for checkpoints of speech"),
        (("evaluate", "scenes", "--latency", "--rows", "x"), "--rows is not for --latency"),
        (("inspect", "nothing"), "no checkpoint 'nothing'"),
        (("evaluate", "scenes", "--data", "mnist:x"), "mnist:x"),
        (("evaluate", "scenes", "--data", "clevr:/nowhere"), "/nowhere"),
        (("evaluate", "scenes", "--data", "world:other"), "world:heldout"),
        (("train", "no/a.json", "--out", "x"), "no/a.json cannot be read: there is no such file."),
        (("simulate", "--out", "x", "--size", "100x100"), "4:3"),
        (("simulate", "--out", "x", "--lang", "fr"), "fr"),
        (("simulate", "--out", PICTURE), "crowd.jpg"),
        (("figures", "nowhere.md"), "nowhere.md"),
        ((), "COMMAND"),
        (("sing",), "sing"),
    ],
)
def test_mistakes_are_answered_in_one_line(capsys, arguments, says):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert says in err and err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "command",
    [
        ("train", str(ROOT / "configs" / "speech.json"), "--out"),
        ("train", str(ROOT / "configs" / "photos.json"), "--data", "labels:x.csv", "--out"),
        ("publish", "scenes", "--out"),
        ("simulate", "--n", "1", "--out"),
        ("simulate-speech", "--n", "1", "--out"),
        ("compare", str(ROOT / "configs" / "compare" / "mac.json"), "--budget", "1s", "--out"),
        ("export", "--out"),
        ("evaluate", "scenes", "--rows"),
        ("evaluate", "speech", "--rows"),
        ("predict", PICTURE, QUESTION, "--overlay"),
        ("predict", "--batch", str(ROOT / "README.md"), "--out"),
    ],
    ids=lambda command: " ".join(command[:1] + command[-1:]),
)
def test_what_cannot_be_written_is_said_before_any_work(capsys, monkeypatch, command):
    monkeypatch.setattr("vqa.routing.load_predictor", no_work)
    out = str(Path(PICTURE) / "x")
    code, _, err = run(capsys, *command, out)
    assert code == 2 and err.count("\n") == 1
    assert f"{out} cannot be written: " in err and "Errno" not in err


def test_a_failed_training_leaves_no_folder_behind(capsys, tmp_path):
    preset = str(ROOT / "configs" / "photos.json")
    out = tmp_path / "a" / "b"
    code, _, err = run(capsys, "train", preset, "--data", "labels:/nowhere.csv", "--out", str(out))
    assert code == 2 and "/nowhere.csv" in err
    assert not (tmp_path / "a").exists()


def test_where_nothing_is_to_be_resumed_the_training_says_so_and_begins(capsys, tmp_path):
    preset = tmp_path / "photos.json"
    preset.write_text('{"recipe": "photos"}')
    out = tmp_path / "new"
    _, told, err = run(capsys, "train", str(preset), "--out", str(out), "--resume")
    assert f"nothing to resume in {out}" in told
    assert "need data" in err


def test_inspect_prints_the_card(capsys):
    code, out, _ = run(capsys, "inspect", "scenes")
    assert code == 0
    for part in ("parameters", "made by: python -m vqa train", "world:heldout en", "limit:"):
        assert part in out
    _, out, _ = run(capsys, "inspect", "scenes", "--json")
    assert json.loads(out) == json.loads((SHIPPED / "scenes" / "card.json").read_text("utf-8"))


def test_simulate_writes_clevr_files_alike_on_any_number_of_workers(capsys, tmp_path):
    written = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        arguments = ("--n", "3", "--seed", "7", "--lang", "en,zh", "--size", "128x96")
        code, _, _ = run(capsys, "simulate", "--out", str(out), "--workers", workers, *arguments)
        assert code == 0
        written.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert written[0] == written[1]
    assert len(read_scenes(out)) == 3
    english = read_questions(out, language="en")
    chinese = read_questions(out, language="zh")
    assert len(english) == len(chinese) == 30
    assert {s.kind for s in english} <= set(FAMILIES)
    assert [s.kind for s in english] == [s.kind for s in chinese]
    code, _, err = run(capsys, "simulate", "--n", "1", "--out", str(out))
    assert code == 2 and "not empty" in err


def test_evaluate_reports_and_records(capsys, tmp_path):
    data = tmp_path / "data"
    run(capsys, "simulate", "--n", "6", "--seed", "3", "--out", str(data), "--workers", "1")
    copy = tmp_path / "copy"
    shutil.copytree(SHIPPED / "scenes", copy)
    rows = tmp_path / "rows.jsonl"
    code, out, _ = run(
        capsys,
        *("evaluate", str(copy), "--data", f"clevr:{data}", "--label", "mine", "--write"),
        *("--rows", str(rows)),
    )
    assert code == 0 and "60 questions on cpu" in out
    figures = json.loads((copy / "card.json").read_text("utf-8"))["figures"]["mine"]
    asked = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    assert figures["n"] == len(asked) == 60
    assert figures["accuracy"] == sum(row["right"] for row in asked) / 60
    # A card must not tell of the folders of the machine it was measured on.
    assert str(tmp_path) not in figures["command"]


def test_figures_fills_a_readme(capsys, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- figures:begin -->\nold\n<!-- figures:end -->\nafter\n")
    code, _, _ = run(capsys, "figures", str(readme))
    text = readme.read_text("utf-8")
    assert code == 0 and "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "world:heldout en" in text


def test_the_documents_show_the_speech_card_s_figures():
    found = json.loads((store.DEFAULT / "card.json").read_text("utf-8"))
    assert found["figures"], "measure it first"
    page = (store.DEFAULT / "README.md").read_text("utf-8")
    assert page == card.card_page(found, store.DEFAULT)
    assert card.figures(found) in (ROOT / "docs" / "speech.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readmes_figures_are_those_of_the_cards(capsys, tmp_path, name):
    copy = tmp_path / name
    shutil.copy(ROOT / name, copy)
    run(capsys, "figures", str(copy))
    assert copy.read_text("utf-8") == (ROOT / name).read_text("utf-8")


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "vqa", "predict", "nowhere.png", "Is there a ball?"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "nowhere.png" in done.stderr
    assert "Traceback" not in done.stderr
