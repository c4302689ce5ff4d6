"""The network's process: what it reads is what the network says, and its end is noticed."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from app.errors import ModelError, NotReadyError
from app.inference.classifier import Classifier, Read
from app.inference.exchange import (
    ASKED,
    TOLD,
    Exchange,
    Refused,
    ToLoad,
    Verified,
    new_memory,
)
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.inference.network_main import NetworkMain
from app.inference.network_process import CHECK_S, COMMAND, NetworkProcess, ProcessClassifier
from app.inference.saved_model import SavedModelClassifier
from app.inference.sizes import MOST_BATCHES, MOST_IMAGES

IMAGES = np.random.default_rng(0).random((MOST_IMAGES, 28, 28), np.float32)
PATIENCE_S = 60.0


READS_TWO_AND_ENDS = """
import socket, sys
import numpy as np
from app.inference.contract import Scores
from app.inference.exchange import ASKED, TOLD, Exchange
asked, _, memory = map(int, sys.argv[1:])
service, exchange = socket.socket(fileno=asked), Exchange(memory)
for _ in range(2):
    _, place, count = ASKED.unpack(service.recv(ASKED.size))
    ink = exchange.images(place, count).sum(axis=(1, 2))
    exchange.put_scores(place, Scores(np.repeat(ink[:, None], 10, axis=1), ink), count)
    service.send(TOLD.pack(count, 0.001))
"""
"""A process in the place of the network's, whose scores of an image are the sum of its pixels."""

HANGS = (sys.executable, "-c", "import time; time.sleep(1000)")
"""Another one, which does nothing."""

TAKES_A_LOAD = """
import os, signal, sys
from multiprocessing.connection import Connection
Connection(int(sys.argv[2])).recv()
os.kill(os.getpid(), signal.%s)
"""
DIES_OVER_A_LOAD = (sys.executable, "-c", TAKES_A_LOAD % "SIGKILL")
STOPS_OVER_A_LOAD = (sys.executable, "-c", TAKES_A_LOAD % "SIGSTOP")
"""Two more, which hear what they are to load and go no further."""


class Running(NetworkProcess):
    """The process, with what was said when it was lost."""

    def __init__(self, command: Sequence[str] = COMMAND, check_s: float = CHECK_S) -> None:
        self.losses: asyncio.Queue[str] = asyncio.Queue()
        super().__init__(self.losses.put_nowait, command, check_s)


class Loads:
    """A thread that has a version loaded, which never comes to an end."""

    def __init__(self, process: Running) -> None:
        self._process = process
        self._ended: list[object] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._ended.append(self._process.load(Path("1")))
        except BaseException as end:
            self._ended.append(type(end))

    def ended_in_silence(self) -> bool:
        """Whether the thread was ended, and nothing was said of the version."""
        self._thread.join(PATIENCE_S)
        return self._ended == [SystemExit]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process() -> AsyncIterator[Running]:
    """A process that nothing was said about when it is closed."""
    process = Running()
    yield process
    process.close()
    assert process.losses.empty()


in_its_loop = pytest.mark.asyncio(loop_scope="module")  # that of the process, which made it


async def read(classifier: ProcessClassifier, count: int) -> Read | Exception:
    """What comes of the first so many images."""
    outcome: asyncio.Future[Read | Exception] = asyncio.get_running_loop().create_future()
    classifier.begin(IMAGES[:count], outcome.set_result)
    async with asyncio.timeout(PATIENCE_S):
        return await outcome


@in_its_loop
async def test_reads_as_the_network_does(process: Running, version: Path) -> None:
    """Any number of images, one batch after the other, with the same scores as in this process."""
    classifier = await asyncio.to_thread(process.load, version)
    expected = SavedModelClassifier.load(version).classify(IMAGES)
    assert classifier.manifest.version == 1
    for count in (1, 5, MOST_IMAGES):
        found = await read(classifier, count)
        assert isinstance(found, Read)
        assert found.scores.off_by(expected.part(0, count)) < 1e-6
        assert 0 < found.infer_s < PATIENCE_S


@in_its_loop
async def test_a_batch_ahead(process: Running, version: Path) -> None:
    """Of two batches that it has each gets its own scores, the first one first."""
    classifier = await asyncio.to_thread(process.load, version)
    alone = SavedModelClassifier.load(version).classify(IMAGES)
    outcomes: asyncio.Queue[Read | Exception] = asyncio.Queue()
    parts = [(0, 3), (3, MOST_IMAGES)]
    for first, last in parts:
        classifier.begin(IMAGES[first:last], outcomes.put_nowait)
    for first, last in parts:
        found = await outcomes.get()
        assert isinstance(found, Read)
        assert found.scores.off_by(alone.part(first, last)) < 1e-6


@in_its_loop
async def test_versions_come_and_go(process: Running, version: Path, tmp_path: Path) -> None:
    """A refusal is told and harms nothing; what nobody holds any more is let go with the next."""
    first = await asyncio.to_thread(process.load, version)
    damaged = shutil.copytree(version, tmp_path / "1")
    (damaged / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ModelError, match=r"saved_model\.pb"):
        await asyncio.to_thread(process.load, damaged)
    assert isinstance(await read(first, 1), Read)
    del first
    gc.collect()
    second = await asyncio.to_thread(process.load, version)
    assert isinstance(await read(second, 1), Read)


