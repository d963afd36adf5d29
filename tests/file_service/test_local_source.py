"""What only a folder on disk can do: links, odd names, odd files."""

import asyncio
import errno
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from file_service.errors import FileChanged, NotFound, SourceRefused, SourceUnavailable
from file_service.sources import File, Page, folder_names, local_file, reads
from file_service.sources.local import LocalSource
from file_service.sources.reads import CHUNK_BYTES

_Result = TypeVar("_Result")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("must not be seen")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("alpha")
    return folder


def read(root: Path, path: str) -> bytes:
    async def work() -> bytes:
        source = LocalSource(root)
        file = await source.stat(path)
        return b"".join([chunk async for chunk in source.read(file, 0, file.size)])

    return asyncio.run(work())


def pages(root: Path, *, recursive: bool) -> list[Page]:
    async def work() -> list[Page]:
        source = LocalSource(root)
        found = source.walk("") if recursive else source.list_pages("")
        return [page async for page in found]

    return asyncio.run(work())


def tree(root: Path, *, recursive: bool = True) -> list[str]:
    return [entry.path for page in pages(root, recursive=recursive) for entry in page.entries]


def test_links_that_end_inside_are_followed(root: Path) -> None:
    (root / "file").symlink_to(root / "sub" / "a.txt")
    (root / "relative").symlink_to("sub/a.txt")
    (root / "folder").symlink_to(root / "sub")
    assert read(root, "file") == read(root, "relative") == read(root, "folder/a.txt") == b"alpha"
    assert tree(root) == ["file", "folder/a.txt", "relative", "sub/a.txt"]


def test_links_that_leave_the_root_are_not_there(root: Path, outside: Path) -> None:
    (root / "absolute").symlink_to(outside / "secret.txt")
    (root / "relative").symlink_to("../outside/secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "twice").symlink_to(root / "folder")
    (root / "proc").symlink_to("/proc/self/root")
    for path in (
        "absolute",
        "relative",
        "folder/secret.txt",
        "twice/secret.txt",
        "proc/etc/passwd",
    ):
        with pytest.raises(NotFound):
            read(root, path)
    assert tree(root) == ["sub/a.txt"]
    assert tree(root, recursive=False) == ["sub/"]


def test_a_file_that_becomes_a_link_out_after_stat_is_not_read(root: Path, outside: Path) -> None:
    async def work(source: LocalSource) -> None:
        file = await source.stat("sub/a.txt")
        (root / "sub" / "a.txt").unlink()
        (root / "sub" / "a.txt").symlink_to(outside / "secret.txt")
        async for _ in source.read(file, 0, file.size):
            pytest.fail("a byte from outside")

    with pytest.raises(NotFound):
        asyncio.run(work(LocalSource(root)))


def test_a_root_that_is_a_link_is_the_folder_it_names(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read(tmp_path / "link", "sub/a.txt") == b"alpha"


def test_the_root_of_the_machine_can_be_served(root: Path) -> None:
    assert read(Path("/"), str(root / "sub" / "a.txt").removeprefix("/")) == b"alpha"


def test_links_in_a_circle_end(root: Path) -> None:
    (root / "sub" / "up").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "dangling").symlink_to(root / "nope")
    assert tree(root) == ["sub/a.txt"]
    for path in ("self", "dangling"):
        with pytest.raises(NotFound):
            read(root, path)


def test_what_is_neither_file_nor_folder_is_not_there(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for path in ("pipe", "socket"):
            with pytest.raises(NotFound):
                read(root, path)
        assert tree(root) == ["sub/a.txt"]


def test_names_that_no_url_can_say_are_not_listed(root: Path) -> None:
    (root / os.fsdecode(b"not-\xff-utf8")).write_text("x")
    (root / "back\\slash").write_text("x")
    (root / "new\nline").write_text("x")
    (root / "escape\x1b[2J").mkdir()
    assert tree(root) == ["sub/a.txt"]
    for recursive in (False, True):
        assert sum(page.skipped for page in pages(root, recursive=recursive)) == 4


def test_folders_sort_as_paths_do(root: Path) -> None:
    """The order of S3, whose keys are compared whole: `-` and `.` come before `/`."""
    for name in ("sub-way", "sub.txt", "sub0"):
        (root / name).write_text("x")
    assert tree(root) == sorted(tree(root)) == ["sub-way", "sub.txt", "sub/a.txt", "sub0"]
    assert tree(root, recursive=False) == ["sub-way", "sub.txt", "sub/", "sub0"]


def test_another_version_is_another_tag_even_within_a_second(root: Path) -> None:
    async def tag() -> str:
        return (await LocalSource(root).stat("sub/a.txt")).etag

    path = root / "sub" / "a.txt"
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    before = asyncio.run(tag())
    os.utime(path, ns=(0, 1_700_000_000_000_000_001))
    assert asyncio.run(tag()) != before


@pytest.fixture
def nobody() -> Iterator[None]:
    """Run the test as a user who may not read everything: as `nobody` instead of root."""
    was_root = os.geteuid() == 0
    if was_root:
        try:
            os.seteuid(65534)
        except OSError:
            pytest.skip("root may read everything, and no other user is there")
    yield
    if was_root:
        os.seteuid(0)


def test_what_may_not_be_read_is_refused(nobody: None) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder, "secret.txt").write_text("secret")
        Path(folder, "secret.txt").chmod(0)
        Path(folder, "open.txt").write_text("open")
        assert read(Path(folder), "open.txt") == b"open"
        with pytest.raises(SourceRefused):
            read(Path(folder), "secret.txt")


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "large").write_bytes(bytes(5 * 1024 * 1024))

    async def work() -> int:
        source = LocalSource(root)
        file: File = await source.stat("large")
        before = open_files()
        for _ in range(5):
            chunks = source.read(file, 0, file.size)
            await anext(chunks)
            await chunks.aclose()
        return open_files() - before

    assert asyncio.run(work()) == 0


