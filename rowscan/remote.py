"""Files → rows, by asking a running service: several requests of many files each under way at once.

    files ─ chunks of so many files and bytes ─ threads: load, POST /predict/batch ─▶ rows

The service is the judge of what it takes. A chunk that is too much for it is cut in two and sent
again; when it is busy or stopping, it is asked again after as long as it says (Retry-After), for a
minute; when it limits what a client may send, for as long as that takes.
Standard library only.
"""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.client_key import key_advice
from rowscan import rows
from rowscan.address import Address, describe
from rowscan.files import FileError, load
from rowscan.flow import in_order
from rowscan.rows import Row

CONNECTIONS: Final = 4
CHUNK_FILES: Final = 64  # a large batch of the network's; what the service allows by default is 256
CHUNK_BYTES: Final = 4_000_000  # it allows 10 MB
MOST_FILE_BYTES: Final = 1_000_000_000  # as much as a service can be set to take
TIMEOUT_S: Final = 120.0
PATIENCE_S: Final = 60.0  # of being told to come back later
MIN_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 10.0
LONGEST_PAUSE_S: Final = 600.0  # at a service that lets each client have so many images a second

OK: Final = 200
NO_KEY: Final = 401
BUSY: Final = frozenset({429, 503})
TOO_MUCH: Final = frozenset({413, 504})  # for one request; half of it may do
ABOUT_THE_FILE: Final = frozenset({400, 413, 415, 422, 500, 504})


class ServiceError(Exception):
    """No service answers there, or not as this one does; the message says what to do."""


class Loaded(NamedTuple):
    """A file that is to be sent."""

    path: Path
    data: bytes


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RemoteModel:
    """Reads files by the service at an address, which may want a key."""

    def __init__(
        self,
        address: Address,
        key: str | None = None,
        patience_s: float = PATIENCE_S,
        timeout_s: float = TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = address
        self._key = {"X-API-Key": key} if key else {}
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._own = threading.local()  # each thread's connection
        self._opened: list[http.client.HTTPConnection] = []  # to be closed in the end

    def read(self, files: Sequence[Path]) -> Iterator[list[Row]]:
        """The rows of all files, some at a time, in order. Raises ServiceError."""
        try:
            yield from in_order(self._read_chunk, chunks(files), CONNECTIONS)
        finally:
            while self._opened:
                self._opened.pop().close()

    def _read_chunk(self, files: Sequence[Path]) -> list[Row]:
        unread: dict[int, Row] = {}  # by place: a file may be named twice
        loaded: list[Loaded] = []
        for place, path in enumerate(files):
            try:
                loaded.append(Loaded(path, load(path, MOST_FILE_BYTES)))
            except FileError as error:
                unread[place] = rows.unreadable(path, str(error))
        answers = iter(self._ask(loaded))
        return [unread[place] if place in unread else next(answers) for place in range(len(files))]

    def _ask(self, files: Sequence[Loaded]) -> list[Row]:
        """The rows of files that are sent together, or in halves when they are too much."""
        if not files:
            return []
        reply = self._post_until_taken(*form([file.data for file in files]))
        if reply.status in TOO_MUCH and len(files) > 1:
            half = len(files) // 2
            return self._ask(files[:half]) + self._ask(files[half:])
        try:
            answer = json.loads(reply.body)
            if reply.status == OK:
                items = answer["predictions"]
            elif len(files) == 1 and reply.status in ABOUT_THE_FILE:
                items = [answer]
            elif reply.status == NO_KEY:
                advice = key_advice(bool(self._key))
                raise ServiceError(f"{self._address.url} wants a key. {advice}")
            else:
                raise ServiceError(
                    f"{self._address.url} answered {reply.status}: {_detail(answer)}"
                )
            return [_row(file.path, item) for file, item in zip(files, items, strict=True)]
        except (ValueError, LookupError, TypeError) as error:
            raise ServiceError(
                f"{self._address.url} answers otherwise than this service (status {reply.status}). "
                "Check the address."
            ) from error

    def _post_until_taken(self, content_type: str, body: bytes) -> Reply:
        """Post, again and again while the service is busy, within what patience there is."""
        waited_s = 0.0
        while True:
            reply = self._post(content_type, body)
            if reply.status not in BUSY:
                return reply
            if is_limited(reply):  # which is no fault of the service's, and ends
                self._sleep(retry_after_s(reply.headers, most=LONGEST_PAUSE_S))
                continue
            pause_s = retry_after_s(reply.headers)
            waited_s += pause_s
            if waited_s > self._patience_s:
                raise ServiceError(
                    f"{self._address.url} has been too busy or not ready for "
                    f"{self._patience_s:.0f} s (status {reply.status}). Try again later."
                )
            self._sleep(pause_s)

    def _post(self, content_type: str, body: bytes) -> Reply:
        """Post once; again on a new connection, where the kept one has been closed meanwhile."""
        kept: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if kept is not None:
            try:
                return self._exchange(kept, content_type, body)
            except (ConnectionError, http.client.HTTPException):
                kept.close()
            except OSError as error:  # such as a time-out: to ask again would take as long
                raise self._silent(kept, error) from error
        connection = self._own.connection = self._address.connect(self._timeout_s)
        self._opened.append(connection)
        try:
            return self._exchange(connection, content_type, body)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(connection, error) from error

    def _silent(self, connection: http.client.HTTPConnection, error: Exception) -> ServiceError:
        connection.close()
        return ServiceError(
            f"{self._address.url} does not answer: {describe(error)}. "
            "Is the service running? Start one: rowscan serve"
        )

    def _exchange(
        self, connection: http.client.HTTPConnection, content_type: str, body: bytes
    ) -> Reply:
        if connection.sock is None:
            connection.connect()
        # A service that refuses before it has read all may close its end. It has answered then.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                "POST",
                f"{self._address.path}/predict/batch",
                body,
                {"Content-Type": content_type, "Accept": "application/json", **self._key},
            )
        response = connection.getresponse()
        return Reply(response.status, dict(response.headers), response.read())


