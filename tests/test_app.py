import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vqa import serving as app

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("text", "size"),
    [("10mb", 10 * 2**20), ("500 KB", 500 * 2**10), ("1.5gb", 3 * 2**29), ("4096", 4096)],
)
def test_sizes(text, size):
    assert app.parse_size(text) == size


def test_the_defaults_are_those_of_the_help():
    options = app.parse_args([])
    assert (options.checkpoint, options.device, options.host, options.port) == (
        "auto",
        "auto",
        "127.0.0.1",
        7860,
    )
    assert (options.share, options.auth, options.queue_size) == (False, None, 64)
    assert options.max_upload == 10 * 2**20
    assert app.parse_args(["--auth", "me:a:b"]).auth == ("me", "a:b")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--port", "x"], "'x' is not a number from 0 to 65535"),
        (["--port", "70000"], "--port"),
        (["--queue-size", "0"], "--queue-size"),
        (["--max-upload", "ten"], "like 10mb"),
        (["--max-upload", "1"], "at least 1kb"),
        (["--auth", "secret"], "USER:PASSWORD"),
        (["--bogus"], "--bogus"),
        (["--speech", "nope"], "whisper:NAME_OR_DIR; see app.py --help."),
    ],
)
def test_a_wrong_option_is_answered_in_one_line(flags, says, capsys):
    with pytest.raises(SystemExit) as caught:
        app.parse_args(flags)
    message = capsys.readouterr().err
    assert caught.value.code == 2
    assert says in message and message.count("\n") == 1 and "secret" not in message


def test_a_port_in_use_is_answered_in_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert app.main(["--port", str(port)]) == 2
    message = capsys.readouterr().err
    assert f"port {port}" in message and "--port" in message and message.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--mcp"], "requirements-mcp.txt"),
        # Nothing is to be installed for what is refused afterwards.
        (["--mcp", "--auth", "me:pass"], "leave one out"),
    ],
)
def test_mcp_that_cannot_be_had_is_answered_in_one_line(flags, says, monkeypatch, capsys):
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    assert app.main(flags) == 2
    message = capsys.readouterr().err
    assert says in message and message.count("\n") == 1


def test_a_host_of_another_machine_is_answered_in_one_line(capsys):
    assert app.main(["--host", "192.0.2.1"]) == 2
    assert "--host" in capsys.readouterr().err


def test_importing_the_app_loads_nothing_heavy():
    heavy = "('gradio', 'torch', 'numpy')"
    code = f"import sys, app, vqa.cli; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def serve(folder: Path, *flags: str, env: dict | None = None):
    """Starts the page with the stand-in model; returns the process."""
    return subprocess.Popen(
        [sys.executable, "tests/fakes.py", str(folder), "--port", "0", *flags],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_that_nobody_listens_is_said_at_the_start(tmp_path):
    process = serve(tmp_path, "--speech", "off")
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        assert "http" in lines[0] and lines[1] == "No microphone: --speech is off.\n"
    finally:
        timer.cancel()
        process.terminate()
        process.wait(timeout=20)


def test_a_failed_share_says_so_in_one_line_and_the_page_stays_up(tmp_path):
    import httpx

    # A proxy that nobody listens on stands for a machine without network.
    process = serve(tmp_path, "--share", env={"HTTPS_PROXY": "http://127.0.0.1:9"})
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        assert "Asking for a public link" in lines[0]
        assert lines[2].startswith("No public link")
        url = lines[1].split()[-1]
        assert httpx.get(url).status_code == 200
    finally:
        process.terminate()
        rest = process.communicate(timeout=20)[0]
        timer.cancel()
    assert "Traceback" not in rest


def test_login_is_asked_for(tmp_path):
    import httpx

    process = serve(tmp_path, "--auth", "me:pass")
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        url = process.stdout.readline().split()[-1]
        assert httpx.get(f"{url}gradio_api/info").status_code == 401
        with httpx.Client() as client:
            client.post(f"{url}login", data={"username": "me", "password": "pass"})
            assert client.get(f"{url}gradio_api/info").status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=20)
        timer.cancel()


@pytest.mark.parametrize(
    ("device", "cores", "options", "shared"),
    [
        ("cpu", 4, [], {"askers": 2, "cores": 4}),
        ("cpu", 1, [], {}),
        ("cpu", 4, ["--max-batch", "1"], {}),
        ("cuda", 4, [], {}),
    ],
)
def test_two_batches_are_under_way_where_cores_can_be_shared(
    monkeypatch, device, cores, options, shared
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    predictor = SimpleNamespace(device=torch.device(device))
    assert app.side_by_side(predictor, app.parse_args(options)) == shared


def test_replicas_are_asked_as_many_at_once_as_they_like_and_may_wait():
    fleet = SimpleNamespace(askers=8)
    for size, askers in (("64", 8), ("3", 3)):
        shared = app.side_by_side(fleet, app.parse_args(["--queue-size", size]))
        assert shared == {"wait_ms": 0.0, "askers": askers}