class Threads(ThreadPoolExecutor):
    """The event loop's threads. They count the work that is `asked`, and wait unless `free`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.free = threading.Event()
        self.free.set()
        asyncio.get_running_loop().set_default_executor(self)

    def submit(
        self, work: Callable[..., _Result], /, *arguments: Any, **named: Any
    ) -> "Future[_Result]":
        self.asked += 1

        def wait_and_work() -> _Result:
            self.free.wait()
            return work(*arguments, **named)

        return super().submit(wait_and_work)


@pytest.fixture
def large(root: Path) -> bytes:
    """A file of five chunks, and its contents."""
    content = os.urandom(5 * CHUNK_BYTES - 1)
    (root / "large").write_bytes(content)
    return content


@pytest.fixture
def cache_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system cannot report what is cached, as on EFS."""

    def preadv(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "preadv", preadv)


def test_what_is_not_cached_comes_all_the_same(
    root: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    preadv = os.preadv
    asked = 0

    def with_holes(descriptor: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        nonlocal asked
        asked += 1
        if asked % 3 == 0:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return preadv(descriptor, [buffers[0][: 5000 if asked % 3 == 1 else None]], offset)

    monkeypatch.setattr(os, "preadv", with_holes)
    assert read(root, "large") == large
    assert asked > 5


def test_where_the_cache_cannot_tell_threads_read(
    root: Path, large: bytes, cache_cannot_tell: None
) -> None:
    assert read(root, "large") == large


def test_other_systems_have_no_cache_to_ask(
    root: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "_NO_WAIT", None)
    monkeypatch.delattr(os, "preadv")
    assert read(root, "large") == large


def test_what_is_cached_takes_no_thread(root: Path, large: bytes) -> None:
    with open(root / "large", "rb") as file:
        try:
            reads.cached(file.fileno(), 0, 1)
        except OSError:
            pytest.skip("the file system of temporary files cannot say what is cached")

    async def work() -> int:
        source = LocalSource(root)
        file = await source.stat("large")
        threads = Threads()
        async for _ in source.read(file, 0, file.size):
            pass
        return threads.asked

    assert asyncio.run(work()) == 2  # to open and to close it


def test_a_chunk_is_read_while_the_one_before_is_sent(
    root: Path, large: bytes, cache_cannot_tell: None
) -> None:
    async def work() -> None:
        source = LocalSource(root)
        file = await source.stat("large")
        threads = Threads()
        async with aclosing(source.read(file, 0, file.size)) as chunks:
            await anext(chunks)
            await asyncio.sleep(0)  # the next read is a task
            assert threads.asked == 3  # to open it, and for two chunks

    asyncio.run(work())


@pytest.mark.parametrize("stage", ["open", "read"])
def test_a_reader_that_is_cancelled_again_and_again_leaves_nothing_open(
    stage: str, root: Path, large: bytes, cache_cannot_tell: None
) -> None:
    """As in a cancelled scope of anyio, when a client has left. No thread uses a closed file."""

    async def work() -> None:
        source = LocalSource(root)
        file = await source.stat("large")
        before = open_files()
        threads = Threads()
        chunks = source.read(file, 0, file.size)
        if stage == "read":
            await anext(chunks)
        opened = open_files() - before
        threads.free.clear()
        asked = threads.asked
        reading = asyncio.ensure_future(anext(chunks))
        for _ in range(3):
            await asyncio.sleep(0)
        assert threads.asked == asked + 1
        while not reading.done():
            reading.cancel()
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert threads.asked == asked + 1  # not yet to close it
        assert open_files() - before == opened
        threads.free.set()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert open_files() == before

    asyncio.run(work())


def test_a_failed_read_ahead_fails_in_its_place(
    root: Path, large: bytes, cache_cannot_tell: None
) -> None:
    async def work() -> None:
        source = LocalSource(root)
        file = await source.stat("large")
        received = b""
        async with aclosing(source.read(file, 0, file.size)) as chunks:
            received += await anext(chunks)
            await asyncio.wait(
                asyncio.all_tasks() - {asyncio.current_task()}
            )  # the read of the second one
            _make_unreadable(root / "large")
            received += await anext(chunks)
            with pytest.raises(SourceUnavailable):
                await anext(chunks)
        assert received == large[: 2 * CHUNK_BYTES]

    asyncio.run(work())


def _make_unreadable(path: Path) -> None:
    """Make every read from an open descriptor of this file fail."""
    unreadable = os.open(path, os.O_WRONLY)
    for name in os.listdir("/proc/self/fd"):
        if int(name) != unreadable and os.path.realpath(f"/proc/self/fd/{name}") == str(path):
            os.dup2(unreadable, int(name))
    os.close(unreadable)


def test_others_get_their_turns_while_a_cached_file_is_read(
    root: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_file, "FAIR_SHARE", 0)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def work() -> list[int]:
        source = LocalSource(root)
        file = await source.stat("large")
        others = asyncio.create_task(other())
        seen = [turns async for _ in source.read(file, 0, file.size)]
        others.cancel()
        return seen

    seen = asyncio.run(work())
    assert sorted(set(seen)) == seen


def test_a_file_that_is_swapped_for_a_link_out_never_leaks(root: Path, outside: Path) -> None:
    """The swaps never stop, and size and time are the same, so that the versions look equal."""
    inside, secret = b"inside!" * 100, b"SECRET!" * 100
    (outside / "secret.txt").write_bytes(secret)
    path = root / "sub" / "swapped"
    stop = threading.Event()

    def swap() -> None:
        spare = root / "spare"
        while not stop.is_set():
            spare.write_bytes(inside)
            os.utime(spare, (1_700_000_000, 1_700_000_000))
            os.replace(spare, path)
            spare.symlink_to(outside / "secret.txt")
            os.replace(spare, path)

    os.utime(outside / "secret.txt", (1_700_000_000, 1_700_000_000))
    path.write_bytes(inside)
    swapping = threading.Thread(target=swap)

    async def work() -> list[bytes]:
        source = LocalSource(root)
        got: list[bytes] = []
        for turn in range(2000):
            try:
                if turn % 3 == 0:
                    async with aclosing(await source.open("sub/swapped")) as opened:
                        got += [chunk async for chunk in opened.read(0, opened.file.size)]
                elif turn % 3 == 1:
                    file = await source.stat("sub/swapped")
                    got += [chunk async for chunk in source.read(file, 0, file.size)]
                else:
                    files = [each async for page in source.walk("") for each in page.entries]
                    got += await source.read_whole([f for f in files if isinstance(f, File)])
            except (NotFound, FileChanged):
                continue
        return got

    swapping.start()
    try:
        got = asyncio.run(work())
    finally:
        stop.set()
        swapping.join()
    assert inside in got
    assert not [data for data in got if b"SECRET" in data]


def test_a_rewrite_in_place_that_sets_the_time_back_is_seen(root: Path) -> None:
    path = root / "large"
    path.write_bytes(b"a" * (3 * CHUNK_BYTES))
    before = path.stat()

    async def work() -> None:
        source = LocalSource(root)
        file = await source.stat("large")
        async with aclosing(source.read(file, 0, file.size)) as chunks:
            await anext(chunks)
            rewritten = os.open(path, os.O_WRONLY)
            os.write(rewritten, b"b" * (3 * CHUNK_BYTES))
            os.close(rewritten)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            with pytest.raises(FileChanged):
                async for _ in chunks:
                    pass
        assert (await source.stat("large")).etag != file.etag

    asyncio.run(work())


def test_1900_nested_folders_are_walked(root: Path) -> None:
    deep = root / "deep"
    depth = 1900
    folder = os.open(root, os.O_RDONLY)
    for name in ["deep", *["d"] * depth]:
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("a.txt", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    try:
        assert tree(root) == [f"deep/{'d/' * depth}a.txt", "sub/a.txt"]
    finally:  # what pytest would remove by recursion
        subprocess.run(["rm", "-rf", deep], check=True)


def test_a_chain_of_folder_links_does_not_double_at_each_level(root: Path) -> None:
    """Each of forty folders has two links to the next one: 2^40 paths lead to the last one."""
    for level in range(40):
        folder = root / f"level{level:02}"
        folder.mkdir()
        (folder / "file").write_text("x")
        for name in ("one", "two"):
            (folder / name).symlink_to(f"../level{level + 1:02}")
    found = tree(root)
    assert 41 <= len(found) <= 200
    assert {f"level{level:02}/file" for level in range(40)} <= set(found)


def test_paging_through_a_folder_reads_it_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 names in pages of 500. Each name is on one page, and is processed once."""
    many = root / "many"
    many.mkdir()
    for number in range(2000):
        (many / f"{number:05}").write_text("x")
    os.utime(many, (1_700_000_000, 1_700_000_000))
    scanned = 0
    scandir = os.scandir

    def counting(descriptor: int) -> object:
        nonlocal scanned
        scanned += 1
        return scandir(descriptor)

    monkeypatch.setattr(os, "scandir", counting)
    monkeypatch.setattr(folder_names, "_TICK_SECONDS", -1e9)  # it has not changed just now

    async def page(source: LocalSource, after: str) -> list[str]:
        async with aclosing(source.list_pages("many/", after=after, limit=100)) as pages:
            return [entry.path for entry in (await anext(pages)).entries]

    async def work(sources: list[LocalSource]) -> list[str]:
        found: list[str] = []
        for turn in range(20):
            after = found[-1] if found else ""
            found += await page(sources[turn % len(sources)], after)
        return found

    names = [f"many/{number:05}" for number in range(2000)]
    assert asyncio.run(work([LocalSource(root)])) == names
    assert scanned == 1
    assert asyncio.run(work([LocalSource(root), LocalSource(root)])) == names  # two instances
    assert scanned == 3


def test_a_folder_that_changes_is_read_again(root: Path) -> None:
    async def names(source: LocalSource) -> list[str]:
        return [entry.path async for page in source.list_pages("sub/") for entry in page.entries]

    async def work() -> None:
        source = LocalSource(root)
        os.utime(root / "sub", (1_600_000_000, 1_600_000_000))
        assert await names(source) == ["sub/a.txt"]
        for number in range(50):  # however quickly
            (root / "sub" / f"b{number:02}").write_text("x")
            assert len(await names(source)) == number + 2

    asyncio.run(work())
