"""The further tabs, links and corrections in a real browser."""

import csv

import pytest
from test_browser import (  # noqa: F401  (fixtures)
    EXAMPLES,
    Served,
    ask,
    browser,
    expect,
    start,
    sync_api,
    upload,
    visit,
)

from vqa.data.folder import read, splits

pytestmark = pytest.mark.browser
EVIL = '<img src=x onerror="window.ran=1">'


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    return tmp_path_factory.mktemp("corrections")


@pytest.fixture(scope="module")
def served(flags):
    process, url = start(["app.py", "--port", "0", "--flags", str(flags)])
    yield Served(url, EXAMPLES / "crowd.jpg", ("How many yellow things are there?", "4"), (), 5)
    process.terminate()
    process.wait(timeout=60)


def open_many(page, folder, rows) -> None:
    """Chooses a table of these rows, and one picture."""
    with (folder / "q.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("image", "question"), *rows])
    page.get_by_role("tab", name="Many questions").click()
    page.set_input_files("#many-table input[type=file]", folder / "q.csv")
    page.set_input_files("#many-pictures input[type=file]", EXAMPLES / "crowd.jpg")
    page.locator("#many-table a").wait_for()
    page.locator("#many-pictures a").wait_for()


def downloaded(page) -> list[dict]:
    with page.expect_download() as download:
        page.click("#many-download")
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_answered_and_bad_rows_speak_for_themselves(visit, tmp_path):  # noqa: F811
    page = visit()
    good = ("crowd.jpg", "How many yellow things are there?")
    open_many(
        page, tmp_path, [good, ("../../etc/passwd", "What is it?"), ("crowd.jpg", EVIL), good]
    )
    page.click("#many-start")
    page.wait_for_selector("#many-progress:has-text('All 4')")
    lines = page.locator(".many-table tbody tr").all_inner_texts()
    assert len(lines) == 4
    assert lines[0].split("\t")[3] == lines[3].split("\t")[3] == "4"
    assert "There is no picture" in lines[1]
    assert EVIL in lines[2]
    assert page.evaluate("window.ran") is None
    rows = downloaded(page)
    assert [row["answer"] for row in rows][::3] == ["4", "4"]
    assert 0 < float(rows[0]["confidence"]) <= 1


def test_what_is_done_is_kept_when_it_is_cancelled(visit, tmp_path):  # noqa: F811
    page = visit()
    open_many(
        page,
        tmp_path,
        [("crowd.jpg", f"How many red things are there{'?' * (1 + k % 9)}") for k in range(10_000)],
    )
    page.click("#many-start")
    page.wait_for_selector(".many-table tbody tr:nth-child(16)")
    page.press("#many-cancel", "Enter")  # a click waits until nothing moves, so till the end
    page.wait_for_selector("#many-progress:has-text('Stopped')")
    done = len(downloaded(page))
    assert 16 <= done < 10_000
    page.wait_for_timeout(1000)
    assert f"Stopped: {done:,} of 10,000" in page.inner_text("#many-progress")


def test_cards_are_drawn_in_both_languages(visit):  # noqa: F811
    page = visit()
    page.get_by_role("tab", name="About this model").click()
    page.click("#model-card summary:has-text('world:heldout en')")
    assert page.get_by_role("img", name="Risk and coverage").first.is_visible()
    said = ["pictures and questions: ", "pictures: 2,000", "of the words wrong"]
    expect(page, "model-card").to_contain_text(said)
    page.get_by_label("中文").check()
    page.get_by_role("tab", name="关于模型").click()
    page.click("#model-card summary:has-text('world:heldout zh')")
    assert page.get_by_role("img", name="风险与覆盖率").first.is_visible()
    made = sync_api.expect(page.get_by_test_id("model-card").nth(1))
    made.to_contain_text("图片：由 vqa.world 绘制的")
    made.not_to_contain_text("drawn by vqa.world")
    speech = sync_api.expect(page.get_by_test_id("model-card").nth(2))
    speech.to_contain_text("zh unseen voices: 1,000 个口头提问")
    speech.to_contain_text("语音：40,644 个问题")


def test_plots_fit_a_phone(visit):  # noqa: F811
    page = visit(viewport={"width": 360, "height": 740}, locale="zh-CN", is_mobile=True)
    page.get_by_role("tab", name="关于模型").click()
    for label in ("fashion test en", "grocery test zh", "world:dialogues en"):
        page.click(f"#model-card summary:has-text('{label}')")
    sync_api.expect(page.locator("#model-card svg:visible")).to_have_count(9)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_link_reproduces_the_question_and_a_correction_is_kept(visit, served, flags):  # noqa: F811
    page = visit()
    upload(page, served.picture)
    ask(page, served.english[0])
    page.wait_for_selector("#result .answer")
    page.click("#share > button")
    page.click("#link-go")
    page.wait_for_selector("#link textarea, #link input")
    link = page.eval_on_selector("#link textarea, #link input", "box => box.value")
    page.click("#flagging > button")
    page.fill("#flag-right textarea, #flag-right input", f"{EVIL}|five")
    page.click("#flag-go")
    page.wait_for_selector("#flag-message .hint")
    (split,) = splits(flags)
    (sample,) = read(flags, split)
    assert (sample.question, sample.answers) == (served.english[0], (f"{EVIL}|five",))

    other = visit()
    other.goto(link.replace("lang=en", "lang=zh"))
    other.wait_for_selector("#header h1:has-text('看图问答')")
    other.wait_for_selector("#result .answer")
    assert other.inner_text("#result .answer") == served.english[1]
    assert other.input_value("#question textarea") == served.english[0]
    gone = visit()
    gone.goto(f"{served.url}?ask={'x' * 22}&lang=zh")
    gone.wait_for_selector("#message .message")
    assert "已失效" in gone.inner_text("#message")
    gone.wait_for_selector(".idle :text('答案会显示在这里')")
