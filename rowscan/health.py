"""`rowscan health`: whether a service can answer, in one line and an exit code.

Containers run it every few seconds, so it imports the standard library only.
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import Final

from rowscan.address import AddressError, describe, own_address, parse_address

TIMEOUT_S: Final = 2.0  # less than the image's health check allows
READY: Final = 200
MOST_BYTES: Final = 4096
OTHERWISE: Final = "ROWSCAN_HOST, ROWSCAN_PORT or --url name another address"


def asked(words: list[str]) -> str | None:
    """The URL that `health …` is to ask, "" for the own one; None when it says anything else."""
    match words:
        case ["health"]:
            return ""
        case ["health", "--url", url] if url:
            return url
        case ["health", option] if option.startswith("--url=") and option != "--url=":
            return option.removeprefix("--url=")
    return None


def check(url: str | None = None) -> int:
    """Ask /health/ready, by default of the own service; print one line; 0 if ready, else 1."""
    other = f" ({OTHERWISE})" if url is None else ""
    try:
        address = parse_address(own_address() if url is None else url)
    except AddressError as error:
        print(f"rowscan: {error}{other}", file=sys.stderr)
        return 1
    connection = address.connect(TIMEOUT_S)
    try:
        connection.request("GET", f"{address.path}/health/ready")
        response = connection.getresponse()
        status, body = response.status, response.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        print(f"rowscan: {address.url} does not answer: {describe(error)}{other}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if status != READY:
        print(f"rowscan: {address.url} is not ready: {_why(status, body)}", file=sys.stderr)
        return 1
    print(f"{address.url} is ready")
    return 0


def _why(status: int, body: bytes) -> str:
    """What the service says about it, or at least the status."""
    try:
        said = json.loads(body)
        return str(said.get("detail") or said["status"])
    except (ValueError, LookupError, AttributeError):
        return f"it answered {status}"
