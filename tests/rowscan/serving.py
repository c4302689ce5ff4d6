"""Services in threads of the test: the app with a fake network, and one that answers by heart."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI

from rowscan.address import Address, parse_address


@contextmanager
def serving(app: FastAPI) -> Iterator[Address]:
    """The app behind a real socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield parse_address(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


class Said(NamedTuple):
    """One answer by heart."""

    status: int
    body: bytes = b"{}"
    retry_after: str | None = None
    close: bool = False  # the connection, without having said so
    after_s: float = 0.0


class ByHeart(NamedTuple):
    """A service that says what it is told to, and what it was asked."""

    address: Address
    asked: list[tuple[str, bytes]]  # path and body


@contextmanager
def saying(*answers: Said) -> Iterator[ByHeart]:
    """A service that gives these answers, the last one for ever."""
    left = list(answers)
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, body))
            said = left.pop(0) if len(left) > 1 else left[0]
            time.sleep(said.after_s)
            self.send_response(said.status)
            if said.retry_after is not None:
                self.send_header("Retry-After", said.retry_after)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # who has waited for long enough
                self.wfile.write(said.body)
            self.close_connection = said.close

        do_POST = do_GET  # noqa: N815 - as http.server names them

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield ByHeart(parse_address(f"http://127.0.0.1:{server.server_port}"), asked)
        finally:
            server.shutdown()
            thread.join()


def unused_address() -> Address:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return parse_address(f"http://127.0.0.1:{port}")
