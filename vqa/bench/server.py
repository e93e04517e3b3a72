"""The server under test: `python -m vqa serve` as a process of its own, and what it takes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import vqa
from vqa.errors import ConfigError, VQAError

_ROOT = Path(vqa.__file__).resolve().parent.parent
_STOP_SECONDS = 30
QUEUE = 256  # more than the users there are, so that nobody is refused


@dataclass(frozen=True)
class Server:
    """A running server: its process and its port on 127.0.0.1."""

    pid: int
    port: int

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def cpu(self) -> float:
        """Seconds of computing so far, all threads together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def metric(self, name: str) -> float:
        """A figure of /metrics."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as page:
            text = page.read().decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


def check_proc() -> None:
    """Raises ConfigError where there is no /proc to read a process's memory from."""
    if not Path("/proc/self/status").exists():
        raise ConfigError("bench reads the server's memory from /proc; run it on Linux.")


@contextmanager
def running(checkpoint: str, max_batch: int) -> Iterator[Server]:
    """Starts a server on the CPU and stops it at the end.

    Args:
        checkpoint: a name or a folder, or "auto". max_batch: 1 for no batching.

    Raises:
        VQAError: it did not start.
    """
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vqa", "serve", "--port", "0", "--device", "cpu"),
            *("--checkpoint", checkpoint, "--queue-size", str(QUEUE)),
            *("--max-batch", str(max_batch)),
        ],
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        found = re.search(r":(\d+)/?\s*$", process.stdout.readline())
        if found is None:
            raise VQAError("The server did not start; see what it wrote above.")
        yield Server(process.pid, int(found[1]))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
