"""What only a folder on disk can do: links, odd names, odd files."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from file_service.errors import NotFound, SourceRefused
from file_service.sources import File
from file_service.sources.local import LocalSource


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


def tree(root: Path, *, recursive: bool = True) -> list[str]:
    async def work() -> list[str]:
        pages = LocalSource(root).list_pages("", recursive=recursive)
        return [entry.path async for page in pages for entry in page]

    return asyncio.run(work())


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
    for path in ("absolute", "relative", "folder/secret.txt", "twice/secret.txt", "proc/etc/passwd"):
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
    assert tree(root) == ["sub/a.txt"]


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused(root: Path) -> None:
    (root / "sub" / "a.txt").chmod(0)
    with pytest.raises(SourceRefused):
        read(root, "sub/a.txt")


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "large").write_bytes(bytes(5 * 1024 * 1024))

    async def work() -> int:
        source = LocalSource(root)
        file: File = await source.stat("large")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            chunks = source.read(file, 0, file.size)
            await anext(chunks)
            await chunks.aclose()
        return len(os.listdir("/proc/self/fd")) - before

    assert asyncio.run(work()) == 0
