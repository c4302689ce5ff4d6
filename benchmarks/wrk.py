"""wrk: posts a body over and over, as quickly as it is answered or at a fixed rate.

It takes a few microseconds a request of the processors that it shares with the server; a client in
Python takes as much as the server does.
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

POST = """
local file = io.open("{path}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "{content_type}"
late, latest_ms = 0, 0
served, refused, silent = 0, 0, 0
local thread
function setup(only) thread = only end
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\\n{{"requests": %d, "us": %d, "p50_us": %d, "p99_us": %d, "bad": %d, "broken": %d, ' ..
    '"late": %d, "latest_ms": %f, "served": %d, "refused": %d, "silent": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout,
    thread:get("late"), thread:get("latest_ms"),
    thread:get("served"), thread:get("refused"), thread:get("silent")))
end
"""

# Whichever connection is free takes the next arrival and waits until it is due. `delay` is called
# when it takes it, `request` when it sends it.
AT_A_RATE = """
local ffi = require("ffi")
ffi.cdef("typedef struct {{ long s; long us; }} timeval; int gettimeofday(timeval *, void *);")
local clock, due, taken, sent, prepared = ffi.new("timeval"), nil, {{}}, 0, nil
local function now_ms()
  ffi.C.gettimeofday(clock, nil)
  return tonumber(clock.s) * 1e3 + tonumber(clock.us) / 1e3
end
function init(args)
  prepared = wrk.format()
end
function delay()
  local now = now_ms()
  due = due and due + {every_ms} or now + {lead_ms}
  taken[#taken + 1] = due
  return math.max(0, math.floor(due - now + 0.5))
end
function request()
  local at = taken[sent + 1]
  if at then  -- else wrk only tries whether this is a request
    sent = sent + 1
    local behind = now_ms() - at
    if behind > {late_ms} then late = late + 1 end
    latest_ms = math.max(latest_ms, behind)
  end
  return prepared
end
"""
LEAD_MS = 50
LATE_MS = 2  # arrivals are let go once a millisecond

COUNTED = """
function response(status, headers)
  if status == 200 then served = served + 1 end
  if status == 429 or status == 503 then
    refused = refused + 1
    if not headers["retry-after"] then silent = silent + 1 end
  end
end
"""


class Told(NamedTuple):
    """What wrk has to say when it is through."""

    requests: int
    us: int
    p50_us: int  # from sending to the last byte of the answer
    p99_us: int
    bad: int  # answers of 400 and above
    broken: int  # connections that broke, answers that took longer than wrk waits (2 s)
    late: int  # at a rate: requests sent more than LATE_MS after they were due
    latest_ms: float  # by how much at most
    served: int  # counted: 200
    refused: int  # counted: 429 or 503
    silent: int  # of these, without Retry-After


def find_wrk() -> str:
    """Return where wrk is; raises RuntimeError when it is not installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is missing. On Debian and Ubuntu: apt install wrk")
    return wrk


def post(
    port: int,
    body: Body,
    connections: int,
    seconds: int,
    per_s: float | None = None,
    *,
    counted: bool = False,
) -> Told:
    """Post `body` for so long; at `per_s` requests a second, or again as soon as it is answered.

    If `counted`, answers are counted by their kind, for a few microseconds each.
    """
    with tempfile.TemporaryDirectory() as folder:
        content, script = Path(folder, "body"), Path(folder, "post.lua")
        content.write_bytes(body.content)
        text = POST.format(path=content, content_type=body.content_type)
        if per_s is not None:
            text += AT_A_RATE.format(every_ms=1e3 / per_s, lead_ms=LEAD_MS, late_ms=LATE_MS)
        if counted:
            text += COUNTED
        script.write_text(text, encoding="ascii")
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
        url = f"http://{HOST}:{port}{body.path}"
        out = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    return Told(**json.loads(out.splitlines()[-1]))
