"""Who listens for a server: chosen by name, loaded when first needed, asked by many at once."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import sleep

import pytest

from vqa import serving
from vqa.errors import AudioError, BusyError, CheckpointError, ConfigError
from vqa.speech import recogniser, store
from vqa.speech.listening import Listener, choose


class Slow:
    """Remembers how many asked at the same time, and waits until it is let go."""

    def __init__(self):
        self.gone, self.inside, self.most = threading.Event(), 0, 0

    def transcribe(self, source):
        self.inside += 1
        self.most = max(self.most, self.inside)
        assert self.gone.wait(20)
        self.inside -= 1
        if source == b"bad":
            raise AudioError("silent")
        return source


def test_it_is_loaded_at_the_first_recording_and_once():
    loaded = []
    slow = Slow()
    slow.gone.set()
    listener = Listener(lambda: loaded.append(1) or slow)
    assert loaded == []
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(listener.transcribe, range(8))) == list(range(8))
    assert loaded == [1] and slow.most == 1


def test_only_so_many_recordings_wait():
    slow = Slow()
    listener = Listener(lambda: slow, waiting=2)
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(listener.transcribe, source) for source in (b"a", b"bad")]
        while listener._places._value:
            pass
        with pytest.raises(BusyError):
            listener.transcribe(b"c")
        slow.gone.set()
        with pytest.raises(AudioError):
            first[1].result()
        assert first[0].result() == b"a"
    assert listener.transcribe(b"d") == b"d", "an error frees its place too"


def test_nobody_listens_where_it_cannot_be_had_and_why_is_told(monkeypatch, tmp_path):
    assert choose("off") == (None, "--speech is off.")
    monkeypatch.setattr(store, "DEFAULT", tmp_path)
    listener, why = choose("auto")
    assert listener is None and "lacks model.safetensors" in why
    with pytest.raises(CheckpointError, match="lacks model.safetensors"):
        choose("own")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    listener, why = choose("auto")
    assert listener is None and "package soundfile" in why
    with pytest.raises(ConfigError, match="package soundfile"):
        choose("own")


def test_the_shipped_one_listens_when_it_is_there(monkeypatch, tmp_path):
    for name in store.FILES:
        (tmp_path / name).write_text('{"name": "heard"}')
    monkeypatch.setattr(store, "DEFAULT", tmp_path)
    asked = []
    slow = Slow()
    slow.gone.set()
    monkeypatch.setattr(recogniser, "shared", lambda *args: asked.append(args) or slow)
    listener, why = choose("auto", "cpu")
    assert why == "" and asked == [] and listener.card == {"name": "heard"}
    assert listener.transcribe(b"a") == b"a" and asked == [("cpu", tmp_path)]


def test_a_recogniser_that_somebody_trained_listens(monkeypatch, tmp_path):
    with pytest.raises(CheckpointError, match="lacks model.safetensors"):
        choose(f"own:{tmp_path}")
    for name in store.FILES:
        (tmp_path / name).write_text('{"name": "heard"}')
    asked = []
    slow = Slow()
    slow.gone.set()
    monkeypatch.setattr(recogniser, "shared", lambda *args: asked.append(args) or slow)
    choose(f"own:{tmp_path}", "cpu")[0].transcribe(b"a")
    assert asked == [("cpu", tmp_path)]


@pytest.mark.parametrize("name", ["", "siri", "whisper:", "own:", "off:x"])
def test_a_server_refuses_other_names_at_once(name, capsys):
    with pytest.raises(SystemExit) as left:
        serving.parse_args(["--speech", name])
    message = capsys.readouterr().err
    assert left.value.code == 2 and message.count("\n") == 1
    assert "auto, off, own, own:DIR, whisper or whisper:NAME_OR_DIR" in message


def test_whisper_s_hub_is_not_waited_for_where_there_is_none(monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    from vqa.speech.whisper import _hub_answers

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            sleep(1)  # a slow network is one
            self.send_response(404)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    assert _hub_answers()
    assert not _hub_answers(0.2), "longer than that nobody waits"
    server.shutdown()
    server.server_close()
    assert not _hub_answers()
