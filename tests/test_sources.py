"""Sources of training questions: what they ask is true, and they tell all their words before."""

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from vqa.data.label_schema import Column, Schema
from vqa.data.labels import LabelTable
from vqa.data.sample import Sample
from vqa.data.sources import AskedSource, LabelSource, TextSource
from vqa.text import normalize_answer, tokenize

COLOURS = Column(
    ask={"en": ["what colour is it?", "its colour?"], "zh": ["什么颜色？"]},
    confirm={"en": ["is it {value}?"], "zh": ["是{value}吗？"]},
    values={"zh": {"Dark Red": "深红色", "Blue": "蓝色"}},
)
SIZES = Column(ask={"en": ["how big is it?"]})


def asked(picture: str, question: str, *answers: str) -> Sample:
    return Sample(Path(picture), question, answers, "x")


SAMPLES = [
    asked("a.png", "what is it?", "cat", "cat", "The Dog"),
    asked("b.png", "how many?", "two"),
    asked("a.png", "is it big?", "yes"),
]


@pytest.fixture
def table(tmp_path) -> LabelTable:
    rows = []
    for k, (colour, size) in enumerate(
        [("Dark Red", "L"), ("Blue", "S"), ("Blue", ""), ("", "L"), ("", "")]
    ):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{k}.png")
        row = {"image": f"{k}.png", "colour": colour, "size": size}
        rows.append(("train", f"row {k}", row))
    other = {"image": "5.png", "colour": "Green", "size": "XL"}
    return LabelTable.of_rows(
        tmp_path,
        [*rows, ("test", "row 5", other)],
        Schema("image", "", {"colour": COLOURS, "size": SIZES}),
    )


def source(table: LabelTable, languages=("en", "zh")) -> LabelSource:
    return LabelSource(table, [row for split, _, row in table.rows if split == "train"], languages)


def everything(of, times: int = 200) -> set[tuple[int, str, tuple[str, ...]]]:
    """(picture, question, answers) of many draws."""
    rng = Random(1)
    return {(k, *of.ask(k, rng)) for k in range(len(of.pictures)) for _ in range(times)}


def test_questions_of_people_stay_with_their_picture():
    found = AskedSource(SAMPLES)
    assert found.pictures == [Path("a.png"), Path("b.png")]
    assert everything(found) == {
        (0, "what is it?", ("cat", "cat", "The Dog")),
        (0, "is it big?", ("yes",)),
        (1, "how many?", ("two",)),
    }
    assert sorted(found.texts()) == ["how many?", "is it big?", "what is it?"]
    # Each person's answer once for a question, as answers are compared.
    assert found.answers() == Counter({"cat": 1, "dog": 1, "2": 1, "yes": 1})
    assert found.classes == () and found.labels.shape == (2, 0)


def test_text_has_one_picture_that_is_none():
    found = TextSource([("what?", ("a cat", "cat")), ("who?", ("me",))])
    assert found.pictures == [None] and found.labels.shape == (1, 0)
    assert everything(found) == {(0, "what?", ("a cat", "cat")), (0, "who?", ("me",))}
    assert list(found.texts()) == ["what?", "who?"]
    assert found.answers() == Counter({"cat": 2, "me": 1})


def test_rows_with_nothing_to_ask_are_left_out(table):
    assert [p.name for p in source(table).pictures] == ["0.png", "1.png", "2.png", "3.png"]
    # In Chinese nothing is asked about sizes.
    assert [p.name for p in source(table, ("zh",)).pictures] == ["0.png", "1.png", "2.png"]


def test_labels_are_places_among_the_training_values_and_minus_one(table):
    found = source(table)
    assert found.classes == (2, 2) and found.labels.dtype == np.int64
    values = [list(table.values[name]) for name in ("colour", "size")]
    told = [
        [values[c][k] if k >= 0 else "" for c, k in enumerate(row)] for row in found.labels.tolist()
    ]
    assert told == [["Dark Red", "L"], ["Blue", "S"], ["Blue", ""], ["", "L"]]


def test_labels_of_a_value_that_training_has_not_are_not_known(table):
    row = {"image": "0.png", "colour": "Green", "size": "L"}
    assert LabelSource(table, [row], ("en",)).labels[0, 0] == -1


def test_what_is_asked_of_labels_is_true(table):
    found = source(table)
    for k, question, (answer,) in everything(found):
        row = found.rows[k]
        if answer in ("yes", "no"):
            named = {"深红色": "dark red", "蓝色": "blue"}
            value = question.removeprefix("is it ").removeprefix("是").rstrip("?吗？")
            assert (named.get(value, value) == row["colour"].lower()) == (answer == "yes")
        else:
            column = "size" if "big" in question else "colour"
            assert answer == row[column] != ""


def test_texts_hold_every_word_and_answers_every_answer(table):
    for languages in (("en",), ("zh",), ("en", "zh")):
        found = source(table, languages)
        drawn = everything(found)
        words = {word for text in found.texts() for word in tokenize(text)}
        assert {w for _, question, _ in drawn for w in tokenize(question)} == words
        answers = found.answers()
        assert {normalize_answer(a) for _, _, said in drawn for a in said} <= set(answers)
        assert "green" not in answers and "xl" not in answers
    assert found.answers()["blue"] == 2


def test_translations_are_of_answers(table):
    assert source(table).translations() == {"zh": {"dark red": "深红色", "blue": "蓝色"}}


def test_draws_depend_on_the_generator_alone(table):
    found = source(table)
    one, two = ([found.ask(k % 4, rng) for k in range(40)] for rng in (Random(5), Random(5)))
    assert one == two
