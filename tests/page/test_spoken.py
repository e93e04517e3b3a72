"""What becomes of a recording on the page; who listens is a stand-in."""

import logging
import os

import numpy as np
import pytest
from fakes import FakeListener, FakePredictor

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
gr = pytest.importorskip("gradio")
soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")

from vqa.audio import RATE  # noqa: E402
from vqa.errors import BusyError  # noqa: E402
from vqa.page import cards  # noqa: E402
from vqa.page.layout import CheckpointInfo, build_page  # noqa: E402
from vqa.page.parts import PageLimits, Parts  # noqa: E402
from vqa.page.spoken import Spoken  # noqa: E402


@pytest.fixture
def spoken():
    def make(listener):
        with gr.Blocks():
            parts = Parts(FakePredictor(), CheckpointInfo("fake"), PageLimits(), None, listener)
            parts.language = gr.Radio(["en", "zh"])
            return Spoken(parts, gr.Textbox())

    return make


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE) / 9), RATE)
    return str(path)


def skipped(value) -> bool:
    return value == gr.skip()


@pytest.mark.parametrize(("sure", "says"), [(True, "This is what was heard"), (False, "not sure")])
def test_the_transcript_is_put_into_the_box_and_asked_about(spoken, recording, sure, says):
    text, line, kept = spoken(FakeListener("Is there a <b>", sure)).write_down(recording, "en")
    assert text == "Is there a <b>" and says in line and kept is sure
    assert "<b>" not in line


@pytest.mark.parametrize(
    ("samples", "says", "says_zh"),
    [
        (np.zeros(RATE), "is silent", "录音里没有声音"),
        (np.ones(100), "only 0.01 s", "0.01 秒"),
        (np.ones(40 * RATE), "limit is 30 s", "上限是 30 秒"),
        (None, "not a recording that can be read", "无法识别"),
    ],
)
def test_what_cannot_be_heard_is_one_line_and_the_question_stays(
    spoken, tmp_path, samples, says, says_zh
):
    path = tmp_path / "a.wav"
    if samples is None:
        path.write_bytes(b"GIF89a")
    else:
        soundfile.write(path, samples, RATE)
    for language, expected in (("en", says), ("zh", says_zh)):
        text, line, kept = spoken(FakeListener()).write_down(str(path), language)
        assert skipped(text) and kept is None
        assert expected in line and 'role="alert"' in line
        assert str(tmp_path) not in line, "where it lies is nobody's business"


def test_a_busy_server_and_a_bug_are_told_and_no_word_is_logged(spoken, recording, caplog):
    class Busy:
        def transcribe(self, source):
            raise BusyError(2)

    class Broken:
        def transcribe(self, source):
            raise KeyError(len(source))

    assert "busy" in spoken(Busy()).write_down(recording, "en")[1]
    with caplog.at_level(logging.DEBUG):
        assert "我们这边出了点问题" in spoken(Broken()).write_down(recording, "zh")[1]
    assert "a recording on the page failed" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        spoken(FakeListener("a secret question")).write_down(recording, "en")
    assert "secret" not in caplog.text


def test_the_line_follows_the_language_and_a_message_stays(spoken):
    one = spoken(FakeListener())
    assert "您问的是这句话吗" in one.translated("zh", False)
    assert "听到的是这句话" in one.translated("zh", True)
    assert skipped(one.translated("zh", None))


def test_why_the_browser_cannot_record_is_told(spoken):
    one = spoken(FakeListener())

    def told(data):
        return one.tell("en", gr.EventData(None, data))

    assert "does not let this page" in told({"problem": "denied"})
    assert "no microphone" in told({"problem": "none"})
    assert "HTTPS" in told({"problem": "insecure"})
    for data in ({"problem": "<b>"}, {}, None, "x"):
        assert "could not be made" in told(data)


def test_without_a_listener_there_is_no_microphone():
    def ids(listener):
        page = build_page(FakePredictor(), CheckpointInfo("fake"), None, None, listener)
        return {block.elem_id for block in page.blocks.values()}

    assert {"speak", "recording", "aloud"} <= ids(FakeListener())
    assert not {"speak", "recording", "speak-note", "heard"} & ids(None)
    assert "aloud" in ids(None)


def test_what_is_read_aloud_says_when_it_is_not_sure():
    from vqa.page.cards import Exchange
    from vqa.world.understanding import Understood

    def aloud(question):
        answer = FakePredictor().ask(None, question)
        return cards.result([Exchange(question, Understood(question), answer)], "en")

    assert 'data-aloud="2"' in aloud("Is there a ball?")
    assert 'data-aloud="I am not sure. My best guess: 2"' in aloud("What color is the big sphere?")
    assert 'data-aloud="2 个"' in aloud("红色立方体左边有几个小的金属物体？")
