"""`python -m vqa data check`: what it counts, what guessing scores, and what it says is off."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from vqa.cli import main
from vqa.data.build import open_data
from vqa.data.check import blind_score, survey
from vqa.data.label_schema import read_schema
from vqa.data.sample import Sample

HEADER = "image,question,answer,split,question_type"
# Two pictures and five questions to train on; one picture of its own and one shared word to test.
ROWS = [
    "a.png,what color is it?,red,train,color",
    "a.png,is it round?,yes,train,yes/no",
    "b.png,what color is it?,red,train,color",
    "b.png,what color is this?,blue,train,color",
    "b.png,is it square?,no,train,yes/no",
    "b.png,is it big?,no,train,yes/no",
    "c.png,what color is it?,red,test,color",
    "c.png,what hue is it?,green,test,color",
    "c.png,is it round?,no,test,yes/no",
    "c.png,how many are there?,red,test,number",
]


def write(folder: Path, rows: list[str], header: str = HEADER) -> str:
    """A data set of one's own; its name."""
    for k, name in enumerate(sorted({row.split(",")[0] for row in rows})):
        Image.new("RGB", (20, 20), (200, 10 * k, 0)).save(folder / name)
    (folder / "questions.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return f"folder:{folder}"


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(["data", *arguments])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def test_counts_coverage_and_guessing(tmp_path):
    found = survey(open_data(write(tmp_path, ROWS)))
    train, test = found.parts["train"], found.parts["test"]
    assert (train.pictures, train.questions, train.each) == (2, 6, 1)
    assert (test.pictures, test.questions) == (1, 4)
    assert train.kinds == {"color": 3, "yes/no": 3}
    assert train.answers == {"red": 2, "yes": 1, "blue": 1, "no": 2}
    compared = found.comparisons["test"]
    assert compared.train == "train" and compared.shared == 0
    # 15 words, of which hue, how, many, are and there are new; green is a new answer.
    assert compared.words == pytest.approx(10 / 15)
    assert compared.answers == pytest.approx(3 / 4)
    # Red is right once in two, no in one; of numbers training has none, and red comes before no.
    assert compared.guess == pytest.approx(3 / 4)
    assert compared.measure == "exact match"
    assert found.pictures == 3 and not found.unreadable


def test_several_annotators_are_scored_by_vqa_accuracy(tmp_path):
    rows = [
        "a.png,what is it?,cat,train,x",
        # Three of ten: 0.9.
        f"b.png,what is it?,{'|'.join(['cat'] * 3 + ['dog'] * 7)},test,x",
        f"b.png,what is that?,{'|'.join(['dog'] * 10)},test,x",
    ]
    found = survey(open_data(write(tmp_path, rows)))
    assert found.comparisons["test"].guess == pytest.approx(0.45)
    assert found.comparisons["test"].measure == "VQA accuracy"
    assert found.parts["test"].each == 10


def test_guessing_goes_by_the_language_of_the_question():
    def sample(question, answer):
        return Sample(Path("a.png"), question, (answer,), "x?")

    taught = [sample("is it red?", "no"), sample("是红色吗？", "不是")]
    assert blind_score(taught, [sample("is it blue?", "no"), sample("是蓝色吗？", "不是")]) == 1


def test_pictures_on_both_sides_are_told(tmp_path):
    for name in ("image1.png", "image2.png"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    header = "question,answer,image_id\n"
    (tmp_path / "data_train.csv").write_text(header + "what,cup,image1\nwhere,table,image2\n")
    (tmp_path / "data_eval.csv").write_text(header + "which,cup,image1\n")
    found = survey(open_data(f"daquar:{tmp_path}"))
    assert list(found.comparisons) == ["by_question_test"]
    assert found.comparisons["by_question_test"].train == "by_question_train"
    compared = found.comparisons["by_question_test"]
    assert (compared.shared, compared.same) == (1, 0)


def test_the_same_picture_under_another_name_is_told(capsys, tmp_path):
    name = write(tmp_path, ROWS)
    assert survey(open_data(name)).comparisons["test"].same == 0
    assert "another name" not in run(capsys, "check", name)[1]
    (tmp_path / "c.png").write_bytes((tmp_path / "b.png").read_bytes())
    found = survey(open_data(name)).comparisons["test"]
    assert (found.shared, found.same) == (0, 1)
    assert "the same file under another name in train: 1;" in run(capsys, "check", name)[1]


def test_every_picture_is_opened_once(tmp_path, monkeypatch):
    from vqa.data import check

    opened, told = [], []
    monkeypatch.setattr(check, "load_image", lambda path: opened.append(path.name))
    survey(open_data(write(tmp_path, ROWS)), progress=lambda *seen: told.append(seen))
    assert sorted(opened) == ["a.png", "b.png", "c.png"]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_report_for_people(capsys, tmp_path):
    code, out, err = run(capsys, "check", write(tmp_path, ROWS))
    assert code == 0 and not err.strip()
    lines = out.splitlines()
    assert lines[2].split() == ["train", "2", "6", "1", "4"]
    assert lines[3].split() == ["test", "1", "4", "1", "3"]
    assert "  train: color 50.0%, yes/no 50.0%" in lines
    assert "  test: red 50.0%, green 25.0%, no 25.0%" in lines
    assert "  test: what color is it? -> red (c.png)" in lines
    assert "scores 75.0% (exact match)" in out and "known: 66.7% of the words" in out
    assert lines[-1] == "Pictures: all 3 can be read."


def test_only_the_most_frequent_answers_are_listed(capsys, tmp_path):
    rows = [f"a.png,what?,thing {k},train,x" for k in range(14)]
    code, out, _ = run(capsys, "check", write(tmp_path, rows))
    assert code == 0 and len(re.findall(r"thing \d+ 7.1%", out)) == 10 and "and 4 more" in out
    assert "nothing to measure against: all pictures are in train" in out


def test_pictures_that_cannot_be_read_are_named(capsys, tmp_path):
    rows = [f"p{k:02}.png,what is it?,dot,train,x" for k in range(13)]
    name = write(tmp_path, rows)
    for k in range(1, 13):
        (tmp_path / f"p{k:02}.png").write_bytes(b"no picture")
    code, out, err = run(capsys, "check", name)
    assert code == 2
    assert "cannot be read: 12 of 13" in out
    assert [f"p{k:02}.png: " in out for k in range(13)] == [False] + [True] * 10 + [False] * 2
    assert "12 of 13 pictures" in err and err.count("\n") == 1


def test_a_guessed_schema_can_be_saved_edited_and_given(capsys, tmp_path):
    write(tmp_path, ["a.png,,,,", "b.png,,,,", "c.png,,,,", "d.png,,,,"])
    table = tmp_path / "labels.csv"
    table.write_text(
        "image,colour,split\na.png,Red,train\nb.png,Blue,train\nc.png,Red,train\nd.png,Blue,test\n"
    )
    code, out, _ = run(capsys, "check", f"labels:{table}", "--lang", "en,zh")
    assert code == 0 and '("?": answered by yes or no)' in out
    # What a column does not use would only puzzle who edits it.
    assert '"of"' not in out and '"words"' not in out and '"values"' not in out
    schema = tmp_path / "schema.json"
    schema.write_text(out[out.index("{\n") :], encoding="utf-8")
    guessed = read_schema(schema, ["image", "colour", "split"])
    assert guessed.image == "image" and list(guessed.columns) == ["colour"]
    edited = json.loads(schema.read_text("utf-8"))
    edited["columns"]["colour"]["ask"] = {"en": ["what dye is in it?"]}
    schema.write_text(json.dumps(edited), encoding="utf-8")
    code, out, _ = run(capsys, "check", f"labels:{table},{schema}")
    assert code == 0 and "{" not in out, "a schema that was given is not printed"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "ACTION"),
        (("look",), "look"),
        (("check",), "KIND:WHERE"),
        (("check", "mnist:x"), "mnist:x"),
        (("check", "folder:/nowhere"), "/nowhere"),
        (("check", "labels:/nowhere.csv"), "/nowhere.csv"),
        (("check", "folder:x", "--lang", "fr"), "fr"),
    ],
)
def test_mistakes_are_answered_in_one_line(capsys, arguments, says):
    code, out, err = run(capsys, *arguments)
    assert code == 2 and not out
    assert says in err and err.count("\n") == 1 and "Traceback" not in err


def test_a_malformed_file_is_one_line_too(capsys, tmp_path):
    name = write(tmp_path, [*ROWS, "a.png,what now?"])
    code, out, err = run(capsys, "check", name)
    assert code == 2 and not out
    assert "questions.csv, row 12" in err and err.count("\n") == 1
