"""What every `FileSource` does: in memory, in a folder, on S3, and as a subfolder of another."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from file_service.errors import FileChanged, NotFound
from file_service.sources import Entry, File, FileSource, Folder
from file_service.sources.local import LocalSource
from file_service.sources.s3 import S3Source
from file_service.sources.subfolder import Subfolder
from tests.file_service.memory_source import MemorySource
from tests.file_service.servers import S3Server, s3_server

FILES: Mapping[str, bytes] = {
    "a.txt": b"alpha",
    "empty": b"",
    "folder/b.bin": bytes(range(256)) * 1024 * 12,  # 3 MiB: several chunks
    "folder/deep/er/c.txt": b"c",
    "folder/deep/d.txt": b"d",
    "folder/sp ace +%#?&'.txt": b"punctuation",
    "folder/.hidden/x": b"no",
    ".hidden": b"no",
    "\u65e5\u672c/\u2603.txt": b"snow",
    **{f"many/{number:04}.txt": str(number).encode() for number in range(2100)},  # three pages
}
SERVED = sorted(path for path in FILES if "/." not in path and not path.startswith("."))

_Result = TypeVar("_Result")


@dataclass
class Made:
    """How to open a source over FILES, and how to change a file behind its back."""

    open: Callable[[], FileSource]
    change: Callable[[str, bytes], None]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.put({f"pre/fix/{path}": data for path, data in FILES.items()})
        server.put({"pre/fixture-of-another": b"not below the prefix"})
        server.mark_folder("pre/fix/marked-by-a-console")
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(params=["memory", "local", "s3", "subfolder"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    if request.param == "s3":
        s3: S3Server = request.getfixturevalue("s3")
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        return Made(
            lambda: S3Source(f"s3://{s3.BUCKET}/pre/fix"),
            lambda path, data: s3.put({f"pre/fix/{path}": data}),
        )
    if request.param == "local":
        folder: Path = request.getfixturevalue("folder")
        return Made(lambda: LocalSource(folder), lambda path, data: _rewrite(folder / path, data))
    if request.param == "subfolder":
        whole = MemorySource(
            {f"team/anna/{path}": data for path, data in FILES.items()} | {"team/bob/x": b"private"}
        )
        return Made(
            lambda: Subfolder(whole, "team/anna/"),
            lambda path, data: whole.files.update({f"team/anna/{path}": data}),
        )
    memory = MemorySource(FILES)
    return Made(lambda: memory, lambda path, data: memory.files.update({path: data}))


def _rewrite(path: Path, data: bytes) -> None:
    """In place, with another time even where two writes fall into one tick of the clock."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_bytes(data)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def run(made: Made, work: Callable[[FileSource], Awaitable[_Result]]) -> _Result:
    async def opened() -> _Result:
        source = made.open()
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(opened())


async def read(source: FileSource, file: File, start: int, stop: int) -> bytes:
    return b"".join([chunk async for chunk in source.read(file, start, stop)])


async def listed(source: FileSource, folder: str, *, after: str = "") -> list[Entry]:
    return [
        entry async for page in source.list_pages(folder, after=after) for entry in page.entries
    ]


async def walked(source: FileSource, folder: str) -> list[Entry]:
    return [entry async for page in source.walk(folder) for entry in page.entries]


@pytest.mark.parametrize("path", [path for path in SERVED if not path.startswith("many/")])
def test_stat_tells_the_size_and_read_brings_the_bytes(made: Made, path: str) -> None:
    async def work(source: FileSource) -> tuple[File, bytes]:
        file = await source.stat(path)
        return file, await read(source, file, 0, file.size)

    file, data = run(made, work)
    assert (file.path, file.size, data) == (path, len(FILES[path]), FILES[path])
    assert file.etag.startswith('"')
    assert file.etag.endswith('"')
    assert file.modified.microsecond == 0
    assert file.modified.utcoffset() is not None


