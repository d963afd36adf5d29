"""A folder on disk: of the zip, of an EFS mount, of a laptop."""

import asyncio
import errno
import os
import stat
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import aiofiles
from aiofiles.threadpool.binary import AsyncFileIO

from file_service.errors import FileChanged, NotFound, SourceError, SourceRefused, SourceUnavailable
from file_service.paths import is_served
from file_service.sources.base import PAGE_ENTRIES, Entry, File, Folder
from file_service.sources.reads import Reads

# Smaller ones cost more in turns and trips to threads, larger ones more memory and a later first byte: measured in
# docs/file_service.md.
CHUNK_BYTES = 1024 * 1024

# Neither a page cache nor a fast socket makes anybody wait. After this many seconds others get a turn all the same.
FAIR_SHARE = 0.002

# What cannot exist and what is not a file are one answer.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


class LocalSource:
    """Files below `root`. Symbolic links are followed as long as they end inside it."""

    def __init__(self, root: Path, *, show_hidden: bool = False) -> None:
        self._root = os.path.realpath(root)
        self._show_hidden = show_hidden

    async def stat(self, path: str) -> File:
        return await asyncio.to_thread(self._stat, path)

    async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """The last chunk leaves when the file was seen to be the same: of one that is rewritten in place no body may
        seem whole."""
        opener = partial(self._open, file, start)  # all of the opening takes one trip to a thread
        opening = asyncio.ensure_future(aiofiles.open(file.path, "rb", buffering=0, opener=opener))
        work: asyncio.Future[Any] = opening
        left = stop - start
        turn = time.monotonic()
        try:
            opened = await asyncio.shield(opening)  # shielded: a thread goes on when the wait for it is cancelled
            reads = Reads(opened)
            ahead: asyncio.Future[bytes] | None = None
            while left:
                work = ahead or reads.begin(min(CHUNK_BYTES, left))
                chunk: bytes = await asyncio.shield(work)
                left -= len(chunk)
                if (not chunk or not left) and reads.cache_tells:
                    _check_unchanged(file, opened.fileno())
                elif not chunk or not left:
                    work = asyncio.ensure_future(asyncio.to_thread(_check_unchanged, file, opened.fileno()))
                    await asyncio.shield(work)
                elif not reads.cache_tells:  # if it does, the kernel reads ahead, and to copy that takes no time
                    work = ahead = reads.begin(min(CHUNK_BYTES, left))
                if not chunk:
                    raise FileChanged(f"{file.path} ended {left} bytes early")
                yield chunk
                if time.monotonic() - turn > FAIR_SHARE:
                    await asyncio.sleep(0)
                    turn = time.monotonic()
        except OSError as error:
            raise _source_error(error, file.path) from error
        finally:
            # In a task of its own: anyio's cancelled scopes cancel each wait of ours, however often.
            await asyncio.shield(_close(opening, work))

    async def list_pages(
        self, folder: str, *, after: str = "", recursive: bool = False
    ) -> AsyncGenerator[Sequence[Entry], None]:
        entries = self._entries(folder, after, recursive, [])
        while page := await asyncio.to_thread(lambda: list(islice(entries, PAGE_ENTRIES))):
            yield page

    async def sign(self, file: File, seconds: int) -> str | None:
        return None

    async def aclose(self) -> None:
        pass

    def _resolve(self, path: str) -> str:
        resolved = os.path.realpath(os.path.join(self._root, path))
        if os.path.commonpath([resolved, self._root]) != self._root:
            raise NotFound(path)
        return resolved

    def _open(self, file: File, start: int, path: str, flags: int) -> int:
        """A descriptor of this version of the file, at `start`."""
        descriptor = os.open(self._resolve(path), flags | os.O_NONBLOCK)  # lest it waits on what became a pipe
        try:
            _check_unchanged(file, descriptor)
            os.lseek(descriptor, start, os.SEEK_SET)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _stat(self, path: str) -> File:
        try:
            status = os.stat(self._resolve(path))
        except OSError as error:
            raise _source_error(error, path) from error
        if not stat.S_ISREG(status.st_mode):
            raise NotFound(path)
        return _file(path, status)

    def _entries(self, folder: str, after: str, recursive: bool, above: list[str]) -> Iterator[Entry]:
        """Entries past `after`. `above`: the real folders that lead here; a link back to one of them is no folder."""
        real = self._resolve(folder)
        try:
            names = os.listdir(real)
        except OSError as error:
            raise _source_error(error, folder) from error
        served = (folder + name for name in names if is_served(name, show_hidden=self._show_hidden))
        # A folder sorts as its path with the slash, so that the walk comes in the order of whole paths, as S3 lists.
        for path in sorted(f"{path}/" if os.path.isdir(os.path.join(self._root, path)) else path for path in served):
            try:
                if not path.endswith("/"):
                    if path > after:
                        yield self._stat(path)
                elif self._resolve(path) in [*above, real]:
                    continue
                elif not recursive:
                    if path > after:
                        yield Folder(path)
                elif path > after or after.startswith(path):
                    yield from self._entries(path, after, recursive, [*above, real])
            except NotFound:  # gone since it was listed, outside the root, or neither file nor folder
                continue


def _file(path: str, status: os.stat_result) -> File:
    # The time to the nanosecond and the size, as nginx does with seconds. No inode: it differs between the execution
    # environments that serve one zip, and a download that is resumed in another one must go on.
    return File(
        path=path,
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime_ns // 1_000_000_000, UTC),
        etag=f'"{status.st_mtime_ns:x}-{status.st_size:x}"',
    )


def _check_unchanged(file: File, descriptor: int) -> None:
    if _file(file.path, os.fstat(descriptor)).etag != file.etag:
        raise FileChanged(f"{file.path} changed while it was read")


async def _close(opening: asyncio.Future[AsyncFileIO], work: asyncio.Future[Any]) -> None:
    """Close the file, if it was opened, when no thread is at work in it any more."""
    opened, _ = await asyncio.gather(opening, work, return_exceptions=True)
    if not isinstance(opened, BaseException):
        await opened.close()


def _source_error(error: OSError, path: str) -> SourceError:
    if error.errno in _ABSENT:
        return NotFound(path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SourceRefused(f"The service may not read {path}: {error.strerror}")
    return SourceUnavailable(f"Reading {path} failed: {error.strerror}")
