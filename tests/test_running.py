"""What a terminal shows of work that goes on, and of work that is stopped by Ctrl-C."""

from __future__ import annotations

import io
import os
import struct
import sys
import time
from pathlib import Path

import pytest

from vqa.running import Bar

ROOT = Path(__file__).parent.parent


def test_a_bar_that_is_cut_short_goes():
    screen = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Bar(total=3, file=screen, ncols=40) as bar:
        bar.update()
        drawn = screen.tell()
        raise KeyboardInterrupt
    assert "/3" in screen.getvalue()[:drawn] and not screen.getvalue()[drawn:].strip()


def test_a_bar_that_is_done_stays_also_where_the_width_is_unknown():
    screen = io.StringIO()
    with Bar(total=3, file=screen, ncols=0) as bar:
        bar.update(3)
    assert "3/3" in screen.getvalue().splitlines()[-1]


@pytest.mark.slow
def test_ctrl_c_ends_a_command_and_its_helpers_in_one_line(tmp_path):
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
    out = tmp_path / "out"
    command = ["-m", "vqa", "simulate", "--n", "10000", "--out", str(out), "--workers", "2"]
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, *command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    shown, end = b"", time.monotonic() + 120
    try:
        while b" 3/10000" not in shown and b" 9/10000" not in shown:
            assert time.monotonic() < end, shown
            shown += os.read(terminal, 65536)
        os.write(terminal, b"\x03")
        rest = b""
        try:
            while part := os.read(terminal, 65536):
                rest += part
        except OSError:  # Linux says so that the other side is closed
            pass
    finally:
        _, status = os.waitpid(process, 0)
    after = rest.partition(b"^C")[2].decode()
    assert os.waitstatus_to_exitcode(status) == 130
    assert after.split() == ["vqa", "simulate:", "stopped."]
