"""Answers of every kind, as a predictor gives them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch

from vqa.checkpoint import load, save
from vqa.data.questions import world_answers, world_replies, world_vocab
from vqa.errors import CheckpointError, ConfigError
from vqa.models.network import build
from vqa.predictor import Request
from vqa.reply_space import END, KINDS, LIST, SENTENCE, ReplySpace, join_pieces
from vqa.routing import load_predictor
from vqa.text import tokenize

QUESTIONS = (
    "How many red things are there?",
    "Describe the scene.",
    "List the colors from left to right.",
    "从左到右列出所有物体的材质",
    "描述一下这个场景",
)


@pytest.fixture(scope="module")
def spoken_model(tiny_model):
    return replace(tiny_model, further_heads=("generator", "crf"))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory, spoken_model, tiny_card):
    """A checkpoint whose router has learned the questions above by heart, and nothing else."""
    torch.manual_seed(6)
    replies = world_replies()
    network = build(spoken_model, len(world_vocab()), len(world_answers()), replies)
    kinds = torch.tensor([0, SENTENCE, LIST, LIST, SENTENCE])
    vocab = world_vocab()
    ids = [vocab.encode(tokenize(q)) for q in QUESTIONS]
    lengths = torch.tensor([len(i) for i in ids])
    tokens = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
    for row, i in zip(tokens, ids, strict=True):
        row[: len(i)] = torch.tensor(i)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(40):
        logits = network.router(network.question_encoder(tokens, lengths).summary)
        loss = torch.nn.functional.cross_entropy(logits, kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        network.further["generator"].output.bias[END] += 4  # untrained, it would not come to an end
    folder = tmp_path_factory.mktemp("spoken") / "spoken"
    calibration = tiny_card["calibration"] | {
        "sentence": {"temperature": 4.0, "threshold": 0.6},
        "list": {"temperature": 2.0, "threshold": 0.7},
    }
    card = tiny_card | {"calibration": calibration}
    save(folder, network.eval(), spoken_model, vocab, world_answers(), card, replies)
    return folder


def test_each_question_is_answered_by_the_head_it_wants(spoken, pictures):
    predictor = load_predictor(spoken, "cpu")
    answers = predictor.ask_batch([Request(pictures[0].pixels, q) for q in QUESTIONS])
    assert [a.kind for a in answers] == ["word", "sentence", "list", "list", "sentence"]
    word, sentence, english, chinese, _ = answers
    assert word.items == () and word.why == "How many red things are there? Why?"
    assert sentence.why == "" and sentence.items == ()
    assert english.answer == ", ".join(english.items) or english.items == ()
    assert chinese.answer == "、".join(chinese.items) or chinese.items == ()
    for a in answers:
        assert 0 < a.confidence <= 1 and a.answer == a.top[0][0]
        assert [p for _, p in a.top] == sorted((p for _, p in a.top), reverse=True)
        assert sum(p for _, p in a.top) <= 1 + 1e-6
        assert json.dumps(a.to_dict())


def test_alone_and_in_a_batch_the_answers_are_the_same(spoken, pictures):
    predictor = load_predictor(spoken, "cpu")
    asked = [Request(p.pixels, q) for p in pictures[:3] for q in QUESTIONS]
    together = predictor.ask_batch(asked)
    for request, answer in zip(asked, together, strict=True):
        alone = predictor.ask(request.image, request.question)
        assert (alone.answer, alone.kind, alone.items) == (
            answer.answer,
            answer.kind,
            answer.items,
        )
        assert alone.confidence == pytest.approx(answer.confidence, rel=1e-3)


def test_each_head_has_its_own_calibration(spoken, pictures, tmp_path):
    copy = tmp_path / "other"
    shutil.copytree(spoken, copy)
    card = json.loads((copy / "card.json").read_text())
    card["calibration"]["sentence"]["temperature"] = 8.0
    card["calibration"]["list"]["threshold"] = 0.0
    (copy / "card.json").write_text(json.dumps(card))
    before, after = (
        load_predictor(f, "cpu").ask_batch([Request(pictures[0].pixels, q) for q in QUESTIONS])
        for f in (spoken, copy)
    )
    assert after[1].confidence == pytest.approx(before[1].confidence ** 0.5, rel=1e-4)
    assert after[2].confidence == before[2].confidence
    assert after[2].sure == after[2].familiar
    card["calibration"]["list"] = 3
    (copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="no usable calibration"):
        load_predictor(copy, "cpu")


def test_a_question_never_goes_to_a_head_that_is_not_there(tiny_model):
    torch.manual_seed(0)
    model = replace(tiny_model, further_heads=("crf",))
    network = build(model, len(world_vocab()), len(world_answers()), world_replies())
    with torch.no_grad():
        network.router.bias[SENTENCE] = 100
    images, tokens = torch.rand(2, 3, 48, 64), torch.randint(2, 50, (2, 6))
    found = network.eval()(images, tokens, torch.tensor([6, 6]))
    assert (found.kinds.argmax(-1) != SENTENCE).all()


@pytest.mark.parametrize("fusion", ["concat", "film"])
def test_further_heads_need_attention(tiny_model, fusion):
    model = replace(
        tiny_model, further_heads=("crf",), fusion=replace(tiny_model.fusion, name=fusion)
    )
    with pytest.raises(ConfigError, match="attends to regions"):
        build(model, 9, 9, world_replies())


def test_a_checkpoint_keeps_what_replies_are_made_of(spoken, tmp_path):
    assert load(spoken).replies == world_replies()
    assert load(spoken).network.further.keys() == {"generator", "crf"}
    stored = json.loads((spoken / "vocab.json").read_text(encoding="utf-8"))
    for wrong in (
        [],
        {"pieces": ["a"]},
        {"pieces": "a", "labels": []},
        {"pieces": [1], "labels": []},
    ):
        with pytest.raises(CheckpointError, match="pieces and labels"):
            ReplySpace.from_dict(wrong)
    assert ReplySpace.from_dict(stored["replies"]) == world_replies()


def test_pieces_become_text():
    assert join_pieces(["There is", "a", "red", "cube", ",", "a", "ball", "."]) == (
        "There is a red cube, a ball."
    )
    assert join_pieces(["因为有", "一个", "红色", "球体", "。"]) == "因为有一个红色球体。"
    assert KINDS[SENTENCE] == "sentence" and KINDS[LIST] == "list"
