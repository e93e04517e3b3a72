"""Replicas answer as one process does, and a replica that is killed takes no question with it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import FakePredictor, scene_picture
from test_predictor import QUESTIONS

from vqa import serving
from vqa.errors import BusyError, ImageError
from vqa.predictor import Request

httpx = pytest.importorskip("httpx")
pytest.importorskip("ray")
ROOT = Path(__file__).parent.parent
CLIENTS = 12
ROUNDS = int(os.environ.get("VQA_SCALE_ROUNDS", 4))  # questions of each client after the kill


@pytest.fixture(scope="module")
def files(pictures) -> list[bytes]:
    from PIL import Image

    found = []
    for picture in pictures:
        Image.fromarray(picture.pixels).save(stream := io.BytesIO(), "PNG")
        found.append(stream.getvalue())
    return found


@pytest.fixture(scope="module")
def expected(tiny_checkpoint, files) -> dict:
    """(picture, question) -> what one process says."""
    from vqa.routing import load_predictor

    predictor = load_predictor(tiny_checkpoint, "cpu")
    return {(k, q): predictor.ask(f, q) for k, f in enumerate(files) for q in QUESTIONS}


@contextmanager
def replicated(checkpoint: Path):
    """app.py with two replicas: (process, address, lines it has printed)."""
    command = ["app.py", "--checkpoint", checkpoint, "--replicas", "2", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = threading.Timer(280, process.kill)
    timer.start()
    lines: list[str] = []
    try:
        while not (lines and lines[-1].startswith("The page is at")):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
        yield process, lines[-1].split()[-1].rstrip("/"), lines
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        timer.cancel()


def replicas_of(pid: int) -> list[int]:
    """Process ids of the replicas below a process."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
            # "ray::SERVE_REPLICA::...:ServeReplica:..." at rest, "ray::ServeReplica:..." at work.
            title = (folder / "cmdline").read_bytes()
            if title.startswith(b"ray::") and b"ServeReplica:" in title:
                found.append(int(folder.name))
        except (OSError, IndexError):
            continue  # it has ended meanwhile

    def below(one: int) -> bool:
        while one and one != pid:
            one = parents.get(one, 0)
        return one == pid

    return [one for one in found if below(one)]


def kill_at_work(replica: int) -> None:
    """Kills a replica while it answers: stopped, it can be looked at before."""
    title = Path(f"/proc/{replica}/cmdline")
    for _ in range(2000):
        os.kill(replica, signal.SIGSTOP)
        if title.read_bytes().startswith(b"ray::ServeReplica:"):
            os.kill(replica, signal.SIGKILL)
            return
        os.kill(replica, signal.SIGCONT)
        time.sleep(0.01)
    pytest.fail("the replica was never seen at work")


def was_lost(lines: list[str]) -> bool:
    """Whether calls were lost with a replica, and asked again."""
    return any("a replica was lost" in line for line in lines)


