"""What is written in one turn of the event loop goes out in one piece."""

from __future__ import annotations

import asyncio

import pytest

from app.protocol import Gathering


class Recorder(asyncio.Transport):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__({"peername": "somebody"})
        self.told: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.told.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def is_closing(self) -> bool:
        """Whether the client has left."""
        return self.closing

    def close(self) -> None:
        """Keep that too."""
        self.told.append("close")


@pytest.fixture
def recorder() -> Recorder:
    """What lies beneath."""
    return Recorder()


async def test_head_and_body_go_together(recorder: Recorder) -> None:
    """Of a turn, and not those of the next."""
    gathering = Gathering(recorder, asyncio.get_running_loop())
    gathering.write(b"head ")
    gathering.write(b"body")
    assert not recorder.told
    await asyncio.sleep(0)
    gathering.write(b"next")
    await asyncio.sleep(0)
    assert recorder.told == [b"head body", b"next"]


async def test_nothing_is_lost_when_it_closes(recorder: Recorder) -> None:
    """What was written before goes out before."""
    gathering = Gathering(recorder, asyncio.get_running_loop())
    gathering.write(b"last")
    gathering.close()
    await asyncio.sleep(0)
    assert recorder.told == [b"last", "close"]


async def test_nothing_is_written_to_who_has_left(recorder: Recorder) -> None:
    """In the same turn: uvloop would raise."""
    gathering = Gathering(recorder, asyncio.get_running_loop())
    gathering.write(b"answer")
    recorder.closing = True
    await asyncio.sleep(0)
    assert not recorder.told


async def test_the_rest_is_as_it_was(recorder: Recorder) -> None:
    """Whoever asks for something else asks the transport itself."""
    gathering = Gathering(recorder, asyncio.get_running_loop())
    assert gathering.get_extra_info("peername") == "somebody"
