"""A real server in a room of its own, and what is noted while it is sent hostile requests."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hostile.cases import Case, request
from hostile.pieces import FORM, MARK, Target, form

ROOT = Path(__file__).parents[2]
SECRET = "the-canary-sings-7c1f"
LARGEST = 300 * 2**10
# Lines of Python's tracebacks, and paths of this computer.
_TRACES = re.compile(rb'Traceback \(most|File \\?"/|site-packages')


@dataclass
class Room:
    """A running server, and where it may and may not write."""

    process: subprocess.Popen
    port: int
    folder: Path
    target: Target

    def log(self) -> str:
        """All that the server printed."""
        return (self.folder / "log").read_text(errors="replace")

    def memory(self) -> int:
        """Bytes that the server's process holds now."""
        text = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def files(self) -> set[str]:
        """Every file of the room outside the uploads' folder, with its size."""
        return {
            f"{path.relative_to(self.folder)}:{path.stat().st_size}"
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != "log" and "vqa-uploads-" not in str(path)
        }


@contextmanager
def room(folder: Path, checkpoint: Path, *flags: str):
    """Starts `app.py` with its own home, temporary and working folder below `folder`."""
    for name in ("home", "tmp", "cwd"):
        (folder / name).mkdir(parents=True)
    for name in ("home/.bashrc", "cwd/canary.txt", "canary.txt"):
        (folder / name).write_text(SECRET)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GRADIO_")}
    environment = kept | {
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "OMP_NUM_THREADS": "1",
        "SECRET_OF_ENVIRONMENT": SECRET,
    }
    command = ["app.py", "--checkpoint", str(checkpoint), "--device", "cpu", "--port", "0"]
    command[0] = str(ROOT / command[0])
    with open(folder / "log", "wb") as log, _trap() as (trap, caught):
        process = subprocess.Popen(
            [sys.executable, *command, "--max-upload", "300kb", *flags],
            cwd=folder / "cwd",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        timer = threading.Timer(120, process.kill)
        timer.start()
        try:
            line = process.stdout.readline().decode()
            timer.cancel()  # it is for the start alone
            port = int(re.search(r":(\d+)", line)[1])
            link = next((folder / "tmp").glob("vqa-uploads-*")) / "link.png"
            link.symlink_to(folder / "canary.txt")
            secret = str(folder / "canary.txt")
            yield Room(
                process, port, folder, Target(secret, trap, str(link), LARGEST, _events(port))
            )
            assert not caught, f"the server asked another one: {caught}"
        finally:
            process.kill()
            process.communicate()
            timer.cancel()


def _events(port: int) -> dict[int, int]:
    """Number of each event of the page -> how many values it takes."""
    body = exchange(port, request("", "GET", "/config").head, b"").partition(b"\r\n\r\n")[2]
    config = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
    return {event["id"]: len(event["inputs"]) for event in config["dependencies"]}


@contextmanager
def _trap():
    """A server that must not be asked: (address, what was asked)."""
    listener, caught = socket.create_server(("127.0.0.1", 0)), []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                caught.append(connection.recv(200))

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", caught
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def exchange(port: int, head: bytes, body: bytes, hang_up: bool = False) -> bytes:
    """Sends bytes and returns all that comes back until the connection ends."""
    found = []
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        try:
            connection.sendall(head + b"\r\n\r\n" + body)
        except OSError:
            pass  # refused before all was read
        if hang_up:
            return b""
        try:
            while piece := connection.recv(2**16):
                found.append(piece)
                # A heartbeat has no end of its own, and beats as often as is waited for here.
                ends = b"close_stream" in piece or b"data: ALIVE" in piece
                if ends and b"text/event-stream" in found[0][:400]:
                    break
        except ConnectionResetError:
            pass
        except TimeoutError:
            return b"".join(found) or b"TIMEOUT"
    return b"".join(found)


@dataclass
class Notes:
    """What came of the cases.

    Attributes:
        statuses: (kind, status) -> how often; 0 where there is no reply.
        faults: what must not happen, with the number of its case.
    """

    statuses: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def send(self, room: Room, number: int, case: Case) -> None:
        """Sends a case and what follows from its reply."""
        reply = exchange(room.port, case.head, case.body, case.hang_up)
        self._judge(number, case.kind, reply)
        answer = reply.partition(b"\r\n\r\n")[2]
        if not case.follow or not reply.startswith(b"HTTP/1.1 200"):
            return
        try:
            said = json.loads(re.search(rb"[\[{].*[\]}]", answer, re.DOTALL)[0])
        except (TypeError, ValueError):
            return
        if case.follow == "upload":
            # What was stored may be asked for again, but not run.
            path = said[0].encode("ascii", "backslashreplace").decode().replace(" ", "%20")
            got = self._get(room, number, "stored", f"/gradio_api/file={path}")
            head = got.partition(b"\r\n\r\n")[0].lower()
            if b"text/html" in head and b"attachment" not in head and b" 200" in head[:20]:
                self.faults.append(f"{number}: an upload is served as a page")
            return
        event = str(said.get("event_id")) if isinstance(said, dict) else ""
        self._get(room, number, case.kind + " result", case.follow.replace("%s", event))

    def _get(self, room: Room, number: int, kind: str, path: str) -> bytes:
        reply = exchange(room.port, request(kind, "GET", path).head, b"")
        self._judge(number, kind, reply)
        return reply

    def _judge(self, number: int, kind: str, reply: bytes) -> None:
        found = re.match(rb"HTTP/1\.1 (\d+)", reply)
        status = int(found[1]) if found else 0
        self.statuses[kind, status] += 1
        if status >= 500:
            self.faults.append(f"{number}: {kind} got {status}")
        if reply == b"TIMEOUT":
            self.faults.append(f"{number}: {kind} got no answer")
        if SECRET.encode() in reply or b"root:x:0" in reply:
            self.faults.append(f"{number}: {kind} got a file it must not")
        if _TRACES.search(reply):
            self.faults.append(f"{number}: {kind} got a traceback")


def well(room: Room, picture: bytes) -> dict:
    """The answer to a sound question."""
    parts = (("image", "a.png", picture), ("question", None, b"Is there a red cube?"))
    case = request("well", "POST", "/api/ask", FORM, form(*parts))
    head, _, body = exchange(room.port, case.head, case.body).partition(b"\r\n\r\n")
    assert b" 200 " in head, head + body
    return json.loads(body)


def leaks(log: str) -> list[str]:
    """Lines of a log that tell what was asked."""
    return [line for line in log.splitlines() if MARK in line]
