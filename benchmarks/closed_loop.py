"""A closed loop: so many connections, each of which asks again as soon as it is answered.

For what a server can do at most. Driven by wrk, which takes a few microseconds a request of the
processors that it shares with the server. What it says of latency is what a crowd of that size
waits; an arrival that the crowd was too busy to make waits nowhere (see `open_loop`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.bodies import Body
from benchmarks.service import HOST

SCRIPT = """
local file = io.open("{path}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "{content_type}"
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\\n{{"requests": %d, "us": %d, "p50_us": %d, "p99_us": %d, "bad": %d, "broken": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
"""


class Pace(NamedTuple):
    """What came of a run."""

    per_s: float  # requests
    p50_ms: float
    p99_ms: float


def find_wrk() -> str:
    """Return where wrk is; raises RuntimeError when it is not installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is missing. On Debian and Ubuntu: apt install wrk")
    return wrk


def drive(port: int, body: Body, connections: int, seconds: int, *, strict: bool = True) -> Pace:
    """Post `body` over so many connections.

    Raises RuntimeError when an answer is not 2xx and, if `strict`, when a connection breaks or an
    answer takes longer than wrk waits (2 s); else only the answers that came are counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        content, script = Path(folder, "body"), Path(folder, "post.lua")
        content.write_bytes(body.content)
        script.write_text(
            SCRIPT.format(path=content, content_type=body.content_type), encoding="ascii"
        )
        url = f"http://{HOST}:{port}{body.path}"
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    told = json.loads(out.splitlines()[-1])
    if told["bad"] or (strict and told["broken"]) or not told["requests"]:
        raise RuntimeError(f"{url} failed under load: {told}")
    return Pace(1e6 * told["requests"] / told["us"], told["p50_us"] / 1e3, told["p99_us"] / 1e3)
