"""Exported checkpoints answer as those they were made from, or are not written."""

import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import onnxruntime
import pytest
import torch

from vqa.checkpoint import find, save
from vqa.cli import main
from vqa.config import FusionConfig, ImageEncoderConfig, ModelConfig, QuestionEncoderConfig
from vqa.data.questions import world_answers, world_vocab
from vqa.errors import CheckpointError, ConfigError
from vqa.export import folder as exporting
from vqa.export import measure as measuring
from vqa.export import patience
from vqa.export.folder import export
from vqa.models.network import build
from vqa.predictor import Request
from vqa.routing import load_predictor

CPU = torch.device("cpu")
QUESTIONS = (
    "How many things are there?",
    "Is there a cube?",
    "红色的物体是什么形状？",
    "Describe the scene.",
    "What is behind the red cube?",
    "List the colors from left to right.",
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """The shipped checkpoint with all heads, exported, and how it compared on 500 questions."""
    out = tmp_path_factory.mktemp("export") / "scenes"
    return out, export("scenes", out)


def drawn(number: int = 0):
    from PIL import Image

    from vqa.world.picture import draw_picture

    return Image.fromarray(draw_picture(5, number).pixels)


def test_logits_are_equal_on_500_questions(scenes):
    _, found = scenes
    assert found.questions == 500
    assert 0 < found.answers <= 1e-4 and 0 < found.kinds <= 1e-4 and 0 < found.pieces <= 1e-4
    assert found.other == 0


def test_the_folder_answers_all_kinds_of_questions_alike(scenes):
    fast, own = load_predictor(scenes[0]), load_predictor("scenes", "cpu")
    requests = [Request(drawn(k), q) for k in range(2) for q in QUESTIONS]
    kinds = set()
    for mine, its in zip(own.ask_batch(requests), fast.ask_batch(requests), strict=True):
        kinds.add(its.kind)
        assert (its.answer, its.items, its.kind) == (mine.answer, mine.items, mine.kind)
        assert its.confidence == pytest.approx(mine.confidence, abs=1e-4)
        assert its.familiarity == pytest.approx(mine.familiarity, abs=1e-4)
        for one, other in (
            (its.regions, mine.regions),
            (its.region_attention, mine.region_attention),
            (its.word_attention, mine.word_attention),
        ):
            assert torch.allclose(torch.tensor(one), torch.tensor(other), atol=1e-4)
    assert kinds == {"word", "sentence", "list"}


@pytest.mark.parametrize("question", ["How many things are there?", "Describe the scene."])
def test_what_an_answer_rests_on_is_the_same(scenes, question):
    fast, own = (load_predictor(name, "cpu") for name in (scenes[0], "scenes"))
    mine, its = (p.evidence(Request(drawn(), question)) for p in (own, fast))
    assert its.kind == mine.kind
    assert torch.allclose(torch.tensor(its.weights), torch.tensor(mine.weights), atol=1e-3)


def test_the_work_is_done_by_the_graphs(scenes, monkeypatch):
    predictor = load_predictor(scenes[0])
    ran = []
    session = onnxruntime.InferenceSession
    own = session.run
    monkeypatch.setattr(
        session,
        "run",
        lambda self, *rest: ran.append(self.get_inputs()[0].name) or own(self, *rest),
    )
    predictor.ask(drawn(), "Describe the scene.")
    assert ran[:2] == ["images", "features"] and len(ran) > 5 and set(ran[2:]) == {"values"}


def test_the_folder_stands_by_itself(scenes, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(scenes[0], copy)
    drawn().save(tmp_path / "a.png")
    command = ["predict", str(tmp_path / "a.png"), "How many things are there?"]
    assert main([*command, "--checkpoint", str(copy), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main([*command, "--checkpoint", "scenes", "--json"]) == 0
    assert said["answer"] == json.loads(capsys.readouterr().out)["answer"]
    assert said["checkpoint"] == "copy"


@pytest.mark.parametrize("damage", ["graph", "lost", "description", "weights"])
def test_damage_is_told(scenes, tmp_path, damage):
    copy = tmp_path / "copy"
    shutil.copytree(scenes[0], copy)
    if damage == "graph":
        (copy / "answer.onnx").write_bytes(b"nothing")
    elif damage == "lost":
        (copy / "sentence_step.onnx").unlink()
    elif damage == "description":
        (copy / "onnx.json").write_text("[]")
    else:
        shutil.copyfile(find("photos") / "model.safetensors", copy / "model.safetensors")
        for name in ("config", "vocab"):
            shutil.copyfile(find("photos") / f"{name}.json", copy / f"{name}.json")
    with pytest.raises(CheckpointError, match="export again"):
        load_predictor(copy)


def test_without_the_runtime_it_says_what_to_install(scenes, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="pip install onnxruntime"):
        load_predictor(scenes[0])


def test_without_the_exporter_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"pip install -r requirements-export\.txt"):
        export("photos", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_another_device_is_refused(scenes):
    with pytest.raises(ConfigError, match="exported for the CPU"):
        load_predictor(scenes[0], "meta")


def small(tmp_path: Path, encoder: str, question: str, fusion: str) -> Path:
    """An untrained checkpoint of other parts."""
    config = ModelConfig(
        dim=16,
        image_encoder=ImageEncoderConfig(name=encoder, image_size=(48, 32), width=8, regions=6),
        question_encoder=QuestionEncoderConfig(name=question, embedding=12),
        fusion=FusionConfig(name=fusion, steps=2),
    )
    torch.manual_seed(1)
    vocab, answers = world_vocab(), world_answers()
    network = build(config, len(vocab), len(answers)).eval()
    save(tmp_path / "small", network, config, vocab, answers, {"name": "small"})
    return tmp_path / "small"


@pytest.mark.parametrize(
    "parts", [("grid", "lstm", "concat"), ("grid", "gru", "stacked_attention")], ids="-".join
)
def test_other_parts_export_too(tmp_path, parts):
    found = export(small(tmp_path, *parts), tmp_path / "out", questions=20)
    assert found.largest <= 1e-4
    assert load_predictor(tmp_path / "out").ask(drawn(), "Is there a cube?").answer


def test_what_does_not_match_is_not_written(tmp_path, monkeypatch):
    start = small(tmp_path, "grid", "gru", "concat")
    made = exporting.write_graphs

    def spoiled(network, size, folder):
        with torch.no_grad():
            bias = network.head.score.bias
            bias[3] += 0.001
            described = made(network, size, folder)
            bias[3] -= 0.001
        return described

    monkeypatch.setattr(exporting, "write_graphs", spoiled)
    with pytest.raises(CheckpointError, match=r"differ from its network by 1\.0e-03 .* on 20 "):
        export(start, tmp_path / "out", questions=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small"]


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Times a small checkpoint on six pictures; what the table says of each way."""
    rows = ["image,question,answer,split"]
    (tmp_path / "data" / "images").mkdir(parents=True)
    for k in range(6):
        drawn(k).save(tmp_path / "data" / "images" / f"{k}.png")
        rows += [f"{k}.png,Is there a cube?,yes,test", f"{k}.png,How many balls are there?,2,test"]
    (tmp_path / "data" / "questions.csv").write_text("\n".join(rows))
    for name, value in (("BATCH", 2), ("ROUNDS", 2), ("_BATCHES", 1)):
        monkeypatch.setattr(measuring, name, value)
    start = small(tmp_path, "grid", "gru", "stacked_attention")
    asked = ["--measure", "--data", f"folder:{tmp_path / 'data'}"]

    def run(capsys) -> dict[str, list[str]]:
        assert main(["export", "--checkpoint", str(start), *asked]) == 0
        shown = [row.split("|") for row in capsys.readouterr().out.splitlines()[4:]]
        return {row[1].strip(): [cell.strip() for cell in row[2:-1]] for row in shown}

    return run


def rehearsed(way, folder, graphs, files, threads):
    """Stands in for what prepares a way in another process."""
    if way == "compile":
        time.sleep(1000)
    if way == "int8":
        raise ValueError("no such engine\nhere")
    return measuring._rehearse(way, folder, graphs, files, threads)


def test_ways_are_timed_side_by_side(measured, monkeypatch, capsys):
    # Compiling takes minutes.
    monkeypatch.setitem(measuring.WAYS, "compile", measuring.WAYS["eager"])
    monkeypatch.setattr(measuring, "within", lambda seconds, call, *values: call(*values))
    monkeypatch.setattr(measuring, "export", partial(export, questions=20))
    told = []
    monkeypatch.setattr(measuring.Bar, "set_description", lambda bar, text: told.append(text))
    cells = measured(capsys)
    assert list(cells) == ["eager", "compile", "int8", "onnx"]
    assert told == [*(f"preparing {way}" for way in cells), "timing", "comparing answers"]
    assert all(row[1].endswith("x)") and row[4] == "" for row in cells.values())
    assert cells["onnx"][6] == cells["eager"][6] == "0.00 %" and cells["onnx"][5].endswith("%")


def test_a_way_that_is_never_ready_is_told_and_left_out(measured, monkeypatch, capsys):
    def within(seconds, call, *values):
        return patience.within(1 if values[0] == "compile" else 300, rehearsed, *values)

    monkeypatch.setattr(measuring, "within", within)
    monkeypatch.setitem(measuring.WAYS, "onnx", measuring.WAYS["eager"])
    cells = measured(capsys)
    assert list(cells) == ["eager", "onnx", "compile", "int8"]
    assert cells["compile"][0] == "not: more than 1 s" and not any(cells["compile"][1:])
    assert cells["int8"][0] == "not: ValueError no such engine"
    assert cells["onnx"][1].endswith("x)")


@pytest.mark.skipif(not Path("/proc").exists(), reason="asks /proc for processes")
def test_who_is_given_up_takes_its_processes_along(tmp_path):
    child = ["sh", "-c", f"echo $$ > {tmp_path}/child; exec sleep 1000"]
    for seconds in (3, 30):  # the second one for a busy machine, where a process starts slowly
        with pytest.raises(patience.GaveUpError, match=f"more than {seconds} s"):
            patience.within(seconds, subprocess.call, child)
        if (tmp_path / "child").exists():
            break
    status = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/status")
    for _ in range(100):  # a process that is killed takes a moment to go
        if not status.exists() or "zombie" in status.read_text():
            break
        time.sleep(0.1)
    else:
        pytest.fail("it lives on")
    with pytest.raises(patience.GaveUpError, match="exit code 3"):
        patience.within(300, os._exit, 3)


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "note.txt").write_text("mine")
    assert main(["export", "--checkpoint", "photos", "--out", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["export", "--checkpoint", "photos"]) == 2
    assert "--out" in capsys.readouterr().err
