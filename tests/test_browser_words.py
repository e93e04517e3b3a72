"""Gradio's own names and messages follow the language of the page, in a real browser."""

import csv
import re

import pytest
from test_browser import (  # noqa: F401  (fixtures)
    EXAMPLES,
    ask,
    browser,
    expect,
    served,
    sync_api,
    upload,
    visit,
)

from vqa.page.gradio_words import NAMES

CHINESE = re.compile("[一-鿿]")
WRITTEN = ("q.csv", "crowd.jpg")  # names of the visitor's own files
LABELS = """() => [...document.querySelectorAll("*")].flatMap((one) =>
  ["aria-label", "title", "placeholder", "alt"].map((name) => one.getAttribute(name))
).filter((label) => /\\p{L}/u.test(label ?? ""))"""


def test_no_name_stands_for_two():
    names = [name for row in NAMES for name in row]
    assert len(set(names)) == len(names)


@pytest.mark.browser
def test_every_label_is_in_the_language_of_the_page(visit, tmp_path):  # noqa: F811
    page = visit()
    sync_api.expect(page.locator(".idle")).to_have_text(
        "The answer will appear here.", use_inner_text=True
    )
    seen = set()

    def english() -> list[str]:
        page.wait_for_timeout(500)
        labels = page.evaluate(LABELS)
        seen.update(labels)
        return [one for one in labels if not CHINESE.search(one) and one not in WRITTEN]

    page.get_by_text("中文", exact=True).click()
    sync_api.expect(page).to_have_title("看图问答")
    sync_api.expect(page.locator(".idle")).to_have_text("答案会显示在这里。", use_inner_text=True)
    assert english() == []
    page.click("#picture [aria-label=用摄像头拍摄]")
    sync_api.expect(page.locator("#picture")).to_contain_text("点击以使用摄像头")
    assert english() == []
    page.click("#picture [aria-label=上传文件]")
    upload(page, EXAMPLES / "crowd.jpg")
    ask(page, "有几个黄色的物体？")
    expect(page, "answer").to_have_text("4")
    page.click("#share > button")
    page.click("#link-go")
    page.wait_for_selector("#link textarea, #link input")
    page.click("#compare > button")
    assert english() == []
    page.click("#picture [aria-label=全屏]")
    page.wait_for_selector("#picture [aria-label=退出全屏]")
    assert english() == []
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="批量提问").click()
    with (tmp_path / "q.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "question"), ("crowd.jpg", "有几个黄色的物体？")])
    page.set_input_files("#many-table input[type=file]", tmp_path / "q.csv")
    page.set_input_files("#many-pictures input[type=file]", EXAMPLES / "crowd.jpg")
    page.locator("#many-pictures a").wait_for()
    page.click("#many-start")
    page.wait_for_selector(".many-table tbody tr")
    assert english() == []
    assert {"移除图片", "复制", "上传", "页脚"} <= seen  # or it looked at too little

    page.get_by_text("English", exact=True).click()
    sync_api.expect(page).to_have_title("Ask a picture")
    english()
    labels = page.evaluate(LABELS)
    assert not [one for one in labels if CHINESE.search(one) and "语言" not in one]


@pytest.mark.browser
@pytest.mark.parametrize("locale, number", [("en-US", 0), ("zh-CN", 1)])
def test_what_is_refused_is_a_sentence(visit, tmp_path, locale, number):  # noqa: F811
    page = visit(locale=locale)
    toast = sync_api.expect(page.get_by_test_id("toast-body").last)
    page.wait_for_selector(f"#ask:has-text('{('Ask', '提问')[number]}')")
    large = tmp_path / "large.png"
    large.write_bytes(b"\0" * (10 * 2**20 + 1))
    page.set_input_files("#picture input[type=file]", large)
    toast.to_contain_text(("is larger than 10.0 MB", "超过 10.0 MB")[number])
    toast.to_contain_text(("Error", "错误")[number])
    page.get_by_test_id("toast-close").last.click()

    refused = {"message": "The server is busy.", "message_zh": "服务器繁忙。"}
    page.route("**/upload?*", lambda route: route.fulfill(status=429, json={"error": refused}))
    page.set_input_files("#picture input[type=file]", EXAMPLES / "crowd.jpg")
    text = page.get_by_test_id("toast-text").last
    sync_api.expect(text).to_have_text(refused[("message", "message_zh")[number]])
