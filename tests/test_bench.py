"""Measuring the service: what is asked, a whole bench in miniature, going on, and the report."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from vqa.bench.load import ask_for
from vqa.bench.report import markdown
from vqa.bench.traffic import Traffic, draw_traffic
from vqa.cli import main
from vqa.errors import VQAError
from vqa.pictures import PictureFile

SHIPPED = Path(__file__).parent.parent / "docs" / "bench" / "figures.json"


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return draw_traffic(2, 3)


def test_questions_differ_and_come_in_turn(traffic):
    assert all(len(set(asked)) == len(asked) >= 2 for asked in traffic.questions)
    first = list(islice(traffic.pairs(), 4))
    assert [picture for picture, _ in first] == traffic.pictures * 2
    assert first[0][1] != first[2][1]


def test_a_new_picture_is_another_file_with_the_same_pixels(traffic):
    files = [picture for picture, _ in islice(traffic.unseen(7), 6)]
    files += [picture for picture, _ in islice(traffic.unseen(1_000_000), 2)]
    assert len({PictureFile.of(file).key for file in (*files, *traffic.pictures)}) == 10
    shown, same = (Image.open(io.BytesIO(f)).tobytes() for f in (files[2], traffic.pictures[0]))
    assert shown == same


class Scripted:
    """A server on a thread that answers each request after `delay` with the next of `statuses`;
    0 closes the connection."""

    def __init__(self, statuses, delay=0.0):
        self.statuses, self.delay, self.asked = iter(statuses), delay, []
        started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._run(started)), daemon=True).start()
        assert started.wait(10)

    async def _run(self, started):
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await server.serve_forever()

    async def _answer(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.asked.append(await reader.readexactly(length))
                await asyncio.sleep(self.delay)
                status = next(self.statuses)
                if not status:
                    break
                body = b'{"checkpoint": "one"}'
                size = b"Content-Length: %d" % len(body)
                writer.write(b"HTTP/1.1 %d X\r\n%s\r\n\r\n%s" % (status, size, body))
        except asyncio.IncompleteReadError:
            pass  # the client has had enough
        finally:
            writer.close()


def test_every_answer_is_counted_and_timed(traffic):
    server = Scripted([200] * 5 + [429, 200, 200], delay=0.02)
    found = ask_for(server.port, traffic.pairs(), users=2, requests=8)
    assert found.statuses == {200: 7, 429: 1} and found.failed == 1
    assert len(found.latencies) == 7 and min(found.latencies) >= 0.02
    assert found.checkpoints == {"one": 1}
    assert found.throughput == pytest.approx(7 / found.seconds)
    assert 0.08 <= found.seconds < 5, "two at a time"
    assert found.percentile(0.0) == min(found.latencies)
    assert found.percentile(0.99) == max(found.latencies)
    asked = [question for _, question in islice(traffic.pairs(), 8)]
    for question in set(asked):
        assert sum(question.encode() in body for body in server.asked) >= asked.count(question)


def test_what_comes_while_warming_up_does_not_count(traffic):
    server = Scripted([200] * 1000, delay=0.05)
    found = ask_for(server.port, traffic.pairs(), users=1, seconds=0.4, warm_up=0.4)
    assert found.seconds == 0.4
    assert 2 <= len(found.latencies) < found.statuses[200] - 2


def test_a_server_that_fails_is_one_line(traffic):
    with pytest.raises(VQAError, match=r"None of 1 users .* within 0.2 s"):
        ask_for(Scripted([200], delay=0.5).port, traffic.pairs(), users=1, seconds=0.2)
    with pytest.raises(VQAError, match="no answer to one of 2 users"):
        ask_for(Scripted([200, 0, 0, 0]).port, traffic.pairs(), users=2, requests=8)


def bench(out: Path, checkpoint: Path, *options: str) -> int:
    small = ("--users", "2", "--seconds", "1", "--requests", "40", "--pictures", "2")
    where = ("--out", str(out), "--checkpoint", str(checkpoint), "--skip-models")
    return main(["bench", *small, *where, *options])


@pytest.mark.slow
def test_a_bench_in_miniature(tiny_checkpoint, tmp_path, capsys):
    out = tmp_path / "new" / "bench"
    assert bench(out, tiny_checkpoint) == 0
    figures = json.loads((out / "figures.json").read_text("utf-8"))
    assert markdown(figures) == (out / "report.md").read_text("utf-8")
    assert str(tmp_path) not in (out / "figures.json").read_text("utf-8")
    for mode in ("batched", "alone"):
        for mix in ("kept", "new"):
            cell = figures["service"][mode][mix]["2"]
            assert cell["failed"] == 0 and cell["answers"] > 0
            assert 0 < cell["p50_ms"] <= cell["p95_ms"] <= cell["p99_ms"]
            assert cell["checkpoints"].keys() == {"tiny"}
            assert cell["server_cpu_ms"] > 0 and cell["client_cpu_ms"] > 0
            assert 1 <= cell["batch"] <= (2 if mode == "batched" else 1)
    memory = figures["memory"]
    assert memory["failed"] == 0 and memory["samples"][-1][0] == 40
    assert memory["cached"] > 0 and all(size > 1e7 for _, size in memory["samples"])
    assert figures["machine_limit"]["gflops"] > 0.1
    # What is measured is kept, the rest is measured again.
    del figures["single"]
    (out / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
    capsys.readouterr()
    assert bench(out, tiny_checkpoint, "--resume") == 0
    said = capsys.readouterr().out
    assert said.count("measuring") == 1 and "single" in said
    again = json.loads((out / "figures.json").read_text("utf-8"))
    assert again["memory"] == memory and again["single"]["ours"]["tiny"]["new"] > 0
    # Figures of other settings are not mixed.
    assert bench(out, tiny_checkpoint, "--resume", "--seconds", "2") == 2
    assert "another seconds" in capsys.readouterr().err


def test_bad_input_is_one_line(tiny_checkpoint, tmp_path, capsys, monkeypatch):
    (tmp_path / "figures.json").write_text("[]")
    assert bench(tmp_path, tiny_checkpoint, "--resume") == 2
    assert "holds no figures" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert bench(tmp_path / "file", tiny_checkpoint) == 2
    assert "cannot be written" in capsys.readouterr().err
    for users in ("0", "1,", "a few", "201"):
        with pytest.raises(SystemExit):
            bench(tmp_path, tiny_checkpoint, "--users", users)
        assert "from 1 to 200" in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    assert main(["bench", "--out", str(tmp_path)]) == 2
    assert "requirements-bench.txt" in capsys.readouterr().err


def test_bars_that_are_missed_are_said_plainly():
    cell = {"per_second": 100.0, "p50_ms": 1, "p95_ms": 1, "p99_ms": 400.0, "batch": 20.0}
    cell |= {"server_cpu_ms": 1, "client_cpu_ms": 1, "failed": 0}
    cell |= {"checkpoints": {"a": 3, "b": 1}}
    figures = {
        "setting": dict.fromkeys(("command", "checkpoint", "seconds", "cpu", "cores", "torch"), 1),
        "traffic": {"pictures": 1, "questions": 2, "picture_kb": 3},
        "service": {
            "batched": {mix: {"64": cell} for mix in ("kept", "new")},
            "alone": {
                "kept": {"64": cell | {"per_second": 30.0}},
                "new": {"64": cell | {"per_second": 40.0}},
            },
        },
        "memory": {
            "requests": 4,
            "failed": 0,
            "start": 8e8,
            "cached": 1e7,
            "samples": [[1, 9e8], [2, 1e9], [3, 1.1e9], [4, 1.3e9]],
        },
        "single": {
            "rounds": 3,
            "threads": 2,
            "ours": {"auto": {"new": 10.0, "kept": 2.0}},
            "others": [{"name": "ViLT-B/32", "does": "x", "weights": 1.0, "ms": 150.0}],
        },
        "machine_limit": {
            "batch": 32,
            "threads": 2,
            "gflops": 100.0,
            "checkpoints": {
                "a": {"gflop": 0.5, "network_ms": 320.0, "whole_ms": 640.0, "kept_ms": 32.0},
                "b": {"gflop": 2.5, "network_ms": 900.0, "whole_ms": 990.0, "kept_ms": 32.0},
            },
        },
    }
    page = markdown(figures)
    for line in (
        "| ViLT's time over that of `auto`, kept pictures | at least 20 | 75.0 | yes |",
        "| ViLT's time over that of `auto`, new pictures | at least 20 | 15.0 | **no** |",
        "kept pictures | at least 3 | 3.3 | yes |",
        "new pictures | at least 3 | 2.5 | **no** |",
        "| resident memory, MB, the most | at most 1,200 | 1,300 | **no** |",
        "of 4 requests, % | at most 2 | 30.0 | **no** |",
        "| `a` | 0.50 | 200 | 100 (50 %) | 50 (25 %) | 1,000 |",
        "100 answers/s about new pictures, of 100 possible: 1.00 GFLOP a question",
    ):
        assert line in page


@pytest.mark.skipif(not SHIPPED.exists(), reason="no figures are shipped")
def test_the_shipped_report_is_written_from_its_figures():
    figures = json.loads(SHIPPED.read_text("utf-8"))
    assert markdown(figures) == SHIPPED.with_name("report.md").read_text("utf-8")
