"""Thousands of hostile requests to a running server; see cases.py for what they are.

`VQA_HOSTILE=10000 python -m pytest tests/hostile -s` sends ten thousand and prints the counts;
`VQA_HOSTILE_SEED` draws others, and the number of a case in a fault is that of `cases.case`.
"""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

from hostile.cases import case
from hostile.driver import Notes, leaks, room, well
from hostile.pieces import PICTURES

COUNT = int(os.environ.get("VQA_HOSTILE", "400"))
SEED = int(os.environ.get("VQA_HOSTILE_SEED", "1"))
MB = 2**20


@pytest.mark.slow
@pytest.mark.timeout(60 + COUNT)
def test_hostile_requests(tmp_path, tiny_checkpoint):
    notes = Notes()
    with room(tmp_path / "room", tiny_checkpoint) as server:
        before = well(server, PICTURES[0])
        # Until buffers and caches have the size that they keep.
        for number in range(min(COUNT, 200)):
            notes.send(server, number, case(SEED, number, server.target))
        files, memory = server.files(), server.memory()
        for number in range(min(COUNT, 200), COUNT):
            notes.send(server, number, case(SEED, number, server.target))
        after, grown = well(server, PICTURES[0]), server.memory() - memory
        assert server.process.poll() is None
        left = server.files() - files
        log = server.log()
    table = defaultdict(dict)
    for (kind, status), count in sorted(notes.statuses.items()):
        table[kind][status] = count
    print(*(f"{kind}: {counts}" for kind, counts in table.items()), sep="\n")
    print(f"memory {memory / MB:.0f} MB, then {grown / MB:+.0f} MB")
    assert not notes.faults, "\n".join(notes.faults[:40])
    assert not left, f"files outside the temporary folder: {left}"
    assert not leaks(log), leaks(log)[:5]
    assert "Traceback" not in log, log[-3000:]
    assert after["top"] == before["top"]
    assert grown < 150 * MB
    # Cases that are all refused, or all answered, would show little.
    assert {200, 400, 413, 415, 422} <= {status for _, status in notes.statuses}
