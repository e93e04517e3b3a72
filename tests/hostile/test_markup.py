"""Markup never runs in the page, wherever it comes from; in Debian's Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes import scene_picture

from hostile.marked import MARKUP

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture
def url(tmp_path):
    tests = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    process = subprocess.Popen(
        [sys.executable, "tests/hostile/marked.py", str(tmp_path / "examples"), "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": tests},
        stdout=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    yield re.search(r"http\S+", process.stdout.readline())[0]
    process.kill()
    process.communicate()
    timer.cancel()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_markup_is_shown_and_never_runs(url, tmp_path):
    # A name may hold no "/"; the rest is as hostile as above.
    picture = tmp_path / (MARKUP.replace("/", "") + ".png")
    scene_picture().save(picture)
    damaged = tmp_path / ("damaged " + picture.name)
    damaged.write_bytes(b"no picture")
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.set_default_timeout(40_000)
        refused = []
        page.on("response", lambda r: r.status >= 400 and refused.append((r.status, r.url)))
        page.goto(url, timeout=90_000)
        page.set_input_files("#picture input[type=file]", picture)
        page.wait_for_selector("#picture img")
        for _ in range(2):  # the first question stands below the second answer
            page.fill("#question textarea", "Is there a ball " + MARKUP)
            page.press("#question textarea", "Enter")
            sync_api.expect(page.get_by_test_id("answer").first).to_contain_text(MARKUP)
        page.wait_for_selector("[data-testid=earlier]")
        shown = page.inner_text("body")
        for part in ("said ", "unknown ", "repaired ", "card "):
            assert part + MARKUP in shown, part
        # The frame's own markup must not have taken in the visitor's.
        assert page.locator("img[src=x], script:text('window.ran')").count() == 0
        assert page.evaluate("window.ran") is None
        assert not refused, "the page asks for more than its gate lets through"
        page.set_input_files("#picture input[type=file]", [])
        page.get_by_label("Remove Image").click()
        with page.expect_response("**/gradio_api/queue/join*"):  # another picture clears the page
            page.set_input_files("#picture input[type=file]", damaged)
        page.wait_for_timeout(1000)
        page.press("#question textarea", "Enter")
        sync_api.expect(page.get_by_role("alert")).to_contain_text("damaged")
        assert page.evaluate("window.ran") is None
        page.screenshot(path=os.environ.get("VQA_SHOT", str(tmp_path / "shot.png")))
        browser.close()
