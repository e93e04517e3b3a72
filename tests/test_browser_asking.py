"""What the tab "Ask" does beyond a question and its answer, in a real browser, and whether it can
be used without seeing or pointing: axe-core finds no serious violation."""

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

pytestmark = pytest.mark.browser
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
ROW = EXAMPLES / "row.jpg"


def violations(page) -> list[str]:
    """Serious and critical ones, with the parts of the page that they are about."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {', '.join(str(n['target']) for n in v['nodes'])}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def test_a_guess_while_typing(visit):  # noqa: F811
    page = visit()
    upload(page, ROW)
    box = page.locator("#question textarea")
    box.press_sequentially("Is there a green cube?", delay=10)
    expect(page, "guess").to_contain_text("yes")
    assert page.locator("#guess [data-testid=overlay]").is_visible()
    expect(page, "answer").to_have_count(0)  # not asked yet
    box.press("Enter")
    expect(page, "answer").to_have_text("yes")
    expect(page, "guess").not_to_be_visible()
    expect(page, "earlier").to_have_count(0)  # a guess is no question of the conversation
    page.get_by_label("Answer as I type").uncheck()
    box.fill("Is there a red cube?")
    page.wait_for_timeout(1200)
    expect(page, "guess").not_to_be_visible()


def test_an_answer_says_which_question_it_answers(visit):  # noqa: F811
    page = visit()
    asked = sync_api.expect(page.locator("#result .card .asked"))
    page.evaluate("""() => {
        window.told = [];
        const status = document.querySelector(".unseen[role=status]");
        const tell = () => status.innerText && told.push(status.innerText.split(/\\s*\\n\\s*/));
        new MutationObserver(tell).observe(status, {childList: true});
    }""")
    upload(page, ROW)
    ask(page, "Is there a green cube?")
    asked.to_have_text("Is there a green cube?")
    page.fill("#question textarea", "Is there a red cube?")
    expect(page, "guess").to_be_visible()
    asked.to_have_text("Is there a green cube?")  # not what stands in the box by now
    page.get_by_text("中文", exact=True).click()
    sync_api.expect(page.locator("#result [data-testid=confidence]")).to_contain_text("确定")
    asked.to_have_text("Is there a green cube?")
    ask(page, "有几个球体？")
    asked.to_have_text("有几个球体？")
    asked.to_have_attribute("lang", "zh")
    answer = page.get_by_test_id("answer").inner_text()
    sync_api.expect(page.locator(".unseen[role=status]")).to_be_empty()
    # Screen readers heard each once.
    assert page.evaluate("told") == [
        ["Is there a green cube?", "yes"],
        ["有几个球体？", answer],
    ]


def test_what_speaks_for_a_candidate(visit):  # noqa: F811
    page = visit()
    upload(page, ROW)
    ask(page, "Is there a green cube?")
    expect(page, "answer").to_have_text("yes")
    caption = sync_api.expect(page.locator("#attention figcaption"))
    page.hover("[data-candidate='0']")
    caption.to_contain_text("What speaks for “yes”")
    caption.to_contain_text("Zeiler & Fergus")
    page.mouse.move(2, 2)
    caption.to_contain_text("Step 5 of 5")
    page.locator("[data-candidate='0']").focus()
    page.keyboard.press("Tab")  # by keyboard, to the second one
    caption.to_contain_text("What speaks for “no”")
    caption.to_contain_text("No single place")


def test_clicking_a_place(visit):  # noqa: F811
    page = visit()
    upload(page, ROW)
    image = page.locator("#picture img")

    def click(x, y):
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    click(0.2, 0.42)
    expect(page, "answer").to_have_text("a large blue rubber cube")
    ask(page, "And what material is it?")
    expect(page, "answer").to_have_text("rubber")
    expect(page, "meant").to_contain_text("blue")
    ask(page, "Describe the scene.")
    expect(page, "answer").to_contain_text("seven objects")
    page.locator(".place").last.focus()
    page.keyboard.press("Enter")
    expect(page, "answer").to_have_text("a small green metal cube")
    click(0.99, 0.01)
    sync_api.expect(page.get_by_role("alert")).to_contain_text("finds nothing at this place")


def test_two_questions_side_by_side(visit):  # noqa: F811
    page = visit()
    upload(page, ROW)
    page.get_by_role("button", name="Compare two questions").click()
    page.get_by_label("First question").fill("What color is the ball?")
    page.get_by_label("Second question").fill("Is there a red cube?")
    page.click("#compare-go")
    sides = page.get_by_test_id("compared")
    sync_api.expect(sides).to_have_count(2)
    sync_api.expect(sides.nth(0).get_by_test_id("answer")).to_have_text("yellow")
    sync_api.expect(sides.nth(1).get_by_test_id("answer")).to_have_text("no")
    sync_api.expect(sides.get_by_test_id("overlay")).to_have_count(2)
    left, right = (sides.nth(k).bounding_box() for k in (0, 1))
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    page.get_by_text("中文", exact=True).click()
    sync_api.expect(sides.nth(0)).to_contain_text("最可能的几个答案")
    page.get_by_label("第二个问题").fill("")
    page.click("#compare-go")
    sync_api.expect(page.get_by_role("alert")).to_contain_text("问题")


def test_gradio_s_own_words_follow_the_switch(visit):  # noqa: F811
    page = visit(locale="de-DE")
    footer = sync_api.expect(page.locator("footer"))
    footer.to_contain_text("Settings")  # the page has no German
    assert page.get_attribute("html", "lang") == "en"
    page.get_by_text("中文", exact=True).click()
    footer.to_contain_text("设置")
    sync_api.expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    tabs = page.get_by_role("tab").all_inner_texts()
    assert tabs and len(set(tabs)) == len(tabs)  # none is drawn twice
    page.get_by_text("English", exact=True).click()
    footer.to_contain_text("Settings")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_serious_barrier(visit, scheme, width):  # noqa: F811
    page = visit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    upload(page, EXAMPLES / "crowd.jpg")
    ask(page, "Describe the scene.")
    expect(page, "answer").to_contain_text("There are")
    page.locator("summary").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("#question textarea", "How many yellow cars are there?")
    expect(page, "guess").to_be_visible()
    page.press("#question textarea", "Enter")
    expect(page, "unknown").to_contain_text("cars")
    page.hover("[data-candidate='0']")
    sync_api.expect(page.locator("[data-evidence]")).to_be_visible()
    assert violations(page) == []
