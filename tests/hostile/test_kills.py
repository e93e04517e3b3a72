"""Nothing that was committed is lost when a process is killed at any moment.

`VQA_KILLS=50 python -m pytest tests/hostile/test_kills.py` kills fifty.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("VQA_KILLS", "4"))


@pytest.mark.slow
@pytest.mark.timeout(200 + 10 * KILLS)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_killed_while_saving_training_and_keeping_corrections(tmp_path):
    done = subprocess.run(
        [sys.executable, "tests/hostile/kills.py", str(tmp_path), str(KILLS), "1"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    assert (
        found["kills"] == KILLS
        and found["trainings"] == (KILLS + 1) // 4
        and found["corrections"] > 0
    )
