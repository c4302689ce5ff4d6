"""`python -m app`: reads the settings, takes the port, serves until told to stop.

It serves by itself, or lets several workers do so, which run the same with a socket that they
inherit.

A start that cannot succeed ends with exit code 1 and one line on stderr that says what to do; one
with arguments, of which there are none, with 2. Log lines go to stdout.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":
    # Before the slow imports: until there is a server, a stop has nothing to finish.
    for _number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(_number, lambda *_: os._exit(0))

import logging
import socket
import sys
import time
import warnings
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.logs import configure_logging
from app.process import WRONG_USAGE, StartError, leave
from app.settings import Settings
from app.workers import inherit, supervise

# As uvicorn: more than the few connections that a start or a pause lets pile up.
LISTEN_BACKLOG = 2048
TYPO = 0.8  # difflib's likeness, from which on a name is taken for a mistyped setting

logger = logging.getLogger("rowscan")


def main() -> int:
    """Serve; the exit code."""
    started = time.monotonic()
    # Of damaged metadata that is not used here; what matters raises.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        refuse_arguments(sys.argv[1:])
        settings = read_settings()
        inherited = inherit(os.environ)
        configure_logging(settings.log_level, settings.log_format, sys.stdout)
        if not inherited:
            warn_of_typos(os.environ)
        listener = inherited.listener if inherited else bind(settings.host, settings.port)
        if settings.workers > 1 and not inherited:
            # The first worker that is ready begins to listen, for all.
            return supervise(listener, settings.workers, settings.drain_s)
        if not inherited:
            listener.listen(LISTEN_BACKLOG)
        # Here and not above: the parent of workers needs none of the app.
        from app.server import serve

        serve(settings, listener, started, inherited)
    except StartError as error:
        print(f"rowscan: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def refuse_arguments(arguments: list[str]) -> None:
    """Raise StartError when there are any: passing over --port would serve on another one."""
    if arguments:
        raise StartError(
            "takes no arguments. Settings are environment variables, such as ROWSCAN_PORT=8001; "
            "README.md lists them.",
            WRONG_USAGE,
        )


def read_settings() -> Settings:
    """The settings from the environment. Raises StartError that names all wrong ones."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = " ".join(_describe(each) for each in error.errors(include_url=False))
        raise StartError(wrong) from error


def _describe(error: ErrorDetails) -> str:
    """What is wrong with a setting, without pydantic's own terms."""
    name = _variable("_".join(map(str, error["loc"])))
    return f"{name} is not valid: {error['msg'].removeprefix('Value error, ')}."


def _variable(setting: str) -> str:
    """The variable of the environment that holds a setting."""
    return f"ROWSCAN_{setting}".upper()


def warn_of_typos(environment: Iterable[str]) -> None:
    """Warn of each variable that is no setting, but nearly is one."""
    settings = [_variable(name) for name in Settings.model_fields]
    for name in environment:
        upper = name.upper()  # as settings are read, whatever their case
        if upper.startswith("ROWSCAN_") and upper not in settings:
            for meant in get_close_matches(upper, settings, n=1, cutoff=TYPO):
                logger.warning("%s is no setting. Did you mean %s?", name, meant)


def bind(host: str, port: int) -> socket.socket:
    """A socket that has the address. Raises StartError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen on {host} port {port} ({error.strerror}). "
            "Set ROWSCAN_HOST and ROWSCAN_PORT to an address that is free."
        ) from error
    return listener


if __name__ == "__main__":
    leave(main())
