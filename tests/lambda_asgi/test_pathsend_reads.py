"""Files are read in large pieces, ahead. Nothing stays open, however the reading ends."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lambda_asgi import _pathsend as files
from lambda_asgi._pathsend import READ_SIZE, cached, read_ahead

_Result = TypeVar("_Result")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(params=["as it is", "with holes", "empty", "cannot be asked", "of another system"])
def page_cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set what a reader finds in the page cache."""
    preadv = os.preadv
    asked = 0

    def holes(descriptor: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        nonlocal asked
        asked += 1
        if asked % 3 == 0:
            raise BlockingIOError(errno.EAGAIN, "not there")
        return preadv(descriptor, [buffers[0][: 5000 if asked % 3 == 1 else None]], offset)

    def empty(*_: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "not there")

    def cannot_be_asked(*_: object) -> int:
        nonlocal asked
        asked += 1
        assert asked == 1, "once is enough"
        raise OSError(errno.EOPNOTSUPP, "not supported")

    if request.param == "of another system":
        monkeypatch.setattr(files, "_NO_WAIT", None)
        monkeypatch.delattr(os, "preadv")
    elif request.param != "as it is":
        monkeypatch.setattr(
            os,
            "preadv",
            {"with holes": holes, "empty": empty, "cannot be asked": cannot_be_asked}[
                request.param
            ],
        )
    return str(request.param)


class Threads(ThreadPoolExecutor):
    """The event loop's threads. They record what is `asked`, and wait while it is `held`."""

    def __init__(self, held: str = "") -> None:
        super().__init__()
        self.asked: list[str] = []
        self.reached = threading.Event()
        self.let_go = threading.Event()
        self._held = held
        asyncio.get_running_loop().set_default_executor(self)

    def submit(
        self, work: Callable[..., _Result], /, *arguments: Any, **_: Any
    ) -> "Future[_Result]":
        self.asked.append(work.__name__)
        if work.__name__ != self._held:
            return super().submit(work, *arguments)

        def held() -> _Result:
            self.reached.set()
            self.let_go.wait()
            return work(*arguments)

        return super().submit(held)


def pieces_of(path: Path, size: int | None = None) -> list[bytes]:
    async def read() -> list[bytes]:
        before = open_files()
        async with aclosing(read_ahead(str(path), size)) as pieces:
            result = [piece async for piece in pieces]
        assert open_files() == before
        return result

    return asyncio.run(read())


@pytest.mark.parametrize(
    "length", [0, 1, READ_SIZE - 1, READ_SIZE, READ_SIZE + 1, 3 * READ_SIZE + 5]
)
def test_a_whole_file(tmp_path: Path, length: int, page_cache: str) -> None:
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(content)
    pieces = pieces_of(tmp_path / "file")
    assert b"".join(pieces) == content
    if page_cache != "with holes":
        assert [len(piece) for piece in pieces[:-1]] == [READ_SIZE] * (len(pieces) - 1)


@pytest.mark.parametrize("size", [0, 1, READ_SIZE, READ_SIZE + 1, 10 * READ_SIZE])
def test_its_first_bytes(tmp_path: Path, size: int, page_cache: str) -> None:
    content = os.urandom(3 * READ_SIZE)
    (tmp_path / "file").write_bytes(content)
    assert b"".join(pieces_of(tmp_path / "file", size)) == content[:size]


@pytest.mark.parametrize(
    ("name", "error"), [("missing", FileNotFoundError), ("", IsADirectoryError)]
)
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
        """Wait until the other end is open for reading."""
        return os.open(self.path, os.O_WRONLY)

    def feed(self, content: bytes) -> None:
        with open(self.writer(), "wb") as file:
            file.write(content)


@pytest.mark.parametrize("stage", ["open", "read"])
def test_a_cancelled_read_waits_for_its_thread(tmp_path: Path, stage: str) -> None:
    """A file stays open while a thread reads it, and is closed if nobody waited for `open`."""
    fifo = Fifo(tmp_path / "fifo")
    before = open_files()

    async def read() -> None:
        async with aclosing(read_ahead(str(fifo.path))) as pieces:
            async for _ in pieces:
                pass

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        reading = asyncio.create_task(read())
        # opened now: `open` has ended, and the thread is in `read`
        # opened later: the thread is still in `open`
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
            await (
                feeding
            )  # nobody asks for the next piece, and yet its read is under way, at the file's end
            assert first == b"x" * 10
            assert [piece async for piece in pieces] == []

    asyncio.run(scenario())


def cache_tells(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            cached(file.fileno(), 1)
        except OSError:
            return False
    return True


def test_what_the_page_cache_has_needs_no_thread(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * READ_SIZE))
    if not cache_tells(path):
        pytest.skip("the file system of temporary files cannot say what is cached")

    async def scenario() -> list[str]:
        threads = Threads()
        async with aclosing(read_ahead(str(path), 3 * READ_SIZE)) as pieces:
            async for _ in pieces:
                pass
        return threads.asked

    assert asyncio.run(scenario()) == ["FileIO", "close"]


def test_at_its_end_a_cached_file_is_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"twelve bytes")
    if not cache_tells(path):
        pytest.skip("the file system of temporary files cannot say what is cached")
    with path.open("rb", buffering=0) as file:
        assert cached(file.fileno(), 7) == b"twelve "
        assert cached(file.fileno(), 7) == b"bytes"
        assert cached(file.fileno(), 7) == b""


@pytest.mark.parametrize("stage", ["FileIO", "read"])
def test_a_scope_that_cancels_every_wait_leaves_nothing_open(
    tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a cancelled scope of anyio, a task that waits again is cancelled again."""
    monkeypatch.setattr(files, "_NO_WAIT", None)
    (tmp_path / "file").write_bytes(bytes(READ_SIZE))

    async def read() -> None:
        async with aclosing(read_ahead(str(tmp_path / "file"))) as pieces:
            async for _ in pieces:
                pass

    async def scenario() -> None:
        before = open_files()
        threads = Threads(held=stage)
        reading = asyncio.create_task(read())
        await asyncio.get_running_loop().run_in_executor(None, threads.reached.wait)
        for _ in range(10):
            reading.cancel()
            await asyncio.sleep(0)
        assert reading.cancelled()
        assert "close" not in threads.asked
        threads.let_go.set()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert open_files() == before

    asyncio.run(scenario())