@pytest.mark.parametrize(
    "path", ["nope", "folder", "folder/nope", "a.txt/below", "many", "folder/deep/", "x" * 400]
)
def test_what_is_no_file_is_not_found(made: Made, path: str) -> None:
    with pytest.raises(NotFound):
        run(made, lambda source: source.stat(path))


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, 1),
        (0, 3 * MIB),
        (1, 2),
        (MIB - 1, MIB + 1),
        (MIB, 2 * MIB),
        (3 * MIB - 1, 3 * MIB),
        (5, 3 * MIB - 5),
        (7, 7),
    ],
)
def test_any_range_is_read_exactly(made: Made, start: int, stop: int) -> None:
    async def work(source: FileSource) -> bytes:
        return await read(source, await source.stat("folder/b.bin"), start, stop)

    assert run(made, work) == FILES["folder/b.bin"][start:stop]


def test_chunks_are_neither_tiny_nor_the_whole_file(made: Made) -> None:
    async def work(source: FileSource) -> list[int]:
        file = await source.stat("folder/b.bin")
        return [len(chunk) async for chunk in source.read(file, 0, file.size)]

    sizes = run(made, work)
    assert len(sizes) > 1
    assert min(sizes[:-1]) >= 64 * 1024


def test_a_read_can_be_left_early_and_begun_again(made: Made) -> None:
    async def work(source: FileSource) -> bytes:
        file = await source.stat("folder/b.bin")
        for _ in range(20):
            async with aclosing(source.read(file, 0, file.size)) as chunks:
                await anext(chunks)
        return await read(source, file, 0, file.size)

    assert run(made, work) == FILES["folder/b.bin"]


def test_reads_run_beside_each_other(made: Made) -> None:
    async def work(source: FileSource) -> list[bytes]:
        file = await source.stat("folder/b.bin")
        return await asyncio.gather(*(read(source, file, start, file.size) for start in range(40)))

    for start, data in enumerate(run(made, work)):
        assert (
            hashlib.sha256(data).digest() == hashlib.sha256(FILES["folder/b.bin"][start:]).digest()
        )


def test_a_file_that_changed_is_never_read_as_the_old_one(made: Made) -> None:
    """Neither one that changed since `stat`, nor one that changes between two chunks."""
    made.change("changing", b"a" * 3 * MIB)

    async def between_stat_and_read(source: FileSource) -> None:
        file = await source.stat("changing")
        made.change("changing", b"b" * 3 * MIB)
        with pytest.raises(FileChanged):
            await read(source, file, 0, file.size)
        new = await source.stat("changing")
        assert new.etag != file.etag
        assert await read(source, new, 0, new.size) == b"b" * 3 * MIB

    async def between_two_chunks(source: FileSource) -> bytes:
        file = await source.stat("changing")
        data = b""
        try:
            async for chunk in source.read(file, 0, file.size):
                data += chunk
                made.change("changing", b"c" * 3 * MIB)
        except FileChanged:
            return data
        assert data == b"b" * 3 * MIB, "it ended as if whole, with bytes of two versions"
        return b""

    run(made, between_stat_and_read)
    assert len(run(made, between_two_chunks)) < 3 * MIB


def test_a_file_that_shrank_is_no_short_success(made: Made) -> None:
    made.change("shrinking", b"a" * 3 * MIB)

    async def work(source: FileSource) -> None:
        file = await source.stat("shrinking")
        made.change("shrinking", b"a")
        with pytest.raises(FileChanged):
            await read(source, file, 0, file.size)

    run(made, work)


def test_a_folder_lists_its_files_and_folders(made: Made) -> None:
    async def work(source: FileSource) -> tuple[list[Entry], File]:
        return await listed(source, "folder/"), await source.stat("folder/b.bin")

    entries, file = run(made, work)
    assert [entry.path for entry in entries] == [
        "folder/b.bin",
        "folder/deep/",
        "folder/sp ace +%#?&'.txt",
    ]
    assert entries[:2] == [file, Folder("folder/deep/")]


def test_the_root_lists_what_is_served(made: Made) -> None:
    paths = {entry.path for entry in run(made, lambda source: listed(source, ""))}
    assert paths - {"changing", "shrinking", "marked-by-a-console/"} == {
        "a.txt",
        "empty",
        "folder/",
        "many/",
        "\u65e5\u672c/",
    }


