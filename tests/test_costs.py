"""What users need, checked against sums done by hand."""

from __future__ import annotations

import json

import pytest

from vqa.cli import main
from vqa.errors import ConfigError
from vqa.scale.costs import Habits, Measured, core_hours, need

FIGURES = {
    "setting": {"cpu": "a processor", "cores": 2, "torch": "2.15.0"},
    "traffic": {"picture_kb": 10.0},
    "memory": {"samples": [[100, 400e6], [200, 500e6], [300, 450e6]]},
    "service": {
        "batched": {
            "kept": {"1": {"server_cpu_ms": 4.0}, "64": {"server_cpu_ms": 2.0}},
            "new": {"1": {"server_cpu_ms": 12.0}, "64": {"server_cpu_ms": 7.0}},
        }
    },
}
HOP = {
    "calls": {
        "1": {"local_ms": 3, "replica_ms": 5, "front_ms": 4},
        "32": {"local_ms": 1, "replica_ms": 1.5, "front_ms": 0.5},
    }
}


def test_needs_follow_from_the_figures():
    measured = Measured.of(FIGURES)
    assert measured.users == 64 and measured.memory == 500e6
    few = need(30, measured, Habits(seconds=30, new=0.25, busy=0.5))
    # One question a second, a quarter of 12 ms and three of 4 ms: nobody to batch with.
    assert (few.rate, few.ms, few.computing, few.cores) == (1, 6, pytest.approx(0.006), 1)
    many = need(30_000, measured, Habits(seconds=30, new=0.25, busy=0.5))
    # A thousand a second at 3.25 ms keep 3.25 cores computing; half of each is planned for.
    assert (many.ms, many.computing, many.cores) == (3.25, pytest.approx(3.25), 7)
    assert many.memory == 7 * 500e6 and many.megabits == pytest.approx(80)
    assert core_hours(3.6) == pytest.approx(1)


def test_figures_that_lack_something_are_told():
    broken = FIGURES | {"service": {"batched": {"new": FIGURES["service"]["batched"]["new"]}}}
    with pytest.raises(ConfigError, match="kept.*measure again"):
        Measured.of(broken)


def test_the_page_is_written_between_its_markers(tmp_path, capsys):
    page = tmp_path / "scale.md"
    page.write_text("before\n<!-- figures:begin -->\nold\n<!-- figures:end -->\nafter\n")
    (tmp_path / "figures.json").write_text(json.dumps(FIGURES))
    command = ["costs", str(tmp_path), "--into", str(page), "--price", "0.1"]
    assert main(command) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    # 2 ms of a core for a million questions are 0.56 hours.
    assert "| pictures seen lately | 64 users at once | 2.00 | 0.56 | 0.06 |" in text
    # 100,000 users: 3,333.3 questions a second at 4.5 ms are 15 cores computing, 30 to have.
    assert "| 100,000 | 3,333.3 | 4.50 | 15.00 | 30 | 2 | 15.0 | 266.7 | 2,190 |" in text
    assert "What Ray adds" not in text

    (tmp_path / "replicas.json").write_text(json.dumps(HOP))
    assert main(command) == 0
    assert "| 32 | 1.00 | 1.50 | 0.50 |" in page.read_text()
    assert "passes on 1,000 questions a second" in page.read_text()

    (tmp_path / "figures.json").write_text("{}")
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "python -m vqa bench" in error
