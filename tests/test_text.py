import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqa.errors import CheckpointError, QuestionError
from vqa.spelling import edit_distance, nearest_word
from vqa.text import (
    PAD_ID,
    UNKNOWN_ID,
    AnswerSpace,
    Vocab,
    detect_language,
    normalize_answer,
    prepare_question,
    tokenize,
)

QUESTIONS = [
    "What color is the small rubber cube left of the big metal sphere?",
    "Is there a block that is the same size as the cylinder?",
    "There are how many things right of the red cube?",
    "红色立方体左边有几个小的金属物体？",
]
VOCAB = Vocab.from_questions(QUESTIONS)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("What's the CUBE’s colour?", ["what", "'s", "the", "cube", "'s", "colour"]),
        ("the 'red' balls' 2nd", ["the", "red", "balls", "2", "nd"]),
        ("红色ball有10个？", ["红", "色", "ball", "有", "10", "个"]),
        ("ＲＥＤ　ｃｕｂｅ", ["red", "cube"]),
        ("re\u200bd\u00ad cu\u00adbe", ["red", "cube"]),
        ("red\x00cube\ttiny", ["red", "cube", "tiny"]),
        ("🙂 !!! …", []),
        ("<b>red</b>", ["b", "red", "b"]),
        ("cafe\u0301", ["café"]),
    ],
)
def test_tokenize(text, tokens):
    assert tokenize(text) == tokens


def test_language_is_chinese_as_soon_as_one_character_is():
    assert detect_language("how many 球?") == "zh"
    assert detect_language("how many balls？") == "en"


def test_vocab_order_is_by_frequency_then_alphabet_whatever_the_input_order():
    vocab = Vocab.from_questions(["b a c", "c b", "c"])
    assert vocab.words == ("c", "b", "a")
    assert Vocab.from_questions(["c", "b c", "c a b"]) == vocab
    assert vocab.encode(["c", "a", "nothing"]) == [2, 4, UNKNOWN_ID]
    assert len(vocab) == 5 and PAD_ID != UNKNOWN_ID
    assert Vocab.from_questions(["b a c", "c b", "c"], min_count=2).words == ("c", "b")


@pytest.mark.parametrize("data", [{}, {"words": "ab"}, {"words": ["a", "a"]}, {"words": [1]}, []])
def test_a_damaged_vocabulary_is_refused(data):
    with pytest.raises(CheckpointError, match="vocabulary"):
        Vocab.from_dict(data)


def test_vocab_survives_json():
    assert Vocab.from_dict(json.loads(json.dumps(VOCAB.to_dict()))) == VOCAB


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("colr", "color"),
        ("shpere", "sphere"),
        ("cilinder", "cylinder"),
        ("cubee", "cube"),
        ("thre", "there"),
        ("teh", "the"),
        ("thnigs", "things"),
        ("samll", "small"),
    ],
)
def test_slips_are_repaired(typed, read):
    assert VOCAB.repair([typed]) == ([read], {typed: read}, [])


@pytest.mark.parametrize("word", ["black", "where", "dog", "bed", "tube", "xyzzyx", "球", "12"])
def test_other_words_are_left_alone(word):
    assert VOCAB.repair([word]) == ([word], {}, [word])


def test_known_words_are_never_changed():
    tokens = tokenize(" ".join(QUESTIONS))
    assert VOCAB.repair(tokens) == (tokens, {}, [])


def test_the_most_frequent_of_equally_near_words_wins():
    assert nearest_word("brawl", {5: ["brawn", "braws"]}) == "brawn"
    assert nearest_word("brawl", {5: ["braws", "brawn"]}) == "braws"


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("cube", "cube", 0), ("ball", "blal", 1), ("", "ab", 2), ("kitten", "sitting", 3)],
)
def test_edit_distance(a, b, distance):
    assert edit_distance(a, b, 3) == distance
    assert edit_distance(b, a, 3) == distance
    assert edit_distance("kitten", "sitting", 1) == 2


