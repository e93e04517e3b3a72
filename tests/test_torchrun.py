"""Training in two processes: the same as one with the doubled batch, and a killed one goes on."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torchrun_job import STEPS, learn, whole_batch

from vqa.checkpoint import FILES, load
from vqa.train import loop

pytestmark = pytest.mark.slow
JOB = Path(__file__).with_name("torchrun_job.py")


def torchrun(out: Path, what: str) -> None:
    # More restarts than the one kill: gloo, too, now and then fails to connect on a busy machine.
    workers = ["--nproc-per-node", "2", "--max-restarts", "3"]
    command = [sys.executable, "-m", "torch.distributed.run", *workers]
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(JOB.parent.parent)}
    done = subprocess.run(
        [*command, *rendezvous, str(JOB), str(out), what],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def losses(out: Path) -> list[float]:
    with (out / "learn.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_two_processes_learn_as_one_with_the_doubled_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_LOG_EVERY", 1)
    learn(tmp_path / "one", whole_batch)
    torchrun(tmp_path / "two", "learn")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) == STEPS and one[-1] < 0.75 * one[0]
    assert two == pytest.approx(one, rel=1e-3)
    one, two = (torch.load(tmp_path / n / "weights.pt", weights_only=True) for n in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-4)


def test_a_killed_process_costs_nothing_but_time(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    torchrun(whole, "photos")
    torchrun(killed, "25")
    assert (tmp_path / "killed-killed").exists()
    for out in (whole, killed):
        assert {p.name for p in out.iterdir() if p.is_file()} == set(FILES)
    one, other = (load_file(out / "model.safetensors") for out in (whole, killed))
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=1e-2, atol=1e-3)
    assert load(killed).card["calibration"]["n"] == load(whole).card["calibration"]["n"]
