"""A folder on disk: in the zip, on an EFS mount, on a laptop.

Names that no path can express, such as those that are not UTF-8, are called `unsayable` here.
"""

import asyncio
import os
import stat
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from file_service.errors import FileChanged, NotFound, SourceRefused
from file_service.sources.base import PAGE_ENTRIES, Chunks, Entry, File, Folder, Page, Pages
from file_service.sources.folder_names import FolderNames, Folders
from file_service.sources.local_errors import source_error
from file_service.sources.local_file import LocalFile, file_of, same_version
from file_service.sources.log_skipped import log_skipped
from file_service.sources.real_path import real_path

# O_NONBLOCK: opening a pipe does not wait for its other end.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# O_PATH, on Linux: a descriptor that describes a file without opening it.
_LOOK = getattr(os, "O_PATH", _READ) | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class LocalSource:
    """The files below `root`, as a `FileSource` (base.py describes its methods).

    Symbolic links are followed if they end inside of the root. A file is opened first. Then the
    system is asked where the descriptor leads, and a file outside of the root is closed again.
    Checking the path before opening would be a race.

    Args:
        root: The folder. It must exist.
        show_hidden: Whether names that start with a dot are served.
    """

    files_per_second = 2000  # A low estimate for NFS. A disk reads ten times as many.

    def __init__(self, root: Path, *, show_hidden: bool = False) -> None:
        self._root = os.path.realpath(root)
        self._below = f"{self._root.rstrip('/')}/"
        # A read-only file system, as of a function's code: `file_of` says what that changes.
        self._frozen = bool(os.statvfs(root).f_flag & os.ST_RDONLY)
        self._folders = Folders(show_hidden=show_hidden)

    async def check(self) -> None:
        await asyncio.to_thread(self._check_root)

    async def stat(self, path: str) -> File:
        return await asyncio.to_thread(self._stat, path)

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> LocalFile:
        work = asyncio.to_thread(self._open, path)
        opening = asyncio.ensure_future(work)
        try:
            # Shielded: the thread continues when the caller is cancelled.
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise

    async def read(self, file: File, start: int, stop: int) -> Chunks:
        opened = await self.open(file.path)
        async with aclosing(opened):
            _check_version(file, opened.file)
            async with aclosing(opened.read(start, stop)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        return await asyncio.to_thread(self._read_all, files)

    async def list_pages(self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES) -> Pages:
        names = await asyncio.to_thread(self._names, folder)
        at = bisect_right(names.names, after, key=lambda name: folder + name)
        while at < len(names.names):
            entries, at = await asyncio.to_thread(self._entries, folder, names, at, limit)
            yield Page(entries)
        if names.unsayable:
            log_skipped(folder, names.unsayable)
            yield Page([], len(names.unsayable))

    async def walk(self, folder: str) -> Pages:
        entries = self._walk(folder)
        while found := await asyncio.to_thread(_some, entries):
            files = [entry for entry in found if isinstance(entry, File)]
            unsayable = [entry for entry in found if isinstance(entry, str)]
            if unsayable:
                log_skipped(folder, unsayable)
            yield Page(files, len(unsayable))

    async def sign(self, file: File, seconds: int) -> str | None:
        return None

    async def aclose(self) -> None:
        pass

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator["_Opened"]:
        """Open `path` and yield it. Raises `NotFound` if it is not below the root."""
        try:
            descriptor = os.open(self._below + path, flags)
        except OSError as error:
            raise source_error(error, path) from error
        try:
            real = real_path(descriptor)
            if real != self._root and not real.startswith(self._below):
                raise NotFound(path)
            yield _Opened(descriptor, real)
        except OSError as error:
            raise source_error(error, path) from error
        finally:
            os.close(descriptor)

    def _check_root(self) -> None:
        with self._opened("", _FOLDER):
            pass

    def _open(self, path: str) -> LocalFile:
        with self._opened(path, _READ) as opened:
            status = _regular(opened, path)
            kept = os.dup(opened.descriptor)
        return LocalFile(self._version(path, status), kept, status)

    def _stat(self, path: str) -> File:
        with self._opened(path, _LOOK) as opened:
            status = _regular(opened, path)
        return self._version(path, status)

    def _version(self, path: str, status: os.stat_result) -> File:
        return file_of(path, status, frozen=self._frozen)

    def _read_all(self, files: Sequence[File]) -> Sequence[bytes]:
        return [self._read_whole(file) for file in files]

    def _read_whole(self, file: File) -> bytes:
        with self._opened(file.path, _READ) as opened:
            before = os.fstat(opened.descriptor)
            _check_version(file, self._version(file.path, before))
            data = _read_up_to(file.size, opened.descriptor)
            after = os.fstat(opened.descriptor)
        if len(data) < file.size or not same_version(before, after):
            raise FileChanged(f"{file.path} changed while it was read")
        return data

    def _names(self, folder: str) -> FolderNames:
        def links_to_folder(name: str) -> bool:
            return self._linked_folder(folder + name) is not None

        with self._opened(folder, _FOLDER) as opened:
            return self._folders.names(opened.descriptor, links_to_folder)

    def _linked_folder(self, path: str) -> str | None:
        """Return the real path of the folder that the link at `path` leads to, or None."""
        with suppress(NotFound, SourceRefused), self._opened(path, _LOOK) as opened:
            status = os.fstat(opened.descriptor)
            if stat.S_ISDIR(status.st_mode):
                return opened.real
        return None

    def _entries(
        self, folder: str, names: FolderNames, at: int, limit: int
    ) -> tuple[list[Entry], int]:
        """Return at most `limit` entries of `folder`, and the position after them in `names`.

        The entries begin at position `at`. A name that is no file or folder, or does not exist any
        more, has no entry.
        """
        entries: list[Entry] = []
        with self._opened(folder, _FOLDER) as opened:
            while at < len(names.names) and len(entries) < limit:
                name = names.names[at]
                at += 1
                if name in names.links:
                    entry = self._link(opened, folder + name)
                elif name.endswith("/"):
                    entry = Folder(folder + name)
                else:
                    entry = self._file(opened, folder, name)
                if entry is not None:
                    entries.append(entry)
        return entries, at

    def _file(self, opened: "_Opened", folder: str, name: str) -> File | None:
        """Return the file of this name. A file in a folder below the root is below the root too."""
        try:
            status = os.stat(name, dir_fd=opened.descriptor, follow_symlinks=False)
        except FileNotFoundError:  # It was deleted after the listing.
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return self._version(folder + name, status)

    def _link(self, opened: "_Opened", path: str) -> Entry | None:
        """Return what the link at `path` in the folder `opened` leads to.

        A link to a folder that contains it is left out: it would be a folder without end.
        """
        if path.endswith("/"):
            target = self._linked_folder(path)
            if target is None or opened.lies_in(target):
                return None
            return Folder(path)
        with suppress(NotFound):  # It was deleted, or leads outside of the root.
            return self._stat(path)
        return None

    def _walk(self, folder: str) -> Iterator[File | str]:
        """Yield all files below `folder`, and the names that no path can express.

        A folder that several links lead to is walked for the first link, and at its real place.
        Otherwise each level of a chain of links could double the files.
        """
        linked: set[str] = set()
        levels = [self._level(folder)]
        yield from levels[0].unsayable
        while levels:
            for entry in levels[-1].left:
                if isinstance(entry, File):
                    yield entry
                elif below := self._next_level(entry, levels, linked):
                    levels.append(below)
                    yield from below.unsayable
                    break
            else:
                levels.pop()

    def _next_level(
        self, folder: Folder, levels: "Sequence[_Level]", linked: set[str]
    ) -> "_Level | None":
        """Return the level below.

        It is None if a link leads to a folder that was walked or is being walked.
        """
        try:
            level = self._level(folder.path)
        except NotFound:  # It was deleted after the listing.
            return None
        if not level.linked_from(levels[-1]):
            return level
        walked = {above.real for above in levels}
        if level.real in linked or level.real in walked:
            return None
        linked.add(level.real)
        return level

    def _level(self, folder: str) -> "_Level":
        names = self._names(folder)
        with self._opened(folder, _FOLDER) as opened:
            real = opened.real
        entries, _ = self._entries(folder, names, 0, len(names.names))
        return _Level(real, iter(entries), names.unsayable)


class _Opened(NamedTuple):
    """What is open, and its real path."""

    descriptor: int
    real: str  # Without links

    def lies_in(self, folder: str) -> bool:
        """Return whether it is `folder` (a real path) or something below it."""
        return self.real == folder or self.real.startswith(f"{folder.rstrip('/')}/")


class _Level(NamedTuple):
    """A folder on the path of a walk, and its entries that are still to be visited."""

    real: str
    left: Iterator[Entry]
    unsayable: Sequence[str]

    def linked_from(self, above: "_Level") -> bool:
        """Return whether a link led here: then the real folder is not in the one above."""
        return os.path.dirname(self.real) != above.real


def _regular(opened: _Opened, path: str) -> os.stat_result:
    status = os.fstat(opened.descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NotFound(path)
    return status


def _check_version(wanted: File, present: File) -> None:
    if wanted.etag != present.etag:
        raise FileChanged(f"{wanted.path} changed before it was read")


def _read_up_to(size: int, descriptor: int) -> bytes:
    data = b""
    while more := os.read(descriptor, size - len(data)):
        data += more
    return data


def _some(entries: Iterator[File | str]) -> list[File | str]:
    """Return the next entries: as many as fit on a page."""
    return list(islice(entries, PAGE_ENTRIES))


def _close_unwanted(opening: asyncio.Future[LocalFile]) -> None:
    """Close a file whose opening was cancelled: the thread opened it all the same."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close_now()
