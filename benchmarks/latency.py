"""How long a lone request takes: one client, one connection, one digit after another.

Two pictures go out as multipart forms, as `curl -F` sends them: a golden sample of the served
version as a PNG of 28 × 28, and `examples/7.png`, which is as large as a photo in a web page. Timed
at the client, from the first byte sent to the last byte read. The client is Python too and its
share is in the figures.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.bodies import BOUNDARY, form, golden_images
from benchmarks.service import HOST, running_service
from training.pictures import encode_png

WARM_UP = 100
REQUESTS = 500
PHOTO = Path(__file__).parents[1] / "examples" / "7.png"


def measure(models_dir: Path, rounds: int) -> dict[str, float]:
    """Return the medians over `rounds` services of the p50 and p99 in milliseconds."""
    image = golden_images(models_dir)[0]
    bodies = {"digit_28px": form(encode_png(image)), "photo": form(PHOTO.read_bytes())}
    rounds_ms: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        with running_service(models_dir) as service:
            for name, body in bodies.items():
                times_ms = request_times_ms(service.port, body)
                rounds_ms[f"{name}_p50_ms"].append(statistics.median(times_ms))
                rounds_ms[f"{name}_p99_ms"].append(statistics.quantiles(times_ms, n=100)[98])
    return {name: statistics.median(each_ms) for name, each_ms in rounds_ms.items()}


def request_times_ms(port: int, body: bytes) -> list[float]:
    """Post `body` again and again on one connection; return how long each answer took."""
    connection = HTTPConnection(HOST, port)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    times_ms = []
    for _ in range(WARM_UP + REQUESTS):
        started = time.perf_counter()
        connection.request("POST", "/predict", body, headers)
        response = connection.getresponse()
        response.read()
        times_ms.append(1e3 * (time.perf_counter() - started))
        if response.status != 200:
            raise RuntimeError(f"/predict answered {response.status}")
    connection.close()
    return times_ms[WARM_UP:]
