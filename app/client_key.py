"""The key for a service that wants one, as the command line and the evaluation send it."""

from __future__ import annotations

import os


class ClientKeyError(Exception):
    """What is wrong with the key, in one line."""


def client_key() -> str:
    """The key of ROWSCAN_API_KEY, empty when there is none; raises ClientKeyError."""
    key = os.environ.get("ROWSCAN_API_KEY", "")
    if not (key.isascii() and key.isprintable()):
        raise ClientKeyError("ROWSCAN_API_KEY is not valid: no header can hold it.")
    return key


def key_advice(was_sent: bool) -> str:
    """What to do about a service that refuses for want of its key, in one sentence."""
    return "ROWSCAN_API_KEY does not hold its key." if was_sent else "Set ROWSCAN_API_KEY to it."
