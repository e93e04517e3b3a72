"""Own data: a folder of pictures with questions in CSV or JSON lines."""

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from vqa.data.build import open_data
from vqa.data.folder import split_of
from vqa.errors import ConfigError, DataError

CSV = "image,question,answer\n"


def draw(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), "gray").save(path)


def write_lines(path: Path, *entries: dict) -> None:
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    path.write_text("\n".join(lines), encoding="utf-8")


def all_samples(folder: Path) -> list:
    data = open_data(f"folder:{folder}")
    return [sample for split in data.splits for sample in data.samples(split)]


@pytest.fixture
def folder(tmp_path) -> Path:
    """With two pictures and no questions yet."""
    draw(tmp_path / "a.png", tmp_path / "images" / "b.jpg")
    return tmp_path


def test_csv_and_json_lines_say_the_same(folder):
    (folder / "questions.csv").write_text(
        "image,question,answer,split,question_type\n"
        'a.png,"What, if anything, is it?",a cat|cat|kitten,train,thing\n'
        "b,几只猫？,2,test,\n",
        encoding="utf-8",
    )
    from_csv = all_samples(folder)
    (folder / "questions.csv").unlink()
    write_lines(
        folder / "questions.jsonl",
        {
            "image": "a.png",
            "question": "What, if anything, is it?",
            "answer": ["a cat", "cat", "kitten"],
            "split": "train",
            "question_type": "thing",
        },
        {"image": "b", "question": "几只猫？", "answer": 2, "split": "test"},
    )
    assert all_samples(folder) == from_csv
    first, second = from_csv
    assert first.image == folder / "a.png" and second.image == folder / "images" / "b.jpg"
    assert first.answers == ("a cat", "cat", "kitten") and first.kind == "thing"
    assert second.answers == ("2",) and second.kind == "question"


def test_zero_is_an_answer(folder):
    write_lines(folder / "questions.jsonl", {"image": "a", "question": "how many?", "answer": 0})
    assert all_samples(folder)[0].answers == ("0",)


def test_files_as_other_programs_write_them(folder):
    """A byte order mark, Windows line ends, a line break in quotes, Unicode's line separator."""
    text = CSV + 'a.png,"is it\nred?",yes\n\na.png,what is it?,"a ""cat"""\n'
    data = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    (folder / "questions.csv").write_bytes(data)
    first, second = all_samples(folder)
    assert first.question.split() == ["is", "it", "red?"]
    assert second.answers == ('a "cat"',)
    (folder / "questions.csv").unlink()
    entry = {"image": "a", "question": "is it\u2028red?", "answer": "yes"}
    write_lines(folder / "questions.jsonl", entry)
    assert all_samples(folder)[0].question == "is it\u2028red?"


def test_pictures_are_split_by_name_alone(folder):
    """No picture on two sides, whatever the order of the rows and whatever else is asked."""
    names = [f"p{k}.png" for k in range(300)]
    draw(*(folder / name for name in names))
    rows = [f"{name},question {k}?,yes" for name in names for k in range(2)]
    (folder / "questions.csv").write_text(CSV + "\n".join(rows))
    data = open_data(f"folder:{folder}")
    sides = {s: {x.image.name for x in data.samples(s)} for s in ("train", "val", "test")}
    assert set.union(*sides.values()) == set(names)
    assert sum(map(len, sides.values())) == len(names), "a picture is on two sides"
    # 300 draws at 10 %: 30 +- 5.2; five deviations.
    assert all(4 <= len(sides[s]) <= 56 for s in ("val", "test"))
    half = [row for row in reversed(rows) if row.startswith("p1")]
    (folder / "questions.csv").write_text(CSV + "\n".join(half))
    again = open_data(f"folder:{folder}")
    for split in again.splits:
        assert {x.image.name for x in again.samples(split)} <= sides[split]


