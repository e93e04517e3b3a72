"""Questions that arrive together are asked together, and nobody gets another's answer."""

from __future__ import annotations

import gc
import io
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import monotonic, sleep

import pytest
import torch
from fakes import FakePredictor, scene_picture
from PIL import Image
from test_predictor import QUESTIONS, same

from vqa.batching import Batcher
from vqa.errors import (
    BusyError,
    CheckpointError,
    ConfigError,
    ImageError,
    QuestionError,
    StoppingError,
)
from vqa.pictures import Picture, PictureFile, open_picture
from vqa.predictor import Request
from vqa.routing import Router, load_predictor

QUESTION = "Is there a ball?"


class Watched(FakePredictor):
    """Notes what it is asked; waits with its answers while `go` is not set."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.images: list[object] = []
        self.known: set[bytes] = set()
        self.go = threading.Event()
        self.go.set()
        self.asked = threading.Event()

    def knows(self, request) -> bool:
        return request.image.data in self.known

    def ask_batch(self, requests, top_k=5):
        self.calls.append([r.question for r in requests])
        self.images += [r.image for r in requests]
        self.asked.set()
        assert self.go.wait(20)
        if "boom" in requests[0].question:
            raise RuntimeError(requests[0].question)
        return super().ask_batch(requests, top_k)


@pytest.fixture
def watched():
    return Watched()


@pytest.fixture
def batched(watched):
    """Makes batchers around `watched`, closed at the end."""
    made = []

    def make(**options) -> Batcher:
        made.append(Batcher(watched, **options))
        return made[-1]

    yield make
    watched.go.set()
    for batcher in made:
        batcher.close(5)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(80) as pool:
        yield pool


def hold(batcher, watched, threads):
    """Keeps the batcher busy with one question, until `watched.go` is set."""
    watched.go.clear()
    watched.asked.clear()
    held = threads.submit(batcher.ask, scene_picture(), QUESTION)
    assert watched.asked.wait(10)
    return held


def until(true, seconds: float = 10.0) -> None:
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, "waited in vain"
        sleep(0.005)


def numbered(k: int) -> str:
    return "Is there a ball" + "?" * (k + 1)


def png(shade: int = 0, size=(32, 24)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, 90, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_arrives_within_the_deadline_is_one_batch(batched, watched, threads):
    batcher = batched(wait_ms=1500, most=10, askers=2)
    held = hold(batcher, watched, threads)
    begin = monotonic()
    found = [threads.submit(batcher.ask, scene_picture(), numbered(k)) for k in range(10)]
    until(lambda: len(watched.calls) == 2)
    assert monotonic() - begin < 1.4, "a full batch waits no longer"
    watched.go.set()
    assert [f.result(10).why for f in found] == [f"{numbered(k)} Why?" for k in range(10)]
    assert held.result(10).answer == "2"
    assert [len(call) for call in watched.calls] == [1, 10]
    assert batcher.load().sizes == {1: 1, 10: 1}


def test_a_question_waits_for_others_only_beside_another_batch(batched, watched, threads):
    batcher = batched(wait_ms=300, askers=2)
    lone = batcher.ask(scene_picture(), QUESTION)
    assert lone.answer == "2" and lone.elapsed_ms < 250, "an idle machine waits for nobody"
    hold(batcher, watched, threads)
    begin = monotonic()
    beside = threads.submit(batcher.ask, scene_picture(), QUESTION)
    until(lambda: len(watched.calls) == 3)
    assert monotonic() - begin >= 0.29
    watched.go.set()
    assert beside.result(10).elapsed_ms >= 290, "waiting is part of the time"


def test_who_waits_for_others_stops_when_the_other_batch_ends(batched, watched, threads):
    batcher = batched(wait_ms=9000, askers=2)
    hold(batcher, watched, threads)
    waiting = threads.submit(batcher.ask, scene_picture(), QUESTION)
    until(lambda: batcher.load().waiting == 2)
    sleep(0.2)
    assert len(watched.calls) == 1
    watched.go.set()
    assert waiting.result(5).elapsed_ms < 5000


def test_batches_side_by_side_share_the_cores(batched, watched, threads):
    used, own = [], torch.get_num_threads()
    answer = watched.ask_batch

    def noting(requests, top_k=5):
        used.append(torch.get_num_threads())
        return answer(requests, top_k)

    watched.ask_batch = noting
    batcher = batched(wait_ms=0, askers=2, cores=4)
    try:
        hold(batcher, watched, threads)
        beside = threads.submit(batcher.ask, scene_picture(), QUESTION)
        until(lambda: len(used) == 2)
        watched.go.set()
        beside.result(10)
        sleep(0.2)  # it is answered a moment before its batch ends
        batcher.ask(scene_picture(), QUESTION)
    finally:
        torch.set_num_threads(own)
    assert used[:2] == [4, 2], "a lone batch has all, two have half each"
    assert used[2] == 4


def test_what_arrives_during_a_batch_is_the_next_one(batched, watched, threads):
    batcher = batched(most=8)
    held = hold(batcher, watched, threads)
    found = [threads.submit(batcher.ask, scene_picture(), numbered(k)) for k in range(20)]
    until(lambda: batcher.load().waiting == 21)
    sleep(0.2)
    watched.go.set()
    assert [f.result(10).why for f in found] == [f"{numbered(k)} Why?" for k in range(20)]
    assert held.result(10).answer == "2"
    assert [len(call) for call in watched.calls] == [1, 8, 8, 4]
    load = batcher.load()
    assert load.sizes == {1: 1, 8: 2, 4: 1} and load.waiting == 0 and load.waited > 0


def test_several_askers_have_batches_under_way_side_by_side(batched, watched, threads):
    batcher = batched(wait_ms=0, most=4, askers=3)
    watched.go.clear()
    found = []
    for k in range(3):
        found.append(threads.submit(batcher.ask, scene_picture(), numbered(k)))
        until(lambda k=k: len(watched.calls) == k + 1)
    found += [threads.submit(batcher.ask, scene_picture(), numbered(k)) for k in range(3, 40)]
    until(lambda: batcher.load().waiting == 40)
    assert len(watched.calls) == 3, "a fourth batch waits for an asker"
    closing = threads.submit(batcher.close, 10)
    watched.go.set()
    assert [f.result(10).why for f in found] == [f"{numbered(k)} Why?" for k in range(40)]
    assert closing.result(10) and not batcher.open
    assert sum(map(len, watched.calls)) == 40 and max(map(len, watched.calls)) <= 4


def test_askers_that_wait_for_the_same_batch_both_go_on(batched, watched, threads):
    batcher = batched(wait_ms=60, most=8, askers=3)
    for turn in range(3):
        found = [threads.submit(batcher.ask, scene_picture(), numbered(k)) for k in range(4)]
        assert [f.result(10).why for f in found] == [f"{numbered(k)} Why?" for k in range(4)]
        assert batcher.open, turn
    assert all(worker.is_alive() for worker in batcher._workers)


def test_different_wishes_are_asked_apart(batched, watched, threads):
    batcher = batched()
    hold(batcher, watched, threads)
    found = [threads.submit(batcher.ask, scene_picture(), QUESTION, k % 2 + 1) for k in range(6)]
    until(lambda: batcher.load().waiting == 7)
    sleep(0.2)
    watched.go.set()
    assert [len(f.result(10).top) for f in found] == [1, 2] * 3
    assert [len(call) for call in watched.calls] == [1, 3, 3]


def test_a_question_that_cannot_be_answered_fails_alone(batched, watched, threads):
    batcher = batched()
    hold(batcher, watched, threads)
    bad = {3: "", 11: "zxqj wvut"}
    found = [
        threads.submit(batcher.ask, scene_picture(), bad.get(k, numbered(k))) for k in range(16)
    ]
    until(lambda: batcher.load().waiting == 17)
    sleep(0.2)
    watched.go.set()
    for k, one in enumerate(found):
        if k in bad:
            assert isinstance(one.exception(10), QuestionError)
        else:
            assert one.result(10).why == f"{numbered(k)} Why?"
    assert "empty" in str(found[3].exception()) and "zxqj" in str(found[11].exception())
    assert len(watched.calls) <= 2 + 2 * 2 * 4


def test_a_bug_is_told_to_its_batch_and_logged_without_what_was_asked(batched, caplog):
    batcher = batched()
    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError):
        batcher.ask(scene_picture(), "boom, a ball")
    assert "a batch of 1 failed: RuntimeError" in caplog.text and __file__ in caplog.text
    assert "ball" not in caplog.text
    assert batcher.ask(scene_picture(), QUESTION).answer == "2", "and goes on"


def test_beyond_the_waiting_line_it_is_busy(batched, watched, threads):
    batcher = batched(waiting=3)
    hold(batcher, watched, threads)
    waiting = [threads.submit(batcher.ask, scene_picture(), QUESTION) for _ in range(2)]
    until(lambda: batcher.load().waiting == 3)
    with pytest.raises(BusyError, match=r"busy; try again in \d+ s") as caught:
        batcher.ask(scene_picture(), QUESTION)
    assert 1 <= caught.value.retry_after <= 60
    assert "请 1 秒后再试" in caught.value.sentence("zh")
    watched.go.set()
    assert [w.result(10).answer for w in waiting] == ["2", "2"]
    assert batcher.load().refused == 1
    assert len(batcher.ask_batch([Request(scene_picture(), QUESTION)] * 3)) == 3
    with pytest.raises(ConfigError, match="4 questions at once"):
        batcher.ask_batch([Request(scene_picture(), QUESTION)] * 4)


def test_what_waits_is_bounded_in_memory(batched, watched, threads):
    batcher = batched(pixel_bytes=10_000)
    large = Image.new("RGB", (100, 100))
    assert batcher.ask(large, QUESTION).answer == "2", "one is always taken"
    held = hold(batcher, watched, threads)
    with pytest.raises(BusyError):
        batcher.ask(large, QUESTION)
    watched.go.set()
    held.result(10)
    assert batcher.ask(large, QUESTION).answer == "2"


def test_no_picture_outlives_its_reply(monkeypatch):
    """Not even until the garbage collector comes: a few large ones would fill the memory."""
    opened = []

    def noted(source):
        picture = open_picture(source)
        opened.append(weakref.ref(picture.image))
        return picture

    monkeypatch.setattr("vqa.batching.open_picture", noted)
    batcher = Batcher(FakePredictor())
    gc.disable()
    try:
        for question in (QUESTION, ""):
            batcher.ask_each([Request(png(), question)])
            until(lambda: opened[-1]() is None)
        assert len(opened) == 2
    finally:
        gc.enable()
        batcher.close(5)


def test_one_picture_of_many_questions_is_opened_and_counted_once(batched, watched):
    file = png(size=(50, 50))
    found = batched(pixel_bytes=50 * 50 * 4).ask_batch([Request(file, QUESTION)] * 5)
    assert len(found) == 5 and len({id(image) for image in watched.images}) == 1


def test_pictures_are_opened_before_they_stand_in_line(batched, watched):
    batcher = batched()
    with pytest.raises(ImageError):
        batcher.ask(b"no picture", QUESTION)
    assert not watched.calls and batcher.load().waiting == 0
    watched.known.add(png(1))
    batcher.ask(png(1), QUESTION)
    batcher.ask(png(2), QUESTION)
    assert isinstance(watched.images[0], PictureFile), "seen lately: not decoded again"
    assert isinstance(watched.images[1], Picture)


def test_each_question_of_a_call_has_its_own_error(batched):
    requests = [
        Request(scene_picture(), QUESTION),
        Request(b"no picture", QUESTION),
        Request(scene_picture(), ""),
        Request(scene_picture(), numbered(3)),
    ]
    batcher = batched()
    found = batcher.ask_each(requests)
    assert [type(f).__name__ for f in found] == ["Answer", "ImageError", "QuestionError", "Answer"]
    with pytest.raises(ImageError):
        batcher.ask_batch(requests)
    assert batcher.ask_each([]) == []


def test_closing_answers_what_was_accepted(batched, watched, threads):
    batcher = batched(most=4)
    held = hold(batcher, watched, threads)
    found = [threads.submit(batcher.ask, scene_picture(), numbered(k)) for k in range(20)]
    until(lambda: batcher.load().waiting == 21)
    closing = threads.submit(batcher.close, 20)
    until(lambda: not batcher.open)
    with pytest.raises(StoppingError):
        batcher.ask(scene_picture(), QUESTION)
    watched.go.set()
    assert closing.result(20) is True
    assert [f.result(1).why for f in found] == [f"{numbered(k)} Why?" for k in range(20)]
    assert held.result(1).answer == "2" and batcher.load().waiting == 0


def test_closing_waits_no_longer_than_told(batched, watched, threads):
    batcher = batched()
    held = hold(batcher, watched, threads)
    found = threads.submit(batcher.ask, scene_picture(), QUESTION)
    until(lambda: batcher.load().waiting == 2)
    assert batcher.close(0.2) is False
    for one in (held, found):
        with pytest.raises(StoppingError):
            one.result(5)


def test_64_threads_get_their_own_answers(tiny_checkpoint, pictures):
    """Not those of others, in batches of whatever size come about."""
    files = [png_of(p.pixels) for p in pictures]
    pairs = [(file, question) for file in files for question in QUESTIONS]
    alone = load_predictor(tiny_checkpoint, "cpu")
    expected = [alone.ask(*pair) for pair in pairs]
    for k, one in enumerate(expected):
        assert not any(same(one, other) for other in expected[:k]), "a mix-up would go unseen"
    batcher = Batcher(load_predictor(tiny_checkpoint, "cpu"))

    def work(thread: int) -> int:
        order = Random(thread).sample(range(len(pairs)), 10)
        return sum(same(batcher.ask(*pairs[k]), expected[k]) for k in order)

    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(work, range(64))) == [10] * 64
    assert batcher.close()
    sizes = batcher.load().sizes
    assert sum(size * n for size, n in sizes.items()) == 640
    assert sum(sizes.values()) < 320 and batcher.load().cached_bytes > 0


def png_of(pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_router_is_asked_as_it_would_be_alone(tiny_checkpoint, pictures):
    predictors = {name: load_predictor(tiny_checkpoint, "cpu") for name in ("one", "two")}
    router = Router(predictors)
    batcher = Batcher(router, wait_ms=0)
    assert batcher.choices == ("one", "two") and batcher.card == router.card
    image = Image.fromarray(pictures[0].pixels)
    for chosen in ("auto", "two"):
        answer = batcher.ask(image, QUESTIONS[0], 3, chosen)
        assert same(answer, router.ask(image, QUESTIONS[0], 3, chosen))
    with pytest.raises(CheckpointError, match="auto, one, two"):
        batcher.ask(image, QUESTIONS[0], checkpoint="three")
    single = Batcher(predictors["one"], wait_ms=0)
    assert same(single.ask(image, QUESTIONS[0], checkpoint="tiny"), single.ask(image, QUESTIONS[0]))
    with pytest.raises(CheckpointError, match="auto, tiny"):
        single.ask(image, QUESTIONS[0], checkpoint="one")
    for top_k in (0, True, [1], None):
        with pytest.raises(ConfigError, match="top_k"):
            batcher.ask(image, QUESTIONS[0], top_k)
    assert batcher.close() and single.close()
