"""What the service asks of a store."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class File(NamedTuple):
    """One version of one file, as its store described it.

    `path` is relative to the source, in `/`-separated segments. `etag` is a strong entity tag with
    its quotes (RFC 9110 section 8.8.3). `modified` is in UTC and whole seconds.
    """

    path: str
    size: int
    modified: datetime
    etag: str


class Folder(NamedTuple):
    """A folder; `path` ends with `/`."""

    path: str


Entry = File | Folder

PAGE_ENTRIES = 1000  # The number of entries that one S3 list request returns at most


class Page(NamedTuple):
    """A part of a listing.

    `skipped` is the number of names that were left out because no path can express them.
    """

    entries: Sequence[Entry]
    skipped: int = 0


Chunks = AsyncGenerator[bytes, None]
"""Bytes of a file or of a response, in order. Close it (`aclose`) if you leave it early."""

Pages = AsyncGenerator[Page, None]
"""A listing, in order. Close it (`aclose`) if you leave it early."""


class OpenFile(Protocol):
    """One version of a file, and its bytes. The caller closes it."""

    @property
    def file(self) -> File: ...

    def read(self, start: int, stop: int) -> Chunks:
        """Yield the bytes from `start` up to `stop` (exclusive), in chunks of the store's choice.

        Exactly `stop - start` bytes are yielded, or an error is raised. Read one range at a time.

        Raises:
            FileChanged: The store has another version by now. Raised before the last chunk at the
                latest.
            SourceError: Any other failure.
        """

    async def aclose(self) -> None:
        """Release what is open. Call it after the last read. A second call does nothing."""


class FileSource(Protocol):
    """A read-only tree of files.

    Every method raises `SourceError` only. Paths are those that `paths.py` accepts: relative, in
    `/`-separated segments, none of them empty, `.` or `..`. The path of a folder ends with `/`. The
    root is an empty string.
    """

    @property
    def files_per_second(self) -> int:
        """A number of small files that can surely be read in one second."""

    async def check(self) -> None:
        """Check that the store can be listed. A remote store needs one request for it.

        Raises:
            SourceError: It cannot.
        """

    async def stat(self, path: str) -> File:
        """Return the file's present version.

        Raises:
            NotFound: There is no such file. It may be a folder.
        """

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> OpenFile:
        """Open the file's present version.

        Args:
            path: The file.
            start: Where reading most likely starts, as in a slice. -500 is the last 500 bytes.
            stop: Where reading most likely stops, as in a slice. A remote store sends this range
                with its response. Other ranges can be read too.

        Raises:
            NotFound: There is no such file. It may be a folder.
        """

    def read(self, file: File, start: int, stop: int) -> Chunks:
        """Yield bytes as `OpenFile.read` does, of exactly this version.

        Raises:
            FileChanged: The store has another version by now.
        """

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        """Return the bytes of some small files, exactly these versions, all in memory.

        Raises:
            FileChanged: The store has another version by now.
        """

    def list_pages(self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES) -> Pages:
        """Yield pages of the contents of `folder`, ordered by the UTF-8 bytes of the path.

        It holds no more than one page of entries. A local source also holds the names of one
        folder.

        Args:
            folder: The folder, with its slash.
            after: Entries up to this path are left out.
            limit: The largest number of entries on a page.

        Raises:
            NotFound: There is no such folder.
        """

    def walk(self, folder: str) -> Pages:
        """Yield pages of all files below `folder`, at any depth, in the same order. No folders.

        Raises:
            NotFound: There is no such folder.
        """

    async def sign(self, file: File, seconds: int) -> str | None:
        """Return a URL that lets anyone GET this file for `seconds`.

        It is None if the store cannot sign URLs.
        """

    async def aclose(self) -> None:
        """Release what the source holds. Call it once, after the last read."""