async def test_its_end_is_noticed(version: Path) -> None:
    """Killed in the middle of a batch: that and the one behind it fail, later ones too."""
    process = Running()
    classifier = await asyncio.to_thread(process.load, version)
    os.kill(process.pid, signal.SIGSTOP)
    asked = [asyncio.create_task(read(classifier, 1)) for _ in range(MOST_BATCHES)]
    await asyncio.sleep(0)
    os.kill(process.pid, signal.SIGKILL)
    for outcome in await asyncio.gather(*asked):
        assert isinstance(outcome, NotReadyError)
    assert "killed by signal 9" in await process.losses.get()
    assert isinstance(await read(classifier, 1), NotReadyError)


async def test_its_end_before_all_was_heard() -> None:
    """What it has read is told, each batch its own; what is begun meanwhile fails."""
    process = Running((sys.executable, "-c", READS_TWO_AND_ENDS))
    outcomes: asyncio.Queue[tuple[int, Read | Exception]] = asyncio.Queue()

    def begin(batch: int) -> None:
        process.begin(1, IMAGES[batch : batch + 1], partial(end, batch))

    def end(batch: int, outcome: Read | Exception) -> None:
        outcomes.put_nowait((batch, outcome))
        if batch <= 4:
            begin(batch + 2)

    begin(1)
    begin(2)
    # The event loop hears of nothing meanwhile.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222
    async with asyncio.timeout(PATIENCE_S):
        assert "exit code 0" in await process.losses.get()
        found = dict([await outcomes.get() for _ in range(6)])
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    for batch in (1, 2):
        outcome = found.pop(batch)
        assert isinstance(outcome, Read)
        np.testing.assert_allclose(outcome.scores.novelty, IMAGES[batch].sum(), rtol=1e-5)
    assert {type(outcome) for outcome in found.values()} == {NotReadyError}


async def test_one_that_hangs_is_ended() -> None:
    """Its batches fail, and the service is told, as when it ends by itself."""
    process = Running(HANGS, check_s=0.01)
    outcome: asyncio.Future[Read | Exception] = asyncio.get_running_loop().create_future()
    process.begin(1, IMAGES[:1], outcome.set_result)
    async with asyncio.timeout(PATIENCE_S):
        assert "killed by signal 9" in await process.losses.get()
        assert isinstance(await outcome, NotReadyError)


async def test_its_end_over_a_version() -> None:
    """Killed while it loads one: the service is told, and no version is to blame."""
    process = Running(DIES_OVER_A_LOAD)
    loads = Loads(process)
    async with asyncio.timeout(PATIENCE_S):
        assert "killed by signal 9" in await process.losses.get()
    assert await asyncio.to_thread(loads.ended_in_silence)


@in_its_loop
async def test_a_stop_is_not_its_business(process: Running, version: Path) -> None:
    """SIGTERM and Ctrl-C are for the service, which has accepted what is not answered yet."""
    classifier = await asyncio.to_thread(process.load, version)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(process.pid, number)
    assert isinstance(await read(classifier, 1), Read)


async def test_a_load_that_nobody_waits_for() -> None:
    """The stop ends it without a word: what was to be loaded is not to blame."""
    process = Running(STOPS_OVER_A_LOAD)
    loads = Loads(process)
    await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    process.close()
    assert await asyncio.to_thread(loads.ended_in_silence)
    assert process.losses.empty()


def loading(version_dir: Path) -> Classifier:
    """A version 3 from a folder of any name but these."""
    if version_dir.name == "bad":
        raise ModelError("a bad one")
    if version_dir.name == "worse":
        raise OSError("disk\nand pages more")
    return FakeClassifier(Manifest.model_construct(version=3))  # type: ignore[call-arg]


def test_what_the_process_answers() -> None:
    """Versions by number; a failure, which is told and logged, and then the next batch."""
    mine, theirs = socket.socketpair()
    loads, their_loads = Pipe()
    memory = new_memory()
    exchange = Exchange(os.dup(memory))
    network = NetworkMain(Exchange(memory), lambda: loading)
    threads = [
        threading.Thread(target=network.load_versions, args=[their_loads]),
        threading.Thread(target=network.read_batches, args=[theirs]),
    ]
    for thread in threads:
        thread.start()
    gc.disable()  # as the process has it until a version is loaded
    for name, why in (("bad", "a bad one"), ("worse", "worse could not be loaded: OSError: disk")):
        loads.send(ToLoad(name, []))
        assert loads.recv() == Refused(why)
        assert not gc.isenabled()
    loads.send(ToLoad("good", []))
    found = loads.recv()
    assert isinstance(found, Verified)
    assert gc.isenabled()
    exchange.put_images(1, IMAGES)

    def ask(number: int) -> int:
        mine.send(ASKED.pack(number, 1, 7))
        read: int = TOLD.unpack(mine.recv(TOLD.size))[0]
        return read

    assert [ask(found.number + 1), ask(found.number)] == [0, 7]  # of which the first is none
    assert exchange.scores(1, 7).off_by(loading(Path("good")).classify(IMAGES[:7])) == 0
    loads.send(ToLoad("good", [found.number]))
    following = loads.recv()
    assert [ask(found.number), ask(following.number)] == [0, 7]
    mine.close()
    loads.close()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    theirs.close()
    their_loads.close()
