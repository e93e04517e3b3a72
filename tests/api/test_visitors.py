"""What is kept of visitors: little, and not for ever."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from types import SimpleNamespace

import pytest
from fakes import FakePredictor

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
pytest.importorskip("gradio")


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def page():
    from vqa.page.layout import CheckpointInfo, build_page

    return build_page(FakePredictor(), CheckpointInfo("fake"))


@pytest.fixture
def visitors(page):
    from vqa.api.visitors import Visitors

    found = Visitors()
    found.set_blocks(page)
    return found


def test_a_session_takes_little(page, visitors):
    event = next(event for event in page.fns.values() if event.api_name == "ask")
    data = [None, "long " * 10_000, 5, "auto"]

    async def called(name: str) -> None:
        await page.preprocess_data(event, list(data), visitors[name])

    asyncio.run(called("first"))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(30):
        asyncio.run(called(f"s{number}"))
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / 30
    tracemalloc.stop()
    assert each < 20_000, "Gradio's own takes 110 kB, and what was sent"


def test_a_session_keeps_its_state_and_its_changed_components(page, visitors):
    state = next(block for block in page.blocks.values() if block.get_block_name() == "state")
    box = next(block for block in page.blocks.values() if block.get_block_name() == "textbox")
    visitors["a"][state._id] = ["asked"]
    visitors["a"][box._id] = type(box)(label="changed", render=False)
    assert visitors["a"][state._id] == ["asked"] and visitors["b"][state._id] is None
    assert visitors["a"][box._id].label == "changed" and visitors["b"][box._id] is box


def test_answers_never_fetched_and_names_of_sessions_go(page):
    from vqa.api.visitors import IDLE_SECONDS, Tidying

    clock, queue = Clock(), page._queue
    tidying = Tidying(page, clock)

    def asks(name: str, running: bool) -> None:
        queue.pending_messages_per_session[name] = asyncio.Queue()
        queue.pending_event_ids_session[name] = {name}
        if running:
            queue.event_ids_to_events[name] = SimpleNamespace(session_hash=name)

    asks("idle", False)
    asks("running", True)
    tidying.once()
    clock.time = IDLE_SECONDS - 1
    asks("new", False)
    tidying.once()
    assert set(queue.pending_event_ids_session) == {"idle", "running", "new"}
    clock.time = IDLE_SECONDS
    tidying.once()
    left = {"running", "new"}
    assert set(queue.pending_messages_per_session) == set(queue.pending_event_ids_session) == left
    del queue.event_ids_to_events["running"]
    clock.time += 1
    tidying.once()
    assert "running" in queue.pending_messages_per_session, "idle from now on, not from the start"


def test_names_of_uploads_go(page):
    from gradio.routes import file_upload_statuses

    from vqa.api.visitors import IDLE_SECONDS, Tidying

    clock = Clock()
    tidying = Tidying(page, clock)
    page.upload_file_set.add("/tmp/a.png")
    file_upload_statuses.set_done("mine")
    assert "mine" in file_upload_statuses._signals
    tidying.once()
    assert not page.upload_file_set and "mine" in file_upload_statuses._statuses
    clock.time = IDLE_SECONDS
    tidying.once()
    assert "mine" not in file_upload_statuses._signals | file_upload_statuses._statuses
