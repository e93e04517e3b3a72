"""The page in a real browser: Debian's Chromium, driven by Playwright."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from vqa.config import ModelConfig
from vqa.world.grammar import answer_in

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
sync_api.expect.set_options(timeout=40_000)  # a busy machine is slow, not wrong

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "vqa" / "page" / "examples"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Served(NamedTuple):
    """A page under test: where it is, and what must be answered about its picture."""

    url: str
    picture: Path
    english: tuple[str, str]
    chinese: tuple[str, str]
    steps: int


def start(command: list[str]):
    """Starts a server that prints its address in the first line; returns (process, address)."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(180, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    if "http" not in line:
        process.kill()
        pytest.fail(f"the page did not start: {line!r}")
    return process, line.split()[-1]


@pytest.fixture(scope="module")
def served():
    """The page as `python app.py` serves it, on the shipped checkpoint."""
    process, url = start(["app.py", "--port", "0"])
    yield Served(
        url=url,
        picture=EXAMPLES / "crowd.jpg",
        english=("How many yellow things are there?", "4"),
        chinese=("大的红色物体是什么材质的？", answer_in("zh", "rubber")),
        steps=ModelConfig().fusion.steps,
    )
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Address of a page whose model fails on some questions."""
    folder = tmp_path_factory.mktemp("browser")
    process, url = start(["tests/fakes.py", str(folder / "examples"), "--port", "0"])
    yield url
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, served):
    """Opens the page; fails the test when it asked another server for anything."""
    contexts, foreign = [], []

    def open_page(url=served.url, **options):
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-US"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        own = (url, "data:", "blob:")
        page.on("request", lambda r: r.url.startswith(own) or foreign.append(r.url))
        page.goto(url, timeout=60_000)  # the first visit waits for the server to warm up
        page.wait_for_selector("#question textarea")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert foreign == []


def upload(page, file) -> None:
    page.set_input_files("#picture input[type=file]", file)
    page.wait_for_selector("#picture img")


def ask(page, question: str) -> None:
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")


def expect(page, test_id: str):
    return sync_api.expect(page.get_by_test_id(test_id))


def test_sentences_lists_and_reasons(visit, served):
    page = visit()
    upload(page, EXAMPLES / "row.jpg")
    ask(page, "Describe the scene.")
    expect(page, "answer").to_contain_text("There are seven objects. From left to right: a large")
    sync_api.expect(page.locator("#why")).to_be_hidden()
    ask(page, "List the colors from left to right.")
    items = page.locator("ol[data-testid=answer] li")
    colors = ["blue", "cyan", "cyan", "yellow", "cyan", "brown", "green"]
    sync_api.expect(items).to_have_text(colors)
    ask(page, "Is there a green cube?")
    expect(page, "answer").to_have_text("yes")
    page.click("#why")
    expect(page, "answer").to_have_text("Because there is a small green metal cube.")
    sync_api.expect(page.locator("#question textarea")).to_have_value("Is there a green cube? Why?")


def test_a_conversation_about_one_picture(visit, served):
    page = visit(locale="zh-CN")
    upload(page, EXAMPLES / "row.jpg")
    ask(page, "棕色圆柱体右边的物体是什么形状？")
    expect(page, "answer").to_have_text("立方体")
    ask(page, "那它是什么颜色？")
    expect(page, "answer").to_have_text("绿色")
    expect(page, "meant").to_contain_text("棕")
    expect(page, "earlier").to_contain_text("棕色圆柱体右边的物体是什么形状？")
    ask(page, "？！")  # no question, but no reason to forget the others
    sync_api.expect(page.locator("#message")).to_contain_text("只有符号")
    expect(page, "answer").to_have_text("绿色")
    ask(page, "那它是什么材质的？")
    expect(page, "answer").to_have_text("金属")
    sync_api.expect(page.locator("#message")).to_have_text("")
    upload(page, EXAMPLES / "crowd.jpg")
    sync_api.expect(page.get_by_test_id("earlier")).to_have_count(0)
    ask(page, "有几个黄色的物体？")
    expect(page, "answer").to_have_text("4")
    sync_api.expect(page.get_by_test_id("earlier")).to_have_count(0)


def test_upload_ask_and_step(visit, served):
    page = visit()
    upload(page, served.picture)
    ask(page, served.english[0])
    expect(page, "answer").to_have_text(served.english[1])
    expect(page, "confidence").to_contain_text("sure")
    sync_api.expect(page.locator("[data-testid=top] li")).to_have_count(5)
    assert page.eval_on_selector("[data-testid=overlay]", "image => image.naturalWidth") >= 640
    sync_api.expect(page.locator("#attention figure")).to_have_attribute(
        "data-step", str(served.steps)
    )
    last = page.get_by_test_id("overlay").get_attribute("src")
    page.locator("#step input[type=number]").fill("1")
    page.press("#step input[type=number]", "Tab")
    sync_api.expect(page.locator("#attention figure")).to_have_attribute("data-step", "1")
    assert page.get_by_test_id("overlay").get_attribute("src") != last
    expect(page, "answer").to_have_text(served.english[1])


def test_chinese_question_and_chinese_page(visit, served):
    page = visit()
    upload(page, served.picture)
    ask(page, served.chinese[0])
    expect(page, "answer").to_have_text(served.chinese[1])
    assert page.get_by_test_id("words").inner_text().split()[:2] == list(served.chinese[0][:2])
    page.get_by_text("中文", exact=True).click()
    sync_api.expect(page.locator("#ask")).to_have_text("提问")
    expect(page, "answer").to_have_text(served.chinese[1])
    expect(page, "confidence").to_contain_text("确定")


def test_a_chinese_browser_gets_a_chinese_page(visit):
    page = visit(locale="zh-CN")
    sync_api.expect(page.locator("h1")).to_have_text("看图问答")


def test_a_switch_as_the_page_opens_is_not_undone(visit):
    page = visit()
    held = []
    page.route("**/queue/join*", lambda route: held.append(route))  # a slow network
    page.reload()
    page.get_by_text("中文", exact=True).click()
    page.wait_for_timeout(300)
    for route in held:
        route.continue_()
    page.unroute("**/queue/join*")
    sync_api.expect(page.locator("h1")).to_have_text("看图问答")
    page.wait_for_timeout(1000)
    sync_api.expect(page.locator("h1")).to_have_text("看图问答")


def test_an_example_takes_one_click(visit):
    page = visit()
    page.locator("[data-example]").first.click()
    expect(page, "answer").not_to_be_empty()
    expect(page, "overlay").to_be_visible()
    assert page.input_value("#question textarea")
    sync_api.expect(page.locator("#picture img")).to_be_visible()


def test_an_error_is_said_and_nothing_typed_is_lost(visit, served, tmp_path):
    page = visit()
    message = sync_api.expect(page.get_by_role("alert"))
    ask(page, served.english[0])
    message.to_contain_text("There is no picture yet")
    assert page.input_value("#question textarea") == served.english[0]

    bad = tmp_path / "bad.png"
    bad.write_bytes(b"this is no picture")
    page.set_input_files("#picture input[type=file]", bad)
    page.wait_for_selector("#picture img", state="attached")
    page.click("#ask")
    message.to_contain_text("bad.png is not a picture")
    assert page.input_value("#question textarea") == served.english[0]

    page.get_by_text("中文", exact=True).click()
    sync_api.expect(page.locator("#ask")).to_have_text("提问")
    ask(page, "")
    page.click("#ask")
    message.to_contain_text("图片")


def test_the_page_recovers_after_bad_questions(visit, served):
    page = visit()
    upload(page, served.picture)
    for question, says in (
        ("", "The question is empty"),
        ("🙂🙂", "only symbols"),
        ("a" * 10_000, "the limit is 500"),
        ("<img onerror=qwzzk()>", "knows none of the words"),
    ):
        page.fill("#question textarea", question)
        page.click("#ask")
        sync_api.expect(page.get_by_role("alert")).to_contain_text(says)
        assert page.input_value("#question textarea") == question
        sync_api.expect(page.locator("#picture img")).to_be_visible()
    ask(page, served.english[0])
    expect(page, "answer").to_have_text(served.english[1])
    sync_api.expect(page.get_by_role("alert")).to_have_count(0)


def test_typed_html_is_shown_as_text(visit, served):
    page = visit()
    upload(page, served.picture)
    ask(page, "How many <b>red</b> things onerror?")
    asked = page.locator("#result .card .asked")
    sync_api.expect(asked).to_have_text("How many <b>red</b> things onerror?")
    expect(page, "words").to_contain_text("red")
    expect(page, "unknown").to_contain_text("onerror")


def test_another_picture_clears_the_answer(visit, served):
    page = visit()
    upload(page, served.picture)
    ask(page, served.english[0])
    expect(page, "answer").to_be_visible()
    page.get_by_label("Remove Image").click()
    expect(page, "answer").to_have_count(0)
    assert page.input_value("#question textarea") == served.english[0]


def test_a_phone_shows_everything_without_scrolling_sideways(visit):
    page = visit(viewport={"width": 360, "height": 740}, is_mobile=True)
    page.locator("[data-example]").first.click()
    expect(page, "overlay").to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_bug_is_said_in_one_sentence(visit, served, faulty):
    page = visit(faulty)
    upload(page, served.picture)
    ask(page, "boom, a ball")
    sync_api.expect(page.get_by_role("alert")).to_contain_text("Something went wrong")
    assert "secret" not in page.content()
