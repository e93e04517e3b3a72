"""What SECURITY.md promises of a running server."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fakes import scene_picture

from vqa.api.attempts import Allowance, Attempts
from vqa.api.discretion import _Discreet, sweep_uploads
from vqa.api.gate import ApiLimits
from vqa.api.page_gate import PageGate

httpx = pytest.importorskip("httpx")
ROOT = Path(__file__).parent.parent
LOGIN = ("me", "pass")
CANARY = "the-canary-sings"


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a login: (address, process, folder for temporary files, log)."""
    folder = tmp_path_factory.mktemp("safety")
    (folder / "tmp").mkdir()
    (folder / "canary.txt").write_text(CANARY)
    command = ["tests/fakes.py", str(folder / "examples"), "--port", "0", "--auth", "me:pass"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--max-upload", "100kb"],
            cwd=ROOT,
            # Were it heeded, anybody could read the canary.
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}
            | {"GRADIO_ALLOWED_PATHS": str(folder)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    timer = threading.Timer(120, process.kill)
    timer.start()
    yield process.stdout.readline().split()[-1].rstrip("/"), process, folder / "tmp", folder / "log"
    process.kill()
    process.communicate()
    timer.cancel()


@pytest.fixture(scope="module")
def visitor(server):
    """Who has logged in on the page."""
    client = httpx.Client(base_url=server[0], timeout=60)
    data = {"username": LOGIN[0], "password": LOGIN[1]}
    assert client.post("/login", data=data).status_code == 200
    return client


def picture() -> bytes:
    import io

    buffer = io.BytesIO()
    scene_picture().save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.slow
def test_the_login_stands_before_everything(server):
    for path in ("gradio_api/info", "config", "gradio_api/file=/etc/passwd", "metrics"):
        assert httpx.get(f"{server[0]}/{path}").status_code == 401, path
    for path in ("gradio_api/upload", "api/ask"):
        reply = httpx.post(f"{server[0]}/{path}", files={"files": b"x"})
        assert reply.status_code == 401, path
    reply = httpx.post(f"{server[0]}/gradio_api/call/ask", json={"data": [None, "a", 5, "auto"]})
    assert reply.status_code == 401


@pytest.mark.slow
def test_other_websites_neither_read_nor_ask(server, visitor):
    # As if the page were public: Gradio would let every site read there.
    headers = {"Origin": "http://other.example", "Host": "vqa.example"}
    for path in ("/", "/config", "/gradio_api/info", "/api/openapi.json"):
        found = visitor.get(path, headers=headers, auth=LOGIN)
        assert found.status_code == 200
        assert not [name for name in found.headers if "access-control" in name]
    # Over plain HTTP browsers name the origin alone, of a site or of a file ("null").
    for told in ({"Sec-Fetch-Site": "cross-site"}, {}, {"Origin": "null"}):
        for path in ("/gradio_api/upload", "/api/ask"):
            sent = {"headers": headers | told, "files": {"files": b"x", "image": b"x"}}
            assert visitor.post(path, **sent, auth=LOGIN).status_code == 403, told
    own = {"Origin": "http://vqa.example:80"}
    for told in ({"Host": "vqa.example:80"}, {"X-Forwarded-Host": "vqa.example:80"}):
        sent = {"headers": own | told, "files": {"image": b"x"}, "data": {"question": "Is it?"}}
        assert visitor.post("/api/ask", **sent, auth=LOGIN).status_code == 422, told
    # What a browser sends without asking first is no JSON.
    plain = {"Content-Type": "text/plain"}
    body = '{"data": [null, "a", 5, "auto"]}'
    assert visitor.post("/gradio_api/call/ask", headers=plain, content=body).status_code == 415


@pytest.mark.slow
def test_headers_keep_the_page_to_itself(visitor):
    headers = visitor.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["permissions-policy"] == "camera=(self), microphone=(self)"


@pytest.mark.slow
def test_only_the_page_s_own_doors_are_open(visitor):
    for path in ("proxy=http://127.0.0.1", "runs", "vibe-code", "stream/a", "component_server"):
        assert visitor.get(f"/gradio_api/{path}").status_code == 404, path
    assert visitor.get("/monitoring").status_code == 404
    for place in ("http://127.0.0.1/a", "file:///etc/passwd", "app.py", "../app.py"):
        assert visitor.get(f"/gradio_api/file={place}").status_code == 403, place
    assert visitor.put("/").status_code == 405


@pytest.mark.slow
def test_uploads_are_private_bounded_and_gone_at_the_end(server, visitor):
    url, process, tmp, log = server
    found = visitor.post("/gradio_api/upload", files={"files": ("../../a.png", picture())})
    stored = Path(found.json()[0])
    (folder,) = (part for part in tmp.iterdir() if stored.is_relative_to(part))
    assert stored.is_file() and stored.is_relative_to(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert visitor.get(f"/gradio_api/file={stored}").content == picture()
    assert httpx.get(f"{url}/gradio_api/file={stored}").status_code == 401
    assert visitor.get(f"/gradio_api/file={tmp.parent}/canary.txt").status_code == 403
    large = {"files": ("a.png", b"\0" * 600_000)}
    assert visitor.post("/gradio_api/upload", files=large).status_code == 413

    files, question = {"image": ("qzname.png", picture())}, "Is there a qzmark ball?"
    for asked in (question, "boom " + question):
        visitor.post("/api/ask", files=files, data={"question": asked}, auth=LOGIN)
        data = [{"path": str(stored), "meta": {"_type": "gradio.FileData"}}, asked, 5, "auto"]
        event = visitor.post("/gradio_api/call/ask", json={"data": data}).json()["event_id"]
        assert "event: " in visitor.get(f"/gradio_api/call/ask/{event}").text
    said = log.read_text()
    assert "RuntimeError" in said, "the bug must be in the log"
    assert "qzmark" not in said and "qzname" not in said

    for _ in range(21):
        wrong = httpx.post(f"{url}/login", data={"username": "me", "password": "x"})
    assert wrong.status_code == 429 and int(wrong.headers["retry-after"]) > 0
    locked = httpx.get(f"{url}/metrics", auth=("me", "x"))
    assert locked.status_code == 429
    for said in (wrong, locked):
        assert "wrong passwords; try again in" in said.json()["error"]["message"]
    assert visitor.get("/config").status_code == 200, "who is logged in stays"

    other = tmp / "vqa-uploads-of-another-server"
    other.mkdir()
    (other / "a.png").write_bytes(picture())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert list(tmp.rglob("*")) == [other, other / "a.png"]


def test_old_uploads_go_also_those_of_a_killed_server(tmp_path):
    mine, dead, other = (tmp_path / f"vqa-uploads-{name}" for name in ("a", "b", "c"))
    old = time.time() - 3700
    for folder in (mine, dead):
        (folder / "x").mkdir(parents=True)
        (folder / "x" / "old.png").write_bytes(b"1")
        os.utime(folder / "x" / "old.png", (old, old))
    (mine / "x" / "new.png").write_bytes(b"1")
    (tmp_path / "canary").write_text("stays")
    os.utime(tmp_path / "canary", (old, old))
    other.symlink_to(tmp_path)
    (mine / "link").symlink_to(tmp_path / "canary")
    assert sweep_uploads(mine) == 2
    assert [path.name for path in mine.rglob("*.png")] == ["new.png"]
    for path in (dead / "x", dead):
        if path.exists():
            os.utime(path, (old, old))
    sweep_uploads(mine)
    assert not (dead / "x").exists() and (tmp_path / "canary").exists()


def test_wrong_passwords_wait():
    clock = Clock()
    attempts = Attempts(3, 60, clock)
    for second in range(3):
        assert attempts.wait("a") == 0
        clock.time = second
        attempts.wrong("a")
    assert attempts.wait("a") == 59 and attempts.wait("b") == 0
    clock.time = 60
    assert attempts.wait("a") == 0


def test_an_hour_s_uploads_are_bounded():
    clock = Clock()
    allowance = Allowance(100, 3600, clock)
    allowance.take(60)
    assert allowance.wait() == 0
    clock.time = 100
    allowance.take(60)
    assert allowance.wait() == 3501
    clock.time = 3600
    assert allowance.wait() == 0


def test_an_upload_by_the_byte_leaves_few_notes():
    clock = Clock()
    allowance = Allowance(1000, 3600, clock)
    for step in range(2000):
        clock.time = step / 400
        allowance.take(1)
    assert allowance.wait() == 3596
    assert len(allowance._come) <= 5


def test_a_wrong_value_is_a_line_of_the_log_and_a_bug_is_traced(caplog):
    said = "qz" + "mark"  # so that no line of the source tells it

    def preprocess_data():
        raise ValueError(said)

    def call_function():
        raise ValueError(said)

    for gradio_s in (preprocess_data, call_function):
        try:
            gradio_s()
        except ValueError:
            _Discreet.print_exc()
    wrong, bug = caplog.messages
    assert wrong.startswith(
        "a value sent to the page cannot be used: ValueError at test_safety.py:"
    )
    assert "\n" not in wrong and "in call_function" in bug and said not in wrong + bug


def test_a_slow_body_is_given_up():
    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        raise AssertionError("the body came to its end")

    async def receive():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/gradio_api/upload",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
    }
    gate = PageGate(app, {}, {}, ApiLimits(body_seconds=0.2), Attempts())
    asyncio.run(gate(scope, receive, send))
    assert sent[0]["status"] == 408
