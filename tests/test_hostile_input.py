"""Whatever is sent, a predictor answers or says in a `VQAError` what is wrong, and goes on."""

from __future__ import annotations

import io
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from vqa.errors import VQAError
from vqa.predictor import Predictor
from vqa.routing import load_predictor

QUESTION = "How many red things are left of the big cube?"


def encoded(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def noise(seed: int, width: int = 32, height: int = 24) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


FORMS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
FILES = [encoded(noise(k), form) for k, form in enumerate(FORMS)]
MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "I;16")


@st.composite
def damaged_files(draw) -> bytes:
    """A picture's file, cut off and with a few bytes overwritten."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


sizes = st.sampled_from([0, 1, 2, 15, 16, 17, 40, 300])
channels = st.sampled_from([(), (0,), (1,), (2,), (3,), (4,), (5,), (3, 1)])
arrays = st.builds(
    lambda h, w, c, kind, value: np.full((h, w, *c), value).astype(kind),
    sizes,
    sizes,
    channels,
    st.sampled_from("u1 i1 u2 i4 i8 f2 f4 f8 c8 ? O U3 m8[s]".split()),
    st.sampled_from([0, 1, 200, 40000]),
) | hnp.arrays(
    st.sampled_from(["f4", "f8", "i2", "u1"]),
    st.sampled_from([(16, 16), (16, 20, 3), (20, 16, 4), (3, 16, 16), (16,), (), (17, 18, 1)]),
    fill=st.sampled_from([0, 1]),
)
odd_floats = st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 1.5, 1e-30]).map(
    lambda value: np.where(np.eye(16) > 0, value, 0.5)
)
canvases = st.builds(
    Image.new, st.sampled_from(MODES), st.tuples(st.sampled_from([1, 16, 20, 2000]), sizes)
)
objects = st.sampled_from(
    [None, 0, 1.5, [], {}, ["a.png"], b"", "", "\0", "no.png", "/", "x" * 5000, "\ud800", object()]
    + ["http://example.com/a.png", "data:image/png;base64,AAAA", "../../etc/passwd", QUESTION]
)
pictures = (
    st.binary(max_size=200) | damaged_files() | arrays | odd_floats | canvases | objects
) | st.sampled_from(FILES)

HOSTILE = (
    "",
    " \t\n\u3000",
    "?" * 400,
    "how many " * 1000,
    "a" * 500,
    "red cube " * 55,
    "\ufdfa" * 490 + " cube",  # one character that normalises to eighteen
    "🙂🧊 red 🔴 cube 👨‍👩‍👧‍👦?",
    "<script>alert('cube')</script> <img src=x onerror=red>",
    "'; DROP TABLE cubes; --",
    "\x00\x07\x1b[31mred cube\x1b[0m",
    "\u202ered cube\u202c",
    "r\u200be\u00add cu\u0301be",
    "\ud800 cube",
    "红" * 500,
    "１２３ ｒｅｄ ｃｕｂｅｓ",
    "zxqj wvut",
    None,
    7,
    b"red cube",
    ["red"],
)
words = st.lists(
    st.sampled_from(
        "how many is the red rde cbue cubes 's left of 红 色 球 ！ ? <b> 12 \0".split()
    ),
    max_size=40,
).map(" ".join)
questions = st.text(max_size=80) | st.sampled_from(HOSTILE) | words


@pytest.fixture(scope="module")
def predictor(tiny_checkpoint) -> Predictor:
    return load_predictor(tiny_checkpoint, "cpu")


def ask(predictor: Predictor, picture, question) -> bool:
    """Whether there was an answer; anything but an answer or a `VQAError` fails the test."""
    try:
        found = predictor.ask(picture, question)
    except VQAError as error:
        for language in ("en", "zh"):
            said = error.sentence(language)
            assert said.strip() and len(said) < 600 and "\n" not in said
        return False
    values = [p for _, p in found.top] + [found.familiarity]
    assert all(math.isfinite(v) and 0 <= v <= 1 for v in values)
    assert found.answer and found.words
    return True


@pytest.fixture(scope="module")
def still_well(tiny_checkpoint, predictor):
    """Says whether the predictor answers as a fresh one does.

    Two pictures, so that neither answer can be left over from the request before.
    """

    def answers(asked: Predictor):
        return [asked.ask(noise(k), QUESTION).top for k in (90, 91)]

    expected = answers(load_predictor(tiny_checkpoint, "cpu"))
    return lambda: answers(predictor) == expected


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_any_picture(predictor, still_well):
    answered = Counter()

    @settings(relaxed, max_examples=300)
    @given(picture=pictures)
    def check(picture):
        answered[ask(predictor, picture, QUESTION)] += 1
        assert still_well()

    check()
    assert min(answered[True], answered[False]) > 20, "too one-sided to tell much"


def test_any_question(predictor, still_well):
    answered = Counter()

    @settings(relaxed, max_examples=200)
    @given(question=questions)
    def check(question):
        answered[ask(predictor, FILES[0], question)] += 1
        assert still_well()

    check()
    assert min(answered[True], answered[False]) > 20, "too one-sided to tell much"


def test_anything_together(predictor, still_well):
    @settings(relaxed, max_examples=100)
    @given(
        picture=pictures, question=questions, top_k=st.integers(-3, 50) | st.none() | st.floats()
    )
    def check(picture, question, top_k):
        try:
            predictor.ask(picture, question, top_k)
        except VQAError as error:
            assert str(error)
        assert still_well()

    check()


@pytest.mark.parametrize("question", HOSTILE, ids=lambda q: ascii(q)[:20])
def test_each_known_trick(predictor, still_well, question):
    ask(predictor, FILES[0], question)
    assert still_well()