def test_repair_is_cheap_with_a_large_vocabulary():
    syllables = ["ba", "co", "di", "fu", "ge", "hy", "ki", "lo", "mu", "ne", "pa", "ro"]
    words = tuple(
        a + b + c + d for a in syllables for b in syllables for c in syllables for d in "xz"
    )
    vocab = Vocab(words)
    vocab.repair(["warmup"])
    start = time.perf_counter()
    vocab.repair(["quibblex", "badifuw", "zzzzzzzz"])
    assert time.perf_counter() - start < 0.2


def test_a_question_is_prepared():
    question = prepare_question("  What colr is the glorp?  ", VOCAB)
    assert question.text == "What colr is the glorp?"
    assert question.tokens == ("what", "color", "is", "the", "glorp")
    assert question.ids[-1] == UNKNOWN_ID and UNKNOWN_ID not in question.ids[:-1]
    assert question.repaired == {"colr": "color"}
    assert question.unknown == ("glorp",)
    assert question.language == "en"
    assert prepare_question(QUESTIONS[3], VOCAB).language == "zh"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("?!", "only symbols"),
        ("🙂🙃", "only symbols"),
        ("\x00\x1b", "only symbols"),
        ("red " * 2500, "9,999 characters and the limit is 500"),
        ("flibber <script>", "flibber, script"),
        (None, "NoneType"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why_in_both_languages(text, says):
    with pytest.raises(QuestionError, match=says) as caught:
        prepare_question(text, VOCAB)
    assert caught.value.sentence("en") == str(caught.value)
    assert detect_language(caught.value.sentence("zh")) == "zh"


HOSTILE = st.one_of(
    st.text(max_size=600),
    st.text(st.characters(categories=["Cc", "Cf", "Co", "Cs", "So", "Mn"]), max_size=50),
    st.text(st.sampled_from("<>&\"'/;=redcubeRED红色球 \x00\u202e‍🙂"), max_size=80),
    st.sampled_from(["'; DROP TABLE", "{{7*7}}", "%s%n", "../../etc/passwd", "<img onerror=x>"]),
)


@settings(max_examples=400, deadline=None)
@given(HOSTILE)
def test_any_string_is_prepared_or_refused_with_a_sentence(text):
    tokens = tokenize(text)
    assert all(token and not token.isspace() for token in tokens)
    assert not set("".join(tokens)) & set('<>&"/;=\x00 \u202e')
    try:
        question = prepare_question(text, VOCAB)
    except QuestionError as error:
        assert str(error).endswith(".") and "\n" not in str(error) and len(str(error)) < 250
    else:
        assert len(question.tokens) == len(question.ids) == len(tokens)
        assert all(0 < i < len(VOCAB) for i in question.ids)
        assert any(i != UNKNOWN_ID for i in question.ids)
        assert all(word not in VOCAB for word in question.unknown)


SPACE = AnswerSpace(("yes", "red", "3"), {"zh": {"yes": "有", "red": "红色"}})


def test_answers_are_said_and_found_in_both_languages():
    assert SPACE.localise("red", "zh") == "红色"
    assert SPACE.localise("red", "en") == "red"
    assert SPACE.localise("3", "zh") == "3"
    assert SPACE.index("红色") == SPACE.index(" RED") == 1
    assert SPACE.index("blue") is None
    assert AnswerSpace.from_dict(json.loads(json.dumps(SPACE.to_dict()))) == SPACE


@pytest.mark.parametrize(
    "change",
    [
        {"answers": ["a", "a"]},
        {"translations": {"fr": {}}},
        {"translations": {"zh": {"blue": "蓝色"}}},
        {"translations": []},
        {"extra": 1},
    ],
)
def test_a_damaged_answer_space_is_refused(change):
    with pytest.raises(CheckpointError, match="answers"):
        AnswerSpace.from_dict(SPACE.to_dict() | change)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Red one.", "red 1"),
        ("Three", "3"),
        ("红色 。", "红色"),
        ("the", "the"),
        ("YES!", "yes"),
    ],
)
def test_normalized_answers(text, normal):
    assert normalize_answer(text) == normal
