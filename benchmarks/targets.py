"""The servers of a comparison, all of them up, one of them awake at a time.

They are started once, since some take ten seconds to be ready; those whose turn it is not are
stopped by a signal, so that an idle loop of one costs the others nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.bodies import Body
from benchmarks.environments import SERVERS, python_of
from benchmarks.service import HOST, free_port, wait_until_answering

ROOT = Path(__file__).parents[1]


class Target(NamedTuple):
    """A server: where it listens, and the group of its processes."""

    port: int
    process: subprocess.Popen[bytes]

    @contextmanager
    def awake(self) -> Iterator[int]:
        """Let it run for as long as it is used; return its port."""
        os.killpg(self.process.pid, signal.SIGCONT)
        try:
            yield self.port
        finally:
            os.killpg(self.process.pid, signal.SIGSTOP)


@contextmanager
def running(version: Path, names: list[str], body: Body) -> Iterator[dict[str, Target]]:
    """Start servers of `benchmarks/servers` by name; stop them at the end."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(_server(name, version, body)) for name in names}


@contextmanager
def _server(name: str, version: Path, body: Body) -> Iterator[Target]:
    own = (SERVERS / f"{name}.txt").exists()
    python, port = python_of(name) if own else sys.executable, free_port()
    program = [python, str(SERVERS / f"{name}.py"), str(port), str(version)]
    process = subprocess.Popen(
        program, cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    target = Target(port, process)
    try:
        first = urllib.request.Request(
            f"http://{HOST}:{port}{body.path}", body.content, {"Content-Type": body.content_type}
        )
        wait_until_answering(first, process)
        os.killpg(process.pid, signal.SIGSTOP)
        yield target
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
