"""Baselines that see no picture: what they learn, from which split, the same every time."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from vqa import blind
from vqa.blind import Baselines, QuestionOnly, baselines
from vqa.data.build import Data, open_data, training_split
from vqa.data.sample import Sample
from vqa.text import tokenize

SPORTS = {"racket": "tennis", "bat": "baseball", "goal": "soccer"}
TAUGHT = [
    (f"what sport is played with this {thing}?", (sport,))
    for thing, sport in SPORTS.items()
    for _ in range(20)
]


def sample(question: str, *answers: str, kind: str = "x") -> Sample:
    return Sample(Path("a.png"), question, answers, kind)


def data_of(splits: dict[str, list[Sample]], name: str = "folder:x") -> Data:
    return Data(name, tuple(splits), lambda split, languages: iter(splits[split]))


def test_it_goes_by_the_words():
    model = QuestionOnly(TAUGHT)
    asked = [f"with this {thing}, which sport?" for thing in SPORTS]
    assert model.answer(asked) == list(SPORTS.values())


def test_it_goes_by_the_order_of_neighbouring_words():
    """The same words in both questions; only their pairs differ."""
    taught = [("is red left of blue", ("yes",)), ("is blue left of red", ("no",))] * 50
    assert QuestionOnly(taught).answer(["is red left of blue", "is blue left of red"]) == [
        "yes",
        "no",
    ]


def test_it_reads_chinese():
    taught = [("这是什么颜色？", ("红色",)), ("这有几个？", ("2",))] * 30
    assert QuestionOnly(taught).answer(["什么颜色？", "有几个？"]) == ["红色", "2"]


def test_a_question_of_unknown_words_gets_the_usual_answer():
    taught = [*TAUGHT, *[("is it sunny?", ("yes",))] * 200]
    assert QuestionOnly(taught).answer(["qwzzk", ""]) == ["yes", "yes"]


def test_people_who_differ_are_targets_by_their_shares():
    """Each answer of the first is rarer than those of the others, but most people give "cat"."""
    people = ("cat",) * 6 + ("dog",) * 4
    assert QuestionOnly([("what is it?", people)] * 20).answer(["what is it?"]) == ["cat"]
    turned = ("cat",) * 4 + ("dog",) * 6
    assert QuestionOnly([("what is it?", turned)] * 20).answer(["what is it?"]) == ["dog"]


def test_answers_are_said_as_most_people_write_them():
    taught = [("what is it?", ("A T-shirt",))] * 3 + [("what is it?", ("t-shirt",))] * 9
    assert QuestionOnly(taught).answer(["what is it?"]) == ["t-shirt"]


def test_it_is_the_same_every_time_and_leaves_the_generator_alone():
    def logits(taught):
        model = QuestionOnly(taught)
        return model._logits(model._encode(["what sport is this?"]))

    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    first = logits(TAUGHT)
    assert torch.equal(torch.rand(3), wanted)
    torch.manual_seed(77)
    assert torch.equal(logits(TAUGHT), first)


def test_very_many_questions_are_drawn_from(monkeypatch):
    monkeypatch.setattr(blind, "_QUESTIONS", 40)
    seen = []
    monkeypatch.setattr(blind, "tokenize", lambda text: seen.append(text) or tokenize(text))
    QuestionOnly(TAUGHT)
    # Once for the vocabulary, once for training.
    assert len(seen) == 80 and set(seen) == {question for question, _ in TAUGHT}


@pytest.mark.parametrize(
    ("splits", "split", "train"),
    [
        (("train", "val", "test"), "test", "train"),
        (("train", "val", "test"), "val", "train"),
        (("train2014", "val2014"), "val2014", "train2014"),
        (("train", "test", "by_question_train", "by_question_test"), "test", "train"),
        (("train", "by_question_train"), "by_question_test", "by_question_train"),
        # What is measured is never trained on.
        (("train", "test"), "train", None),
        (("val",), "val", None),
        (("heldout",), "heldout", None),
        (("train2014", "test2015"), "test2015", None),
    ],
)
def test_which_split_is_trained_on(splits, split, train):
    assert training_split(Data("folder:x", splits, lambda *_: iter(())), split) == train


def test_baselines_come_from_the_training_split():
    taught = [sample(question, *answers) for question, answers in TAUGHT]
    # All that is asked has one answer, so that these answers themselves would be guessed right.
    asked = [sample("which sport needs this bat?", "baseball")] * 4
    data = data_of({"train": [*taught, sample("the goal?", "soccer")], "test": asked})
    assert baselines(data, "test", asked) == Baselines("train", 0.0, 1.0)


def test_without_a_training_split_the_questions_asked_give_the_usual_answers():
    asked = [sample("a?", "yes")] * 3 + [sample("b?", "no"), sample("c?", "3", kind="number")]
    data = data_of({"heldout": asked}, "world:heldout")
    assert baselines(data, "heldout", asked) == Baselines("", 0.8, None)


def test_training_is_in_the_language_asked(tmp_path):
    read = []

    def samples(split, languages):
        read.append((split, tuple(languages)))
        return iter([sample("这是什么？", "杯子")])

    data = Data("folder:x", ("train", "test"), samples)
    assert baselines(data, "test", [sample("是什么？", "杯子")], "zh").question_only == 1
    assert read == [("train", ("zh",))]


def test_questions_without_pictures_teach_too(tmp_path):
    """Of the official format's training split only one question has its picture."""
    texts = {"train": ["what?"], "val": ["which sport?"], "text_only_train": ["what?"] + ["sport"]}
    for split, asked in texts.items():
        questions, annotations = [], []
        for k, question in enumerate(asked):
            answer = "tennis" if "sport" in question else "cat"
            questions.append({"question_id": k, "image_id": 1, "question": question})
            annotations.append({"question_id": k, "answers": [{"answer": answer}] * 10})
        write = {"data_subtype": "train2014", "questions": questions}
        (tmp_path / f"v2_OpenEnded_mscoco_{split}_questions.json").write_text(json.dumps(write))
        write = {"annotations": annotations}
        (tmp_path / f"v2_mscoco_{split}_annotations.json").write_text(json.dumps(write))
    (tmp_path / "images").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "COCO_train2014_000000000001.jpg")
    data = open_data(f"vqa_v2:{tmp_path}")
    assert data.splits == ("train", "val")
    assert baselines(data, "val", data.samples("val")) == Baselines("train", 0.0, 1.0)
