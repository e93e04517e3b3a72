"""Memory of decoded pictures goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Pictures of 96 MB come and go, and of each something small stays.
_SCRIPT = """
import os
from PIL import Image
from vqa.heap import return_large_blocks

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

return_large_blocks()
kept, before = [], resident()
for number in range(6):
    pictures = [Image.new("RGB", (6000, 4000), (1, 2, 3)) for _ in range(2)]
    kept.append([os.urandom(2000) for _ in range(50)])
    del pictures
print((resident() - before) // 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what it sets is glibc's")
def test_decoded_pictures_leave_no_holes():
    found = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(found.stdout) < 100, "183 without it"
