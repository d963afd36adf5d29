"""A folder on disk: of the zip, of an EFS mount, of a laptop."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

import aiofiles

from file_service.errors import FileChanged, NotFound, SourceError, SourceRefused, SourceUnavailable
from file_service.paths import is_served
from file_service.sources.base import PAGE_ENTRIES, Entry, File, Folder

# Measured through aiofiles and a loopback socket, 256 MiB in the page cache: 64 KiB 0.5 GiB/s, 256 KiB 1.6, 1 MiB 2.5,
# 4 MiB 3.3. One read ahead of the socket was no faster at any size, so there is none. 1 MiB keeps the first byte early.
CHUNK_BYTES = 1024 * 1024

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
        try:
            # All of the opening takes one trip to a thread.
            opener = partial(self._open, file, start)
            async with aiofiles.open(file.path, "rb", buffering=0, opener=opener) as opened:
                left = stop - start
                while left:
                    chunk = await opened.read(min(CHUNK_BYTES, left))
                    left -= len(chunk)
                    if not chunk or not left:
                        # Before the last chunk leaves: of a file rewritten in place no body may seem whole.
                        await asyncio.to_thread(_check_unchanged, file, opened.fileno())
                    if not chunk:
                        raise FileChanged(f"{file.path} ended {left} bytes early")
                    yield chunk
        except OSError as error:
            raise _source_error(error, file.path) from error

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


def _source_error(error: OSError, path: str) -> SourceError:
    if error.errno in _ABSENT:
        return NotFound(path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SourceRefused(f"The service may not read {path}: {error.strerror}")
    return SourceUnavailable(f"Reading {path} failed: {error.strerror}")
