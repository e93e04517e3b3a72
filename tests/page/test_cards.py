import re
from dataclasses import replace
from html import unescape

import pytest
from fakes import STEPS, FakePredictor, scene_picture

from vqa.page import about, cards, looks
from vqa.page.gallery import Example
from vqa.page.overlays import jpeg_bytes
from vqa.page.texts import TEXTS
from vqa.world.understanding import Understood

EVIL = "<script>alert(1)</script>\"'&"


@pytest.fixture
def answer():
    return FakePredictor().ask(scene_picture(), "Is there a ball?")


def result(answer, question="Is there a ball?", it="") -> str:
    said = cards.Exchange(question, Understood(question, it), answer)
    return cards.result([said, said], "en")


def test_both_languages_say_the_same_things():
    assert set(TEXTS["en"]) == set(TEXTS["zh"])
    for key, text in TEXTS["en"].items():
        assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", TEXTS["zh"][key])


@pytest.mark.parametrize(
    ("confidence", "sure", "words"),
    [(0.97, True, "very sure"), (0.6, True, "fairly sure"), (0.97, False, "not sure")],
)
def test_confidence_in_words(answer, confidence, sure, words):
    html = result(replace(answer, confidence=confidence, sure=sure))
    assert words in html
    assert ("My best guess" in html) is not sure
    assert f"{confidence:.0%}" in html


def test_the_bars_show_the_probabilities_in_order(answer):
    html = result(answer)
    assert re.findall(r'class="name">([^<]+)', html) == [name for name, _ in answer.top]
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", html)]
    assert widths == pytest.approx([100 * p for _, p in answer.top], abs=0.06)


@pytest.mark.parametrize("kind", ["word", "sentence", "list"])
def test_everything_from_outside_is_escaped(answer, kind):
    evil = replace(
        answer,
        answer=EVIL,
        kind=kind,
        items=(EVIL,) * 2 if kind == "list" else (),
        top=((EVIL, 1.0),) * 2,
        words=(EVIL,) * len(answer.words),
        unknown_words=(EVIL,),
        repaired_words={EVIL: EVIL},
        device=EVIL,
    )
    example = Example(scene_picture(), "data:,", (("en", EVIL), ("zh", EVIL)))
    html = (
        result(evil, EVIL, EVIL)
        + looks.attention(jpeg_bytes(scene_picture()), evil, 1, "zh")
        + cards.message(EVIL)
        + cards.examples([example], "en")
        + cards.about("en", EVIL, EVIL)
    )
    assert "<script" not in html
    once = {"word": 17, "sentence": 16, "list": 18}
    assert unescape(html).count(EVIL) == once[kind] + len(answer.words)


def test_unknown_and_repaired_words_are_named(answer):
    html = result(replace(answer, unknown_words=("glorp",), repaired_words={"teh": "the"}))
    assert "glorp" in html and "<del>teh</del> → <b>the</b>" in html
    assert 'data-testid="unknown"' not in result(answer)


def test_each_step_weights_the_words(answer):
    strong = []
    for step in range(1, STEPS + 1):
        html = looks.attention(jpeg_bytes(scene_picture()), answer, step, "en")
        assert f"Step {step} of {STEPS}" in html and 'src="data:image/jpeg' in html
        weights = [float(w) for w in re.findall(r"--w:([\d.]+)", html)]
        assert len(weights) == len(answer.words) and max(weights) == 1.0
        strong.append(weights.index(1.0))
    assert strong == sorted(strong) and len(set(strong)) > 1


def test_examples_are_numbered_through_and_the_own_language_comes_first():
    items = [
        Example(scene_picture(), "data:,", (("en", f"q{i}"), ("zh", f"问{i}"))) for i in (1, 2)
    ]
    english, chinese = (
        re.findall(r'example="(\d)" lang="(..)', cards.examples(items, c)) for c in ("en", "zh")
    )
    assert english == [("0", "en"), ("1", "zh"), ("2", "en"), ("3", "zh")]
    assert chinese == [("1", "zh"), ("0", "en"), ("3", "zh"), ("2", "en")]
    assert cards.examples([], "en") == ""


def test_sentences_and_lists_are_shown_as_such(answer):
    sentence = replace(answer, answer="There is one object.", kind="sentence", top=answer.top[:1])
    html = result(sentence)
    assert 'class="answer sentence"' in html and "<details>" not in html
    assert 'data-testid="top"' not in html, "there are no other answers to choose from"
    listed = replace(answer, answer="red, blue", kind="list", items=("red", "blue"))
    html = result(listed)
    assert html.index("<li>red</li>") < html.index("<li>blue</li>")
    assert "<details><summary>Other candidates" in html


def test_what_it_was_taken_for_and_what_was_asked_before(answer):
    html = result(answer, "And what color is it?", "the red ball")
    assert "Taken to mean: <b>the red ball</b>" in html
    earlier = html[html.index("Earlier questions") :]
    assert "And what color is it?" in earlier and f"{answer.confidence:.0%}" in earlier
    alone = cards.result([cards.Exchange("Why?", Understood("Why?"), answer)], "zh")
    assert "earlier" not in alone and "meant" not in alone


def test_what_speaks_for_an_answer():
    predictor = FakePredictor()
    found = predictor.evidence(None, top_k=5)
    picture = jpeg_bytes(scene_picture())
    html = looks.evidence(picture, found, 1, EVIL, "en")
    assert 'data-evidence="1"' in html and "Zeiler" in html and "<script" not in html
    assert html.count("data-place=") == 3  # one for each region
    nothing = looks.evidence(picture, found, 4, "x" * 100, "zh")
    assert "没有单独哪一处" in nothing and "x" * 60 not in nothing
    assert nothing.count("data-place=") == 9  # parts of the picture stand in


def test_why_an_answer_is_not_sure(answer):
    for familiar, words in ((True, "with this probability"), (False, "unlike what I know")):
        assert words in result(replace(answer, sure=False, familiar=familiar, confidence=0.93))


def test_side_by_side_is_no_list_of_buttons(answer):
    said = cards.Exchange(EVIL, Understood(EVIL), answer)
    html = cards.side_by_side(jpeg_bytes(scene_picture()), [said, said], "en")
    assert html.count('data-testid="compared"') == 2 and "<button" not in html
    assert "<script" not in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_s_card_is_escaped_and_says_what_makes_its_figures(language):
    told = {"name": EVIL, "summary": EVIL, "limits": [EVIL], "trained_on": {EVIL: EVIL}}
    told |= {"summary_zh": EVIL, "licence": EVIL}
    answers, speech = (html(told, language) for html in (about.card_html, about.speech_html))
    for html in (answers, speech):
        assert "<script" not in html and unescape(html).count(EVIL) == 7
    assert f"evaluate {EVIL} --data DATA --write" in unescape(answers)
    assert f"evaluate {EVIL} --write" in unescape(speech)
