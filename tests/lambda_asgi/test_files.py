"""Files in big reads, off the event loop; nothing is left open, however the reading ends."""

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from lambda_asgi.files import READ_SIZE, read_ahead


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def pieces_of(path: Path, size: int | None = None) -> list[bytes]:
    async def read() -> list[bytes]:
        before = open_files()
        async with aclosing(read_ahead(str(path), size)) as pieces:
            result = [piece async for piece in pieces]
        assert open_files() == before
        return result

    return asyncio.run(read())


@pytest.mark.parametrize("length", [0, 1, READ_SIZE - 1, READ_SIZE, READ_SIZE + 1, 3 * READ_SIZE + 5])
def test_a_whole_file(tmp_path: Path, length: int) -> None:
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(content)
    pieces = pieces_of(tmp_path / "file")
    assert b"".join(pieces) == content
    assert [len(piece) for piece in pieces[:-1]] == [READ_SIZE] * (len(pieces) - 1)


@pytest.mark.parametrize("size", [0, 1, READ_SIZE, READ_SIZE + 1, 10 * READ_SIZE])
def test_its_first_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(3 * READ_SIZE)
    (tmp_path / "file").write_bytes(content)
    assert b"".join(pieces_of(tmp_path / "file", size)) == content[:size]


@pytest.mark.parametrize(("name", "error"), [("missing", FileNotFoundError), ("", IsADirectoryError)])
def test_what_is_no_file(tmp_path: Path, name: str, error: type[OSError]) -> None:
    with pytest.raises(error):
        pieces_of(tmp_path / name)


def test_reading_stops_half_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(5 * READ_SIZE))

    async def scenario() -> None:
        before = open_files()
        async with aclosing(read_ahead(str(tmp_path / "file"))) as pieces:
            async for _ in pieces:
                break
        assert open_files() == before

    asyncio.run(scenario())


class Fifo:
    """A file whose `open` or `read` takes as long as the test wants."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path

    def writer(self) -> int:
        """Waits until somebody opens the other end for reading."""
        return os.open(self.path, os.O_WRONLY)

    def feed(self, content: bytes) -> None:
        with open(self.writer(), "wb") as file:
            file.write(content)


@pytest.mark.parametrize("stage", ["open", "read"])
def test_a_cancelled_read_waits_for_its_thread(tmp_path: Path, stage: str) -> None:
    """A file must not be closed while a thread reads from it, nor stay open because nobody waited for `open`."""
    fifo = Fifo(tmp_path / "fifo")
    before = open_files()

    async def read() -> None:
        async with aclosing(read_ahead(str(fifo.path))) as pieces:
            async for _ in pieces:
                pass

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        reading = asyncio.create_task(read())
        # opened now, `open` is over and the thread is in `read`; opened later, the thread is still in `open`
        writer = await loop.run_in_executor(None, fifo.writer) if stage == "read" else None
        for _ in range(10):
            await asyncio.sleep(0)
        reading.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not reading.done()
        os.close(await loop.run_in_executor(None, fifo.writer) if writer is None else writer)
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(scenario())
    assert open_files() == before


def test_a_piece_is_read_while_the_one_before_is_sent(tmp_path: Path) -> None:
    fifo = Fifo(tmp_path / "fifo")

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with aclosing(read_ahead(str(fifo.path))) as pieces:
            feeding = loop.run_in_executor(None, fifo.feed, b"x" * 10)
            first = await anext(pieces)
            await feeding  # nobody asks for the next piece, and yet its read is under way, at the file's end
            assert first == b"x" * 10
            assert [piece async for piece in pieces] == []

    asyncio.run(scenario())
