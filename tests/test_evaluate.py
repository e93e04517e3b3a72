"""Reports from a stand-in whose answers and confidence are known, and how they are shown."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from vqa import aside as aside_module
from vqa.aside import HALF, Aside, in_half, set_aside
from vqa.blind import Baselines
from vqa.data.build import Data, held_back
from vqa.data.sample import Sample
from vqa.evaluate import evaluate
from vqa.evaluate_replies import reply_figures
from vqa.figures import report_text, table

BLIND = Baselines("train", 0.25, 0.5)


@dataclass
class Said:
    answer: str
    confidence: float
    sure: bool
    top: tuple
    device: str = "cpu"
    familiar: bool = True
    checkpoint: str = "day"
    kind: str = "word"


class Knowing:
    """Answers and confidence by question: "yes 0.9" says yes with 0.9."""

    def ask_batch(self, requests, top_k=5):
        found = []
        for request in requests:
            answer, confidence = request.question.split()
            top = ((answer, float(confidence)), ("second", 0.05))
            found.append(Said(answer, float(confidence), float(confidence) >= 0.8, top))
        return found


def asked(rows: str, picture: str = "a.png") -> list[Sample]:
    """Of "yes 0.9, no 0.8": questions whose answer is always yes."""
    return [Sample(Path(picture), row.strip(), ("yes",), "x") for row in rows.split(",")]


ROWS = "yes 0.9, no 0.8, yes 0.7, yes 0.6"


def measured(samples, aside, blind=BLIND) -> dict:
    report, _ = evaluate(Knowing(), samples, "folder:x", "en", blind, aside)
    return json.loads(json.dumps(report.to_dict()))


def test_thresholds_come_from_other_questions():
    # There answers from 0.7 on are right.
    others = asked("yes 0.95, yes 0.7, no 0.69, no 0.68, no 0.5", "b.png")
    report = measured(asked(ROWS), Aside("val", others))
    assert report["n"] == 4 and report["accuracy"] == 0.75
    assert (report["sure"], report["sure_accuracy"]) == (0.5, 0.5)
    assert report["unfamiliar"] == 0.0 and report["spoke"] == {"day": 1.0}
    # At best: one of four without any error.
    assert report["coverage"] == {"0.01": 0.25, "0.05": 0.25, "0.1": 0.25}
    found = report["selective"]
    assert (found["aside"], found["aside_n"], found["n"]) == ("val", 5, 4)
    assert found["coverage"] == {"0.01": 0.75, "0.05": 0.75, "0.1": 0.75}
    assert found["risk"]["0.05"] == pytest.approx(1 / 3)
    # Two right and one wrong of four questions.
    assert found["reliability"] == {"1": 0.25, "10": -2.0, "100": -24.5}


def test_nothing_is_answered_where_no_threshold_was_good_enough():
    found = measured(asked(ROWS), Aside("val", asked("no 0.9, no 0.8")))["selective"]
    assert set(found["coverage"].values()) == {0.0} and set(found["risk"].values()) == {0.0}
    assert set(found["reliability"].values()) == {0.0}


def test_half_of_the_pictures_stand_in():
    names = [f"{k}.png" for k in range(60)]
    here = [n for n in names if in_half(n)]
    assert 15 < len(here) < 45 and in_half("elsewhere/" + here[0])
    # In the half for thresholds confidence from 0.8 on is right, in the other it is wrong.
    samples = [s for n in names for s in asked("yes 0.9" if n in here else "no 0.9", n)]
    report = measured(samples, Aside(HALF))
    assert report["n"] == 60 and report["accuracy"] == len(here) / 60
    found = report["selective"]
    assert (found["aside_n"], found["n"]) == (len(here), 60 - len(here))
    assert found["coverage"]["0.1"] == 1 and found["risk"]["0.1"] == 1
    assert found["reliability"] == {"1": -1.0, "10": -10.0, "100": -100.0}


def data_of(**counts: int) -> Data:
    """Splits with so many pictures, one question each."""
    pictures = {s: [f"{s}{k}.png" for k in range(n)] for s, n in counts.items()}
    return Data(
        "folder:x",
        tuple(counts),
        lambda split, _: (s for p in pictures[split] for s in asked("yes 0.9", p)),
    )


def test_what_is_set_aside():
    data = data_of(train=4000, val=600, test=100)
    from_val = set_aside(data, "test", "en", 0.2)
    assert from_val.source == "val" and len(from_val.samples) == 600
    for measured_on, given in (("test", data_of(train=4000, test=100)), ("val", data)):
        found = set_aside(given, measured_on, "en", 0.2)
        assert "train" in found.source and 600 < len(found.samples) < 1000
        assert all(s.image.name.startswith("train") for s in found.samples)
        assert all(held_back(s.image, 0.2) for s in found.samples)
    # Of a model that left no picture out, and where there are too few or none.
    assert set_aside(data_of(train=4000, test=100), "test", "en", 0.0) == Aside(HALF)
    assert set_aside(data_of(train=300, val=20, test=100), "test", "en", 0.1) == Aside(HALF)
    assert set_aside(data_of(heldout=300), "heldout", "en", 0.1) == Aside(HALF)


def test_only_so_many_questions_are_set_aside(monkeypatch):
    monkeypatch.setattr(aside_module, "_MOST", 550)
    found = set_aside(data_of(val=800, test=10), "test", "en", 0.0).samples
    assert len(found) == 550
    # Not the first ones: files are often in the order of their answers.
    assert any(int(s.image.stem[3:]) >= 700 for s in found)


def test_progress_reaches_all_that_is_asked():
    told = []
    evaluate(
        *(Knowing(), asked(ROWS), "x", "en", BLIND, Aside("val", asked("yes 0.9, no 0.5"))),
        progress=told.append,
    )
    assert told == [4, 6]


def test_the_text_says_what_is_measured_against_what():
    text = report_text(measured(asked(ROWS), Aside("val", asked("yes 0.95, yes 0.7, no 0.5"))))
    assert "right 75.00 % (95 % interval 30.1-95.4 %)" in text
    assert "majority guess 25.0 %, question alone 50.0 %, both from train" in text
    assert "unfamiliar 0.0 %; answered by day 100.0 %" in text
    assert "answers 25.0 / 25.0 / 25.0 % of the questions at best" in text
    assert "75.0 / 75.0 / 75.0 % with thresholds from val (3 questions; 33.3 / 33.3" in text
    assert "at cost 1 / 10 / 100: 25.0 / -200.0 / -2450.0 %, on 4 questions" in text
    text = report_text(measured(asked(ROWS), Aside(HALF), Baselines("", 0.25, None)))
    assert "of these very answers" in text and "no training split" in text


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"0" * 1000)
    return tmp_path


@pytest.mark.parametrize(("language", "head"), [("en", "question alone"), ("zh", "只看问题")])
def test_the_table_has_a_column_for_the_question_alone(folder, language, head):
    new = measured(asked(ROWS), Aside(HALF))
    none = measured(asked(ROWS), Aside(HALF), Baselines("", 0.25, None))
    old = {
        k: v for k, v in new.items() if k not in ("train", "question_only", "selective", "coverage")
    }
    figures = {"new": new, "none": none, "old": old}
    lines = table({"name": "n", "parameters": 5, "figures": figures}, folder, language).split("\n")
    assert lines[2].endswith(f"| {head} |")
    ends = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in lines[4:7]}
    assert ends == {"new": "50.0 %", "none": "", "old": ""}
    assert len({line.count("|") for line in lines[2:7]}) == 1
    # A card of an earlier version is also shown in a terminal.
    assert "majority guess 25.0 %" in report_text(old) and "question alone" not in report_text(old)


def test_scenes_described_are_read_back_into_objects():
    start, one, other = (
        "From left to right: ",
        "a small red metal cube",
        "a large cyan rubber sphere",
    )
    truth, swapped = f"{start}{one} and {other}.", f"{start}{other} and {one}."
    half = "There is one object: a small red metal cube."
    wrong = truth.replace("cyan", "blue")
    rows = [
        {
            "kind": "describe_scene",
            "said": "sentence",
            "confidence": 0.9,
            "right": float(p == truth),
        }
        | {"predicted": p, "answer": truth}
        for p in (truth, swapped, half, wrong, "nothing")
    ]
    rows.append(
        {"kind": "list", "said": "word", "confidence": 0.5, "right": 1.0}
        | {"predicted": "red, blue", "answer": "red, blue"}
    )
    found = reply_figures(rows, "en")
    assert found["scene_mentions"] == 3 / 5, "order and completeness do not count here"
    assert found["scene_complete"] == 1 / 5
    assert found["routed"] == 5 / 6
    assert found["ece_list"] == pytest.approx(0.5)
    assert 0 < found.get("bleu4", 0.5) < 1
    perfect = reply_figures(rows[:1], "en")
    assert perfect.get("bleu4", 1) == pytest.approx(1)


def test_a_dialogue_is_right_when_every_answer_is():
    rows = [
        {"kind": f"turn_{turn}", "right": right}
        for turn, right in ((1, 1), (2, 1), (1, 1), (2, 0), (3, 1), (1, 0), (2, 1))
    ]
    assert reply_figures(rows, "en") == {"dialogues": 3, "dialogues_right": 1 / 3}
