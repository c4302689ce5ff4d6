"""`python -m app.inference.network_main`: the process that holds TensorFlow and reads images.

Started by `network_process`, with three file descriptors as arguments. One thread reads a batch
after the other; another one loads versions meanwhile. It ends when the service has closed its end,
and not by a signal: what the service has accepted has to be finished.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    for _number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(_number, signal.SIG_IGN)

import contextlib
import gc
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from app.errors import ModelError, in_one_line
from app.inference.classifier import Classifier
from app.inference.exchange import ASKED, TOLD, Exchange, Refused, ToLoad, Verified
from app.inference.versions import Load, saved_models
from app.logs import configure_logging
from app.process import SWITCH_S, leave
from app.settings import Settings

logger = logging.getLogger(__name__)


class NetworkMain:
    """The versions that are loaded, by number, and the two threads' work with them."""

    def __init__(
        self, exchange: Exchange, loader: Callable[[], Load[Classifier]] = saved_models
    ) -> None:
        self._exchange = exchange
        self._loader = loader
        self._load: Load[Classifier] | None = None
        self._classifiers: dict[int, Classifier] = {}
        self._numbers = 0

    def read_batches(self, asked: socket.socket) -> None:
        """Read what is asked for until the service closes its end."""
        with contextlib.suppress(OSError):  # it was killed, with an answer under way
            while said := asked.recv(ASKED.size):
                number, place, count = ASKED.unpack(said)
                started = time.monotonic()
                try:
                    images = self._exchange.images(place, count)
                    scores = self._classifiers[number].classify(images)
                    self._exchange.put_scores(place, scores, count)
                except Exception:
                    logger.exception("The network failed on a batch of %d images", count)
                    count = 0
                asked.sendall(TOLD.pack(count, time.monotonic() - started))

    def load_versions(self, loads: Connection) -> None:
        """Load what is asked for until the service closes its end."""
        with contextlib.suppress(EOFError, OSError):  # it has
            while True:
                wanted: ToLoad = loads.recv()
                for number in wanted.let_go:
                    del self._classifiers[number]
                loads.send(self._try(Path(wanted.version_dir)))

    def _try(self, version_dir: Path) -> Verified | Refused:
        try:
            self._load = self._load or self._loader()
            classifier = self._load(version_dir)
        except ModelError as error:
            return Refused(str(error))
        except Exception as error:
            logger.debug("Where it failed", exc_info=True)
            return Refused(f"{version_dir} could not be loaded: {in_one_line(error)}")
        if not self._numbers:
            # TensorFlow leaves 350,000 objects that live for ever. To look through them for garbage
            # takes 0.2 s in which nothing is read, and would be due every now and then. Once now:
            # the graphs that loading has left behind hold 24 MiB, which the next version will need.
            gc.collect()
            gc.freeze()
            gc.enable()
        self._numbers += 1
        self._classifiers[self._numbers] = classifier
        return Verified(self._numbers, classifier.manifest)


def main(arguments: Sequence[str]) -> None:
    """Serve the process that has left the file descriptors."""
    asked, loads, memory = map(int, arguments)
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format, sys.stdout)
    sys.setswitchinterval(SWITCH_S)
    gc.disable()  # until a version is loaded
    network = NetworkMain(Exchange(memory))
    threading.Thread(
        target=network.load_versions, args=[Connection(loads)], name="load", daemon=True
    ).start()
    network.read_batches(socket.socket(fileno=asked))


if __name__ == "__main__":
    main(sys.argv[1:])
    leave(0)
