"""`python -m app`: reads the settings, takes the port, serves until told to stop.

A start that cannot succeed ends with exit code 1 and one line on stderr that says what to do.
Log lines go to stdout.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":
    # Before the slow imports: until there is a server, a stop has nothing to finish.
    for _number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(_number, lambda *_: os._exit(0))

import logging
import math
import socket
import sys
import threading
import time
import warnings
from types import FrameType
from typing import NoReturn

import uvicorn
from pydantic import ValidationError

from app.inference.manifest import MODEL_NAME
from app.inference.service import Service
from app.main import create_app
from app.settings import Settings

# As uvicorn: more than the few connections that a start or a pause lets pile up.
LISTEN_BACKLOG = 2048
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class StartError(Exception):
    """Why the service cannot start, in one line."""


class Server(uvicorn.Server):
    """Turns readiness off in the moment that a signal comes, before connections are closed."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn on SIGTERM and SIGINT."""
        self._service.begin_drain()
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve; the exit code."""
    started = time.monotonic()
    # Of damaged metadata that is not used here; what matters raises.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        refuse_arguments(sys.argv[1:])
        settings = read_settings()
        listener = listen(settings.host, settings.port)
        configure_logging(settings.log_level)
        serve(settings, listener, started)
    except StartError as error:
        print(f"rowscan: {error}", file=sys.stderr)
        return 1
    return 0


def refuse_arguments(arguments: list[str]) -> None:
    """Raise StartError when there are any: passing over --port would serve on another one."""
    if arguments:
        raise StartError(
            "takes no arguments. Settings are environment variables, such as ROWSCAN_PORT=8001; "
            "README.md lists them."
        )


def read_settings() -> Settings:
    """The settings from the environment. Raises StartError that names the first wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "_".join(["ROWSCAN", *(str(part) for part in first["loc"])]).upper()
        raise StartError(f"{name} is not valid: {first['msg']}.") from error


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises StartError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except OSError as error:
        # create_server adds the address, which is named here already.
        reason = str(error.strerror).partition(" (while")[0]
        raise StartError(
            f"cannot listen on {host} port {port} ({reason}). "
            "Set ROWSCAN_HOST and ROWSCAN_PORT to an address that is free."
        ) from error


def configure_logging(level: str) -> None:
    """Plain lines on stdout, and no line per request: that would cost more than the request."""
    logging.basicConfig(level=level.upper(), stream=sys.stdout, format=LOG_FORMAT)
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, logging.root.level))
    # It warns of every malformed body, which the client is told anyway.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def serve(settings: Settings, listener: socket.socket, started: float) -> None:
    """Serve until a signal. Raises StartError when no model can be served."""
    host, port = listener.getsockname()[:2]
    fatal: list[str] = []

    def on_ready(version: int) -> None:
        address = f"[{host}]" if ":" in host else host
        seconds = time.monotonic() - started
        where = f"http://{address}:{port}"
        print(
            f"rowscan: {MODEL_NAME} version {version} ready on {where} in {seconds:.1f} s",
            flush=True,
        )

    def on_fatal(why: str) -> None:
        fatal.append(why)
        server.should_exit = True

    app = create_app(settings, on_ready=on_ready, on_fatal=on_fatal)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=math.ceil(settings.drain_s),
    )
    server = Server(config, app.state.service)
    for number in (signal.SIGTERM, signal.SIGINT):
        # When uvicorn has stopped it raises the signal once more, which would look like a crash.
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    if fatal:
        raise StartError(fatal[0])


def leave(code: int) -> NoReturn:
    """End the process, at once when a thread may still be inside TensorFlow.

    The load thread is when the stop comes early, and so is the inference thread when the network
    hangs. Both are daemons, but TensorFlow aborts when Python is taken down around it. What had to
    be finished has been, or the time to finish it is over.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    leave(main())