def test_a_tree_lists_all_served_files_in_one_order(made: Made) -> None:
    entries = run(made, lambda source: walked(source, "folder/"))
    assert [entry.path for entry in entries] == [
        path for path in SERVED if path.startswith("folder/")
    ]
    assert all(isinstance(entry, File) for entry in entries)


def test_long_listings_come_in_pages(made: Made) -> None:
    async def work(source: FileSource) -> list[list[str]]:
        return [[entry.path for entry in page.entries] async for page in source.list_pages("many/")]

    pages = run(made, work)
    assert max(map(len, pages)) <= 1000
    assert [path for page in pages for path in page] == [
        path for path in SERVED if path.startswith("many/")
    ]


def test_a_listing_goes_on_after_any_entry(made: Made) -> None:
    async def work(source: FileSource) -> None:
        for folder in ("", "folder/"):
            entries = await listed(source, folder)
            for index, entry in enumerate(entries):
                rest = await listed(source, folder, after=entry.path)
                assert rest == entries[index + 1 :], (folder, entry.path)

    run(made, work)


def test_a_page_is_all_that_is_held_of_a_listing(made: Made) -> None:
    """A reader that stops after one page costs one page."""

    async def work(source: FileSource) -> int:
        async with aclosing(source.list_pages("many/", limit=300)) as pages:
            return len((await anext(pages)).entries)

    assert run(made, work) == 300


def test_an_open_file_is_one_version(made: Made) -> None:
    """Whatever is read of it, and however much of it was expected to be."""

    async def work(source: FileSource) -> None:
        data = FILES["folder/b.bin"]
        for start, stop in ((0, None), (5, 10), (-7, None), (MIB, None), (0, len(data) + 5)):
            opened = await source.open("folder/b.bin", start, stop)
            async with aclosing(opened):
                assert opened.file == await source.stat("folder/b.bin")
                for wanted in (slice(0, 5), slice(5, 10), slice(5, 8), slice(0, len(data))):
                    got = [chunk async for chunk in opened.read(wanted.start, wanted.stop)]
                    assert b"".join(got) == data[wanted]

    run(made, work)


@pytest.mark.parametrize("hint", [(0, None), (0, 1), (-1, None), (5, None), (10**18, None)])
def test_an_empty_file_can_be_opened(made: Made, hint: tuple[int, int | None]) -> None:
    async def work(source: FileSource) -> int:
        opened = await source.open("empty", *hint)
        async with aclosing(opened):
            return opened.file.size

    assert run(made, work) == 0


@pytest.mark.parametrize("path", ["nope", "folder", "folder/nope", "a.txt/below", "x" * 400])
def test_what_is_no_file_cannot_be_opened(made: Made, path: str) -> None:
    with pytest.raises(NotFound):
        run(made, lambda source: source.open(path))


def test_small_files_are_read_together(made: Made) -> None:
    async def work(source: FileSource) -> None:
        files = [entry for entry in await walked(source, "folder/deep/") if isinstance(entry, File)]
        files += [await source.stat("empty"), await source.stat("a.txt")]
        assert list(await source.read_whole(files)) == [b"d", b"c", b"", b"alpha"]
        old = await source.stat("a.txt")
        with pytest.raises((NotFound, FileChanged)):
            await source.read_whole([files[0], old._replace(etag='"another"')])

    run(made, work)


@pytest.mark.parametrize("target", ["nope/", "a.txt/", "folder/nope/"])
def test_what_is_no_folder_is_not_found(made: Made, target: str) -> None:
    """The first page says so already, and that of a walk."""

    async def work(source: FileSource) -> None:
        for pages in (source.list_pages(target, limit=1), source.walk(target)):
            async with aclosing(pages):
                with pytest.raises(NotFound):
                    await anext(pages)

    run(made, work)


def test_a_file_of_another_source_is_not_read(made: Made) -> None:
    async def work(source: FileSource) -> None:
        file = (await source.stat("a.txt"))._replace(path="nope")
        with pytest.raises((NotFound, FileChanged)):
            await read(source, file, 0, file.size)

    run(made, work)
