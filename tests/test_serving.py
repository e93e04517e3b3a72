"""The whole service as a process: page and API on one port, login, and how it stops."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import scene_picture

httpx = pytest.importorskip("httpx")
ROOT = Path(__file__).parent.parent
QUESTION = "How many red things are there?"


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("pictures") / "scene.png"
    scene_picture().save(path)
    return path.read_bytes()


@contextmanager
def serving(*command: str):
    """A server that prints its address in the first line: (process, address)."""
    process = subprocess.Popen(
        [sys.executable, *command, "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        yield process, process.stdout.readline().split()[-1].rstrip("/")
    finally:
        process.kill()
        process.communicate()
        timer.cancel()


def ask(url: str, picture: bytes, client=httpx, **options):
    return client.post(
        f"{url}/api/ask",
        files={"image": picture},
        data={"question": QUESTION},
        timeout=60,
        **options,
    )


@pytest.mark.slow
def test_page_and_api_share_port_and_login(tmp_path, picture):
    with serving("tests/fakes.py", str(tmp_path), "--auth", "me:pass") as (process, url):
        assert httpx.get(f"{url}/").headers["content-type"].startswith("text/html")
        assert httpx.get(f"{url}/gradio_api/info").status_code == 401
        assert ask(url, picture).status_code == 401
        assert ask(url, picture, auth=("me", "pass")).json()["answer"] == "2"
        assert httpx.get(f"{url}/readyz").json() == {"status": "ready"}
        elsewhere = {"Origin": "http://other.example", "Host": "vqa.example"}
        for path in ("/readyz", "/api/openapi.json"):
            headers = httpx.get(f"{url}{path}", headers=elsewhere, auth=("me", "pass")).headers
            assert not [name for name in headers if "access-control" in name]
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0 and rest.strip() == "Stopped."


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="holds the server up by a signal")
def test_connections_outlast_a_rest_and_a_server_that_was_held_up(tmp_path):
    with serving("tests/fakes.py", str(tmp_path)) as (process, url):
        address = url.removeprefix("http://")
        resting, asking = (http.client.HTTPConnection(address, timeout=60) for _ in range(2))

        def ready(connection) -> int:
            response = connection.getresponse()
            response.read()
            return response.status

        for connection in (resting, asking):
            connection.request("GET", "/readyz")
            assert ready(connection) == 200
        kept = resting.sock, asking.sock
        process.send_signal(signal.SIGSTOP)
        asking.request("GET", "/readyz")
        time.sleep(5.5)  # uvicorn itself would close both
        process.send_signal(signal.SIGCONT)
        assert ready(asking) == 200
        resting.request("GET", "/readyz")
        assert ready(resting) == 200 and (resting.sock, asking.sock) == kept
        # It keeps nobody from stopping.
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[0].strip() == "Stopped."


@pytest.mark.slow
@pytest.mark.parametrize("start", [["app.py"], ["-m", "vqa", "serve"]])
def test_stopping_under_load_answers_all_that_was_accepted(start, tiny_checkpoint, picture):
    command = [*start, "--checkpoint", str(tiny_checkpoint), "--device", "cpu"]
    outcomes: list[int] = []
    told = threading.Event()

    def keep_asking(url: str) -> None:
        # A connection of its own each time: a kept one may be closed at any moment.
        client = httpx.Client(headers={"Connection": "close"})
        while True:
            early = not told.is_set()
            try:
                response = ask(url, picture, client)
            except httpx.TransportError:
                assert not early, "one that came before the signal was left without an answer"
                return
            outcomes.append(response.status_code)
            assert response.status_code in (200, 503)
            assert response.status_code == 503 or response.json()["checkpoint"] == "tiny"

    with serving(*command) as (process, url), ThreadPoolExecutor(16) as pool:
        assert "Ask a picture" in httpx.get(f"{url}/").text
        clients = [pool.submit(keep_asking, url) for _ in range(16)]
        while outcomes.count(200) < 50:
            time.sleep(0.05)
        told.set()
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=60)[0]
        for client in clients:
            client.result()
    assert process.returncode == 0 and rest.strip() == "Stopped."
