"""One serving process: the app behind uvicorn, from the first readiness to the last answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app import tracing
from app.inference.manifest import MODEL_NAME
from app.inference.service import Service
from app.logs import announce
from app.main import Events, create_app
from app.memory import return_large_at_once
from app.metrics import Metrics
from app.process import NETWORK_LOST, START_FAILED, SWITCH_S, StartError, leave
from app.protocol import Protocol
from app.settings import Settings
from app.workers import Inherited

LOOKS_BEFORE_STOP = 5
LOOK_S = 0.01
LOST_STOP_S = 1  # for answers that are under way when the network is lost


class Server(uvicorn.Server):
    """Turns readiness off in the moment that a signal comes, before connections are closed."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn on SIGTERM and SIGINT."""
        if not self.started:
            leave(0)  # a worker that is loading: it has accepted nothing that it could finish
        self._service.begin_drain()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn to stop, some time after the signal.

        First the event loop takes up what came before the signal and has not been read or accepted
        yet, since closing would throw it away.
        """
        for _ in range(LOOKS_BEFORE_STOP):
            await asyncio.sleep(LOOK_S)
        who = f"Process {os.getpid()}"
        failed = self._service.error is not None  # of which one line tells, at the end
        if not failed:
            announce(f"{who} stops; requests under way: {len(self.server_state.tasks)}")
        await super().shutdown(sockets)
        if not failed:
            announce(f"{who} has stopped")


def serve(
    settings: Settings, listener: socket.socket, started: float, worker: Inherited | None = None
) -> None:
    """Serve until a signal. Raises StartError when no model can be served, or none any more.

    `started` is the process's start on time.monotonic(). `worker` is what a worker has from its
    parent.
    """
    link = worker.link if worker else None
    host, port = listener.getsockname()[:2]
    fatal: list[StartError] = []

    def on_ready(version: int) -> None:
        address = f"[{host}]" if ":" in host else host
        seconds = time.monotonic() - started
        where = f"http://{address}:{port}"
        who = f", worker {os.getpid()}" if link else ""
        announce(f"{MODEL_NAME} version {version} ready on {where} in {seconds:.1f} s{who}")
        if link:
            link.tell_ready()
            link.on_parent_gone(lambda: signal.raise_signal(signal.SIGTERM))

    def on_fatal(why: str, code: int = START_FAILED) -> None:
        if link and not server.started:
            # At once: another worker may be well, so this one must not begin to accept.
            print(f"rowscan: {why}", file=sys.stderr)
            leave(code)
        if not server.should_exit:
            fatal.append(StartError(why, code))
        server.should_exit = True

    def on_lost(why: str) -> None:
        # There is nothing to finish, and whoever comes would be turned away.
        server.config.timeout_graceful_shutdown = LOST_STOP_S
        on_fatal(why, NETWORK_LOST)

    sys.setswitchinterval(SWITCH_S)
    return_large_at_once()
    metrics = Metrics(settings.workers, worker.place if worker else None)
    app = create_app(
        settings,
        events=Events(on_ready, on_fatal, on_lost),
        metrics=metrics,
        tracing=tracing.start(os.environ),
    )
    server = Server(configure(settings, app), app.state.service)
    for number in (signal.SIGTERM, signal.SIGINT):
        # When uvicorn has stopped it raises the signal once more, which would look like a crash.
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    if fatal:
        raise fatal[0]


def configure(settings: Settings, app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves the app."""
    return uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        # It goes to asyncio.wait_for, to which a second has parts.
        timeout_graceful_shutdown=settings.drain_s,  # type: ignore[arg-type]
    )