def test_the_split_is_the_same_everywhere_and_by_its_shares():
    shares = Counter(split_of(f"photo {k}.jpg") for k in range(5000))
    # One standard deviation is 21 of 5,000 for 10 %, 28 for 80 %.
    assert abs(shares["val"] - 500) < 110 and abs(shares["test"] - 500) < 110
    assert set(shares) == {"train", "val", "test"}
    assert split_of("a.jpg") == split_of("a.jpg")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("questions.csv", "", "questions.csv is empty"),
        ("questions.csv", CSV, "holds no questions"),
        ("questions.csv", "image;question;answer\n", "lacks the column 'image'.*image;question"),
        ("questions.csv", "image,question,answer,answer\n", "two columns 'answer'"),
        ("questions.csv", CSV + "c.png,what?,cat\n", "row 2.*no picture 'c.png'.*searched"),
        ("questions.csv", CSV + "../a.png,what?,cat\n", "row 2.*no picture '../a.png'"),
        ("questions.csv", CSV + "images/../a.png,what?,cat\n", "row 2.*no picture"),
        ("questions.csv", CSV + "/etc/passwd,what?,cat\n", "row 2.*no picture '/etc/passwd'"),
        ("questions.csv", CSV + "x" * 5000 + "/a,what?,cat\n", "row 2.*no picture"),
        ("questions.csv", CSV + "questions.csv,what?,cat\n", "row 2.*no picture 'questions.csv'"),
        ("questions.csv", CSV + "a.png,what?\n", "row 2: 2 values where the header names 3"),
        ("questions.csv", CSV + "a.png,what, then?,cat\n", "row 2: 4 values.*need quotes"),
        ("questions.csv", CSV + "a.png,,cat\n", "row 2: question is missing"),
        ("questions.csv", CSV + "a.png,what?,\n", "row 2: answer is missing"),
        ("questions.csv", CSV + "a.png,what?, | \n", "row 2: answer is empty"),
        (
            "questions.csv",
            CSV + 'a.png,"what?,cat\n' + "a.png,what?,cat\n" * 9999,
            "quotation mark",
        ),
        (
            "questions.csv",
            "image,question,answer,split\na.png,what?,cat,train\na.png,who?,cat,test\n",
            "row 3: a.png is in train and in test; a picture must stay",
        ),
        (
            "questions.csv",
            "image,question,answer,split\na.png,what?,cat,dev\n",
            "row 2: split 'dev' is not one of train, val, test",
        ),
        ("questions.jsonl", "", "questions.jsonl holds no questions"),
        ("questions.jsonl", '{"image": "a",', "line 1: not JSON"),
        ("questions.jsonl", '\n["a", "what?", "cat"]', "line 2: should be an object"),
        ("questions.jsonl", '{"image": "a", "question": "what?"}', "line 1: answer is missing"),
        ("questions.jsonl", '{"image": "a", "question": "what?", "answer": []}', "answer is miss"),
        ("questions.jsonl", '{"image": "a", "question": "what?", "answer": [" "]}', "is empty"),
        ("questions.jsonl", '{"image": "a", "question": "what?", "answer": true}', "not True"),
        ("questions.jsonl", '{"image": "a", "question": "what?", "answer": {"x": 1}}', "'x': 1"),
        (
            "questions.jsonl",
            '{"image": "a", "question": ["what?"], "answer": "x"}',
            "question shou",
        ),
        ("questions.txt", "", "neither questions.csv nor questions.jsonl"),
    ],
)
def test_what_is_off_is_named(folder, name, text, says):
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says) as caught:
        all_samples(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["questions.csv", "questions.jsonl"])
def test_other_encodings_are_named(folder, name):
    (folder / name).write_bytes((CSV + "a.png,où?,là\n").encode("latin-1"))
    with pytest.raises(DataError, match=f"{name} cannot be read as UTF-8"):
        all_samples(folder)


def test_evaluation_splits_are_not_trained_on(folder):
    text = "image,question,answer,split\na.png,what?,cat,train\nb,what?,cat,val\n"
    (folder / "questions.csv").write_text(text)
    data = open_data(f"folder:{folder}")
    assert data.splits == ("train", "val")
    assert len(data.training_samples("train")) == len(data.samples("val")) == 1
    with pytest.raises(ConfigError, match="'val' is for evaluation"):
        data.training_samples("val")
    with pytest.raises(ConfigError, match="no split 'test'; it has: train, val"):
        data.samples("test")