def chunks(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """The files in order, in chunks of at most CHUNK_FILES and, but for one alone, CHUNK_BYTES."""
    first, total = 0, 0
    for place, path in enumerate(files):
        size = _size(path)
        if place > first and (place - first == CHUNK_FILES or total + size > CHUNK_BYTES):
            yield files[first:place]
            first, total = place, 0
        total += size
    if first < len(files):
        yield files[first:]


def form(files: Sequence[bytes]) -> tuple[str, bytes]:
    """The Content-Type and the body of a multipart form of these files, all named `files`."""
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="picture"\r\n\r\n'
    ).encode()
    parts = [piece for file in files for piece in (head, file, b"\r\n")]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    return f"multipart/form-data; boundary={boundary}", body


def is_limited(reply: Reply) -> bool:
    """Whether it says that this client has sent as much as it may, for now."""
    try:
        return bool(json.loads(reply.body)["type"] == "/problems/rate-limited")
    except (ValueError, LookupError, TypeError):
        return False


def retry_after_s(headers: Mapping[str, str], most: float = MAX_RETRY_AFTER_S) -> float:
    """How long to wait by a Retry-After of seconds; 1 when it says something else, or 0.

    Without a pause patience would not come to an end.
    """
    said = headers.get("Retry-After", headers.get("retry-after", ""))
    asked = float(said) if said.isdecimal() else MIN_RETRY_AFTER_S
    return min(max(asked, MIN_RETRY_AFTER_S), most)


def _row(path: Path, item: Mapping[str, Any]) -> Row:
    """The row of one answer: a prediction or a problem. Raises KeyError when it is neither."""
    return rows.answered(path, item) if "digit" in item else rows.refused(path, item)


def _detail(answer: object) -> str:
    return str(answer.get("detail", "")) if isinstance(answer, dict) else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # which reading it will say
        return 0
