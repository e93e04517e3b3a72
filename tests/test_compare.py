"""Comparing presets: budgets, bad input, and a whole comparison in miniature."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from vqa.cli import main
from vqa.compare import command, study
from vqa.compare.budget import read_budget
from vqa.compare.plots import FILES, draw
from vqa.compare.report import markdown
from vqa.compare.stream import ALL_FAMILIES, KeptQuestions
from vqa.config import TrainConfig, to_dict
from vqa.data.questions import BlockMaker
from vqa.train.imagine import imagine
from vqa.world.families import FAMILIES

CONFIGS = Path(__file__).parent.parent / "configs"
SHIPPED = CONFIGS.parent / "docs" / "compare" / "report.json"


@pytest.mark.parametrize(
    ("text", "seconds", "questions"),
    [
        ("90s", 90, None),
        ("30m", 1800, None),
        ("1h", 3600, None),
        ("1.5m", 90, None),
        ("200k", None, 200_000),
        ("2M", None, 2_000_000),
        ("0.25k", None, 250),
    ],
)
def test_budgets(text, seconds, questions):
    budget = read_budget(text)
    assert (budget.seconds, budget.questions, budget.text) == (seconds, questions, text)


@pytest.mark.parametrize("text", ["", "30", "m", "30 m", "-5m", "0s", "1e3s", "101h", "3d", "٣m"])
def test_malformed_budgets(text):
    with pytest.raises(argparse.ArgumentTypeError):
        read_budget(text)


@pytest.fixture
def presets(tiny_model, tmp_path):
    """Writes tiny presets: name -> changes; gives their paths."""
    model = replace(tiny_model, image_encoder=replace(tiny_model.image_encoder, attributes={}))
    plain = to_dict(TrainConfig(model=model, seed=3, imagined=12, question_batch=16))

    def write(**named: dict) -> list[str]:
        paths = []
        for name, changes in named.items():
            fusion = plain["model"]["fusion"] | {"name": changes.pop("fusion", "mac")}
            values = plain | {"model": plain["model"] | {"fusion": fusion}} | changes
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(values), encoding="utf-8")
        return [str(path) for path in paths]

    return write


@pytest.fixture
def miniature(monkeypatch):
    for name, size in (("BLOCK", 64), ("HELD_OUT", 6), ("JUDGED", 90), ("PROBED", 30)):
        monkeypatch.setattr(study, name, size)
    monkeypatch.setattr(study, "_WARM_STEPS", 2)


def compare(out: Path, *arguments: str) -> int:
    small = ("--device", "cpu", "--workers", "1", "--out", str(out))
    try:
        return main(["compare", *small, *arguments])
    except SystemExit as stop:
        return stop.code


def test_a_comparison_from_presets_to_report(presets, miniature, tmp_path, capsys):
    out = tmp_path / "new" / "report"
    paths = presets(plain={"fusion": "concat"}, looking={}, untold={"set_weight": 0.0})
    assert compare(out, *paths, "--budget", "0.2k") == 0
    assert {p.name for p in out.iterdir()} == {"report.json", "report.md", *FILES}
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert (report["seed"], report["budget"], report["held_out_scenes"]) == (3, "0.2k", 6)
    assert str(tmp_path) not in (out / "report.json").read_text("utf-8")
    rows = {row["name"]: row for row in report["contenders"]}
    assert rows.keys() == {"plain", "looking", "untold"}
    for row in rows.values():
        assert row["questions"] == 192 and row["seconds"] > 0
        assert row["parameters"]["fusion"] < row["parameters"]["network"]
        assert row["latency_ms"]["1"] > 0
        asked = row["accuracy"]
        assert asked["all"]["n"] == 180 and asked["en"]["n"] == asked["zh"]["n"] == 90
        assert sum(asked[name]["n"] for name in FAMILIES) == 180
        assert asked["relations"]["n"] == sum(asked[name]["n"] for name in study.RELATIONS)
        for figures in asked.values():
            assert figures["interval"][0] <= figures["accuracy"] <= figures["interval"][1]
        assert [p["questions"] for p in row["curve"]] == sorted(
            {p["questions"] for p in row["curve"]}
        )
        assert row["curve"][-1]["questions"] == 192
    assert rows["plain"]["attention_steps"] == 0 < rows["looking"]["attention_steps"]
    assert rows["untold"]["set_weight"] == 0 < rows["looking"]["set_weight"]
    page = (out / "report.md").read_text("utf-8")
    assert report["command"] in page and all(f"({name})" in page for name in FILES)
    assert all(f"`{name}`" in page for name in rows)
    for name in FILES:
        ElementTree.parse(out / name)


def test_a_budget_of_time_becomes_steps(presets, miniature, tmp_path, monkeypatch):
    taken = []

    def fit(stage, folder, device, resume):
        taken.append((stage.name, stage.steps))
        stage.batch(0, 0, 1)
        if stage.report is not None:
            stage.report()

    monkeypatch.setattr(study, "fit", fit)
    times = iter(np.arange(0, 1000, 0.5))
    monkeypatch.setattr(study, "thread_time", lambda: next(times))
    assert compare(tmp_path / "out", *presets(only={"fusion": "concat"}), "--budget", "8s") == 0
    # Two rounds of two steps in half a second each: 8 seconds are 32 steps.
    assert taken == [("only", 2), ("only", 2), ("only", 32)]


def test_all_learn_from_the_same_questions(tiny_model, tmp_path):
    _, labels = imagine(tiny_model.image_encoder, 3, 8)
    maker = BlockMaker(**study._asked(labels), seed=7, languages=("en", "zh"), size=32)
    kept = KeptQuestions(maker, tmp_path)
    kept.draw(33, 0, lambda *_: None)
    kept.draw(65, 0, lambda *_: None)
    jobs = [(number, ALL_FAMILIES) for number in range(3)]
    for a, b in zip(kept.blocks(jobs, 1), map(maker.make, jobs), strict=True):
        assert all(np.array_equal(x, vars(b)[name]) for name, x in vars(a).items())


def test_what_is_stopped_leaves_nothing(presets, miniature, tmp_path, monkeypatch, capsys):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    # PyTorch's own, which its first optimizer makes and which is kept for all of its processes.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "torch"))

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "reasoning_report", stopped)
    out = tmp_path / "new" / "report"
    assert compare(out, *presets(a={}), "--budget", "0.1k") == 130
    assert not out.parent.exists() and not any(scratch.iterdir())


def test_bad_input_is_one_line(presets, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    (tmp_path / "twin").mkdir()
    (good,) = presets(good={})
    twin = tmp_path / "twin" / "good.json"
    twin.write_text(Path(good).read_text("utf-8"), encoding="utf-8")
    other, deep, odd, kept = presets(
        other={"seed": 4}, deep={}, odd={"question_batch": 48}, kept={"seed": 1_000_000}
    )
    values = json.loads(Path(deep).read_text("utf-8"))
    values["model"]["fusion"]["steps"] = 9
    Path(deep).write_text(json.dumps(values))
    budget = ("--budget", "1k")
    for arguments, says in (
        (budget, "PRESET.json"),
        ((good,), "--budget"),
        ((good, "--budget", "soon"), "'soon' is not a budget"),
        ((str(tmp_path / "none.json"), *budget), "none.json cannot be read"),
        ((str(CONFIGS / "photos.json"), *budget), 'recipe "photos"'),
        ((good, str(twin), *budget), "Two presets are called good"),
        ((good, other, *budget), "good and other differ in seed"),
        ((deep, *budget), "steps must be at most 5"),
        ((odd, *budget), "question_batch must divide"),
        ((kept, *budget), "reserved for evaluation"),
        ((good, "--budget", "0.01k"), "less than one batch"),
    ):
        assert compare(tmp_path / "out", *arguments) == 2, arguments
        said = capsys.readouterr().err.splitlines()
        assert says in said[-1] and said[-1].startswith(("vqa compare:", "python -m vqa"))
        assert not (tmp_path / "out").exists()
    assert compare(full, good, *budget) == 2
    assert "is not empty" in capsys.readouterr().err
    assert compare(full / "mine.txt" / "out", good, *budget) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_plots_are_the_same_each_time(tmp_path):
    report = json.loads(SHIPPED.read_text("utf-8"))
    drawn = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        draw(report["contenders"], report["commonest_answer"], ["all", *FAMILIES], folder)
        drawn.append([(folder / name).read_bytes() for name in FILES])
    assert drawn[0] == drawn[1] and not any(b"dc:date" in data for data in drawn[0])


def test_the_shipped_report_is_written_from_its_figures():
    report = json.loads(SHIPPED.read_text("utf-8"))
    page = SHIPPED.with_name("report.md").read_text("utf-8")
    assert markdown(report, list(FAMILIES)) == page
    accuracy = {r["name"]: r["accuracy"]["relations"]["interval"] for r in report["contenders"]}
    attending = [
        r["name"] for r in report["contenders"] if r["attention_steps"] and r["set_weight"]
    ]
    assert len(attending) >= 2
    for name in attending:
        assert accuracy["concat"][1] < accuracy[name][0], name


def test_the_processor_has_a_name():
    assert command.cpu_name()