def matches(body: dict, answer) -> bool:
    """Whether the API said what the answer says: names equal, numbers but for rounding."""
    told = answer.to_dict()
    close = pytest.approx([p for _, p in told["top"]], abs=1e-5)
    exact = ("answer", "kind", "sure", "words", "checkpoint", "unknown_words", "language")
    return (
        all(
            body[name] == (list(told[name]) if isinstance(told[name], tuple) else told[name])
            for name in exact
        )
        and [name for name, _ in body["top"]] == [name for name, _ in told["top"]]
        and [p for _, p in body["top"]] == close
        and body["familiarity"] == pytest.approx(told["familiarity"], abs=1e-5)
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the replicas in /proc")
def test_replicas_answer_as_one_process_and_one_killed_loses_nothing(
    tiny_checkpoint, files, expected
):
    pairs = list(expected)
    killed = threading.Event()
    answered = []

    def ask(client, pair):
        k, question = pair
        response = client.post(
            "/api/ask", files={"image": files[k]}, data={"question": question}, timeout=120
        )
        assert response.status_code == 200, response.text
        assert matches(response.json(), expected[pair]), pair
        answered.append(pair)

    def visitor(number: int, url: str) -> None:
        with httpx.Client(base_url=url) as client:
            turn, left = number, ROUNDS
            while left:
                left -= killed.is_set()
                ask(client, pairs[turn % len(pairs)])
                turn += 1

    with replicated(tiny_checkpoint) as (process, url, lines):
        with httpx.Client(base_url=url) as client, ThreadPoolExecutor(CLIENTS) as pool:
            assert "Ask a picture" in client.get("/").text
            broken = client.post("/api/ask", files={"image": b"x"}, data={"question": "Why?"})
            assert (broken.status_code, broken.json()["error"]["kind"]) == (422, "image")
            visitors = [pool.submit(visitor, number, url) for number in range(CLIENTS)]
            while len(set(answered)) < len(pairs) and not any(v.done() for v in visitors):
                time.sleep(0.05)
            for _ in range(5):
                first, second = replicas_of(process.pid)
                kill_at_work(first)
                while not (lost := was_lost(lines)) and len(replicas_of(process.pid)) < 2:
                    time.sleep(0.2)  # Ray gave its calls to the other one by itself
                if lost:
                    break
            killed.set()
            for one in visitors:
                one.result()
        assert len(answered) >= len(pairs) + CLIENTS * ROUNDS
        assert was_lost(lines), "nothing was under way in any that was killed"
        while len(left := replicas_of(process.pid)) < 2:  # the timer ends it
            time.sleep(0.2)
        assert second in left and first not in left
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0 and not replicas_of(process.pid)
    assert not [pid for pid in left if Path(f"/proc/{pid}").exists()]


class Handle:
    """Stands for Ray's: each call meets the next of `replies`; the last one stays."""

    def __init__(self, *replies) -> None:
        self.replies, self.calls = list(replies), []
        self.ask = self.evidence = self

    def remote(self, call):
        self.calls.append(call)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

        def result(timeout_s):
            if isinstance(reply, type):
                raise reply()
            return reply

        return SimpleNamespace(result=result)


@pytest.fixture
def fleet_of():
    from vqa.scale.ray_app import Fleet

    return lambda *replies, patience=5.0: Fleet(Handle(*replies), FakePredictor(), 4, patience)


def test_a_lost_call_is_made_again_and_given_up_in_time(fleet_of):
    from ray.exceptions import ActorDiedError

    found = fleet_of(ActorDiedError, ActorDiedError, ["answer"])
    assert found.ask_batch([Request(b"a", "q")]) == ["answer"] and len(found._handle.calls) == 3
    for lost in (ActorDiedError, TimeoutError):
        begin = time.monotonic()
        with pytest.raises(BusyError):
            fleet_of(lost, patience=0.3).ask_batch([Request(b"a", "q")])
        assert time.monotonic() - begin < 2


def test_a_path_is_opened_before_it_travels(fleet_of, tmp_path):
    scene_picture().save(tmp_path / "a.png")
    found = fleet_of("evidence")
    assert found.evidence(Request(str(tmp_path / "a.png"), "q")) == "evidence"
    assert found._handle.calls[0].requests[0].image.image.size == (320, 240)


def test_errors_of_a_replica_are_raised_and_bugs_not_repeated(fleet_of):
    with pytest.raises(ImageError, match="unreadable"):
        fleet_of(ImageError("unreadable")).ask_batch([Request(b"a", "q")])
    found = fleet_of(ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        found.ask_batch([Request(b"a", "q")])
    assert len(found._handle.calls) == 1


def test_calls_taken_together_fail_alone(tiny_checkpoint, files):
    from vqa.scale.replica import Call, Replica

    # What Ray calls; the rest of a replica wants a running Serve.
    replica = Replica(str(tiny_checkpoint), "cpu", 32, 1)
    calls = [
        Call((Request(files[0], QUESTIONS[0]), Request(files[1], QUESTIONS[3])), 5, "auto"),
        Call((Request(b"none", QUESTIONS[0]),), 5, "auto"),
        Call((Request(files[1], QUESTIONS[3]),), 2, "auto"),
        Call((Request(files[2], QUESTIONS[1]),), 5, "auto"),
    ]
    pair, error, short, single = replica._answer(calls)
    assert isinstance(error, ImageError)
    evidence = replica._evidence(calls[3])
    assert len(evidence.weights) == 5 and isinstance(replica._evidence(calls[1]), ImageError)
    assert len(pair) == 2 and len(short[0].top) == 2 and len(single) == 1
    assert short[0].answer == pair[1].answer and short[0].language == "zh"


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--replicas", "3-2"], "'3-2' is no number of replicas"),
        (["--replicas", "0"], "'0' is no number of replicas"),
        (["--ray", "auto"], "say how many with --replicas"),
        (["--replicas", "2", "--device", "cuda:1"], "not on 'cuda:1'"),
        (["--replicas", "2", "--ray", "127.0.0.1:1"], "no Ray cluster at '127.0.0.1:1'"),
    ],
)
def test_wrong_options_are_one_line(flags, said, capsys, tiny_checkpoint):
    arguments = ["--port", "0", "--checkpoint", str(tiny_checkpoint), *flags]
    try:
        code = serving.main(arguments)
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err.strip()
    assert code == 2 and said in error and "\n" not in error


def test_what_ray_leaves_of_a_failed_start_is_ended(tiny_checkpoint, monkeypatch, capsys):
    from vqa.scale import ray_app

    begun = []

    def init(*_, **__):
        begun.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]))
        raise Exception("The node timed out. This could be of many causes.\nLine two.")

    monkeypatch.setattr(ray_app.ray, "init", init)
    try:
        arguments = ["--port", "0", "--checkpoint", str(tiny_checkpoint), "--replicas", "1"]
        assert serving.main(arguments) == 2
        error = capsys.readouterr().err.strip()
        assert "not start on this machine (The node timed out); free" in error
        assert "\n" not in error
        assert len(begun) > 1 and all(one.poll() is not None for one in begun)
    finally:
        for one in begun:
            one.kill()


def test_without_ray_the_remedy_is_told(monkeypatch, capsys):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    assert serving.main(["--replicas", "2", "--port", "0"]) == 2
    assert "pip install -r requirements-scale.txt" in capsys.readouterr().err


def test_scene_picture_travels():
    """A decoded picture goes to a replica by pickle; see `vqa.batching`."""
    import pickle

    from vqa.predictor import open_picture

    picture = open_picture(scene_picture())
    assert pickle.loads(pickle.dumps(picture)).image.tobytes() == picture.image.tobytes()
