"""Memory goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Between large pieces lie small ones, which stay.
PROGRAM = """
from pathlib import Path
from app.memory import return_freed, return_large_at_once

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256

def grown_mib():
    return resident_mib() - before

before = resident_mib()
return_large_at_once()
freed = b"x" * 8_000_000
del freed
held = [(b"x" * 7_000_000, b"y" * 200_000) for _ in range(4)]
held = [small for _, small in held]
print(grown_mib())
more = [b"y" * 200_000 for _ in range(100)]
last = b"y" * 200_000
del more
print(grown_mib())
return_freed()
print(grown_mib())
del last
more = [b"y" * 200_000 for _ in range(30)]
del more
print(grown_mib())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_what_is_freed_goes_back() -> None:
    """Large pieces at once, of which 27 MiB would have stayed; smaller ones when asked.

    Of these the last few stay at hand.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    after_large, after_small, after_all, after_few = map(float, done.stdout.split())
    assert after_large < 8
    assert after_small > 16
    assert after_all < 4
    assert after_few > 4
