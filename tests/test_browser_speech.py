"""Asking aloud in a real browser, whose microphone plays a file; who listens is a stand-in, but for
one question."""

import os
import shutil
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from test_browser import (  # noqa: F401  (fixtures)
    CHROMIUM,
    EXAMPLES,
    FLAGS,
    Served,
    ask,
    expect,
    start,
    sync_api,
    upload,
    visit,
)
from test_browser_asking import violations

from vqa.speech import store
from vqa.speech.voices import Voice, speak

pytestmark = pytest.mark.browser
soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
ROW = EXAMPLES / "row.jpg"
BOX, LINE = "#question textarea", "heard"
HEARD = "How many red things are there"  # by the stand-in
sync_api.expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def microphone(tmp_path_factory):
    """The file that it plays, and for how many seconds somebody speaks."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    said, rate = speak("How many yellow things are there?", Voice("espeak", "en-us", 150))
    silence = np.zeros(rate, np.float32)
    soundfile.write(path, np.concatenate([silence, said, *[silence] * 20]), rate)
    return path, 1 + len(said) / rate


@pytest.fixture(scope="module")
def browser(microphone):
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags.append(f"--use-file-for-fake-audio-capture={microphone[0]}%noloop")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def served_with(folder: Path, *flags: str, unsure: bool = False):
    if not store.DEFAULT.is_dir() and "off" not in flags:
        pytest.skip("no speech checkpoint is shipped here")
    if unsure:
        os.environ["VQA_UNSURE"] = "1"
    try:
        process, url = start(["tests/fakes.py", str(folder / "examples"), "--port", "0", *flags])
    finally:
        os.environ.pop("VQA_UNSURE", None)
    yield Served(url, ROW, ("", ""), ("", ""), 4)
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    yield from served_with(tmp_path_factory.mktemp("sure"))


@pytest.fixture(scope="module")
def unsure(tmp_path_factory):
    yield from served_with(tmp_path_factory.mktemp("unsure"), unsure=True)


@pytest.fixture(scope="module")
def deaf(tmp_path_factory):
    yield from served_with(tmp_path_factory.mktemp("deaf"), "--speech", "off")


@pytest.fixture(scope="module")
def real():
    if store.find("speech") is None:
        pytest.skip("no speech checkpoint is shipped here")
    process, url = start(["app.py", "--port", "0", "--checkpoint", "scenes"])
    yield url
    process.terminate()
    process.wait(timeout=20)


def give(page, file) -> None:
    page.set_input_files("#speak-row input[type=file]", file)


def test_a_question_is_spoken_and_asked_by_keyboard_alone(visit, real, microphone):  # noqa: F811
    page = visit(real)
    upload(page, EXAMPLES / "crowd.jpg")
    page.locator("#ask").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").strip() == "Speak"
    page.keyboard.press("Enter")
    status = sync_api.expect(page.locator("#speak [role=status]"))
    status.to_have_text("Recording: ask your question, then stop.")
    assert page.evaluate("document.activeElement.innerText").startswith("Stop")
    sleep(microphone[1] + 1)
    page.keyboard.press("Enter")
    expect(page, LINE).to_be_visible(timeout=60_000)  # the recogniser is loaded first
    status.to_be_empty()
    sync_api.expect(page.locator(BOX)).to_be_focused()
    assert "yellow" in page.input_value(BOX)
    page.wait_for_timeout(1000)
    expect(page, "answer").to_have_count(0)  # what was heard is for the speaker to confirm
    expect(page, "guess").not_to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("How many yellow things are there?")
    page.keyboard.press("Enter")
    expect(page, "answer").to_have_text("4")
    expect(page, LINE).to_have_count(0)


def test_a_recording_is_uploaded(visit, microphone):  # noqa: F811
    page = visit()
    upload(page, ROW)
    page.fill(BOX, "Is there a ball?")
    expect(page, "guess").to_be_visible()
    page.focus("#ask")
    for name in ("Speak", "Upload a recording"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.innerText").strip() == name
    give(page, microphone[0])
    expect(page, LINE).to_have_text("This is what was heard. Press Ask, or correct it first.")
    sync_api.expect(page.locator(BOX)).to_have_value(HEARD)
    page.keyboard.press("Enter")
    expect(page, "answer").to_have_text("2")
    expect(page, LINE).to_have_count(0)


def test_what_is_not_sure_is_asked_about_in_both_languages(visit, unsure, microphone):  # noqa: F811
    page = visit(unsure.url)
    upload(page, ROW)
    give(page, microphone[0])
    expect(page, LINE).to_contain_text("Is this what you asked?")
    expect(page, LINE).to_contain_text("not sure")
    page.get_by_text("中文", exact=True).click()
    expect(page, LINE).to_contain_text("您问的是这句话吗")
    sync_api.expect(page.locator("[data-speak]")).to_have_text("说话提问", use_inner_text=True)
    sync_api.expect(page.locator("#recording")).to_have_text("上传录音")
    sync_api.expect(page.locator("#speak-note")).to_contain_text("合成语音")
    page.fill(BOX, "Is there a ball?")
    page.press(BOX, "Enter")
    expect(page, "answer").to_have_text("2")
    expect(page, LINE).to_have_count(0)


def test_what_is_no_recording_leaves_all_as_it_was(visit, tmp_path):  # noqa: F811
    page = visit()
    upload(page, ROW)
    ask(page, "Is there a ball?")
    expect(page, "answer").to_have_text("2")
    (tmp_path / "a.wav").write_bytes(b"no sound")
    give(page, tmp_path / "a.wav")
    alert = sync_api.expect(page.locator("#heard [role=alert]"))
    alert.to_be_visible()
    alert.to_contain_text("not a recording that can be read")
    assert page.input_value(BOX) == "Is there a ball?"
    expect(page, "answer").to_have_text("2")
    soundfile.write(tmp_path / "b.wav", np.zeros(16_000), 16_000)
    page.get_by_text("中文", exact=True).click()
    sync_api.expect(page.locator("#ask")).to_have_text("提问")
    give(page, tmp_path / "b.wav")
    alert.to_contain_text("录音里没有声音")


def test_where_there_is_no_microphone_the_reason_is_told(visit):  # noqa: F811
    page = visit()
    page.evaluate("""() => {
        window.refusal = "NotAllowedError";
        navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", refusal); };
    }""")
    insecure = "Object.defineProperty(navigator, 'mediaDevices', {value: undefined})"
    for change, says in (
        ("0", "allow it in the address bar"),
        ("refusal = 'NotFoundError'", "There is no microphone here"),
        (insecure, "HTTPS"),
    ):
        page.evaluate(f"() => {{ {change}; }}")
        page.get_by_role("button", name="Speak").click()
        sync_api.expect(page.locator("#heard [role=alert]")).to_contain_text(says)
        sync_api.expect(page.locator("[data-speak]")).to_have_text("Speak", use_inner_text=True)


def test_answers_are_read_aloud_when_that_is_wanted(visit):  # noqa: F811
    page = visit()
    page.evaluate("""() => {
        window.said = [];
        const stub = {speak: (u) => said.push([u.text, u.lang]), cancel: () => {}};
        Object.defineProperty(window, "speechSynthesis", {value: stub});
    }""")
    upload(page, ROW)
    box = page.get_by_label("Read answers aloud")
    assert not box.is_checked()
    ask(page, "Is there a ball?")
    expect(page, "answer").to_have_text("2")
    assert page.evaluate("said") == []
    box.check()
    assert page.evaluate("said") == [["2", "en-US"]], "the answer on view, to hear that it works"
    ask(page, "What color is the big sphere?")
    page.wait_for_function("said.length === 2")
    assert page.evaluate("said[1]") == ["I am not sure. My best guess: 2", "en-US"]
    page.get_by_text("中文", exact=True).click()
    sync_api.expect(page.locator("#aloud")).to_contain_text("朗读答案")
    expect(page, "confidence").to_contain_text("不确定")
    assert len(page.evaluate("said")) == 2, "an answer that is drawn again is not read again"
    ask(page, "红色立方体左边有几个小的金属物体？")
    page.wait_for_function("said.length === 3")
    assert page.evaluate("said[2]") == ["2 个", "zh-CN"]
    page.get_by_label("朗读答案").uncheck()
    ask(page, "Is there a ball?")
    expect(page, "answer").to_have_text("2")
    assert len(page.evaluate("said")) == 3


def test_without_a_voice_or_a_recogniser_all_else_works(visit, deaf):  # noqa: F811
    page = visit(deaf.url)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(error))
    page.add_init_script("Object.defineProperty(window, 'speechSynthesis', {value: undefined})")
    page.reload()
    upload(page, ROW)
    for missing in ("#speak", "#recording", "#heard", "#speak-note"):
        sync_api.expect(page.locator(missing)).to_have_count(0)
    sync_api.expect(page.locator("#aloud")).not_to_be_visible()
    ask(page, "Is there a ball?")
    expect(page, "answer").to_have_text("2")
    assert wrong == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_no_serious_barrier(visit, unsure, width, scheme):  # noqa: F811
    page = visit(unsure.url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    upload(page, ROW)
    page.get_by_role("button", name="Speak").click()
    sync_api.expect(page.locator("[data-speak]")).to_contain_text("0:0")
    page.wait_for_timeout(1000)  # colors fade from one to the other
    assert violations(page) == []
    page.locator("[data-speak]").click()
    expect(page, LINE).to_be_visible()
    page.wait_for_timeout(1000)  # colors fade from one to the other
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("[data-speak]").click()
    sync_api.expect(page.locator("[data-speak]")).to_contain_text("0:0")
    page.get_by_text("中文", exact=True).click()  # the button is drawn anew, and records on
    sync_api.expect(page.locator("[data-speak]")).to_contain_text("停止")
    page.locator("[data-speak]").click()
    expect(page, LINE).to_contain_text("您问的是这句话吗")
