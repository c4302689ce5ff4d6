"""Where a service is, and connections to it. Standard library only, for those in a hurry."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

# An address to listen on that stands for all; it is asked on this machine.
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound, replaced


class AddressError(ValueError):
    """What was given is no address; the message says what one looks like."""


class Address(NamedTuple):
    """A service, as http.client wants it."""

    url: str  # for messages, without what follows the path
    secure: bool
    host: str
    port: int | None  # None: the scheme's own
    path: str  # what comes before the service's own paths, without a slash at its end

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        """A connection that opens itself with its first request."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=timeout_s)


def parse_address(url: str) -> Address:
    """The address that a URL gives; http:// may be left out. Raises AddressError."""
    full = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")  # as a connection does, where it would be no OSError
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https") or not host.isprintable() or " " in host:
        raise AddressError(f"{url!r} is no address. Give one such as http://localhost:8000.")
    path = quote(parts.path.rstrip("/"), safe="/%")
    return Address(
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}",
        parts.scheme == "https",
        host,
        port,
        path,
    )


def own_address(environment: Mapping[str, str] = os.environ) -> str:
    """The URL of the service that ROWSCAN_HOST and ROWSCAN_PORT describe."""
    host = environment.get("ROWSCAN_HOST") or "127.0.0.1"
    host = ANYWHERE.get(host, host)
    port = environment.get("ROWSCAN_PORT") or "8000"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def describe(error: Exception) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted, {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        plain = error.reason == "WRONG_VERSION_NUMBER"
        return "it does not speak TLS, but http://" if plain else f"TLS failed, {error.reason}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "the connection broke off"
