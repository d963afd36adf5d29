"""What the service asks of a store."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class File:
    """One version of one file, as its store described it.

    `path` is relative to the source, in `/`-separated segments. `etag` is a strong entity-tag with
    its quotes (RFC 9110 section 8.8.3). `modified` is in UTC and whole seconds.
    """

    path: str
    size: int
    modified: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; `path` ends with `/`."""

    path: str


Entry = File | Folder

PAGE_ENTRIES = 1000  # what one S3 list request yields at most


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing. `skipped`: how many names were left out because no path can say them."""

    entries: Sequence[Entry]
    skipped: int = 0


class OpenFile(Protocol):
    """One version of a file, and its bytes. To be closed."""

    @property
    def file(self) -> File: ...

    def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Bytes `start` up to `stop` (exclusive), in chunks of the store's choice.

        Yields `stop - start` bytes or raises: `FileChanged` when the store has another version by
        now, at the latest before the last chunk. To be closed (`aclose`) when it is left before
        its end. One at a time.
        """

    async def aclose(self) -> None:
        """Releases what is open. Call it after the last read; again does no harm."""


class FileSource(Protocol):
    """A read-only tree of files.

    Every method raises `SourceError`s only. Paths are what `paths.py` lets through: relative, in
    `/`-separated segments, none of them empty, `.` or `..`. Folder paths end with `/`; the root is
    the empty string.
    """

    @property
    def files_per_second(self) -> int:
        """How many small files can surely be read in a second."""

    async def check(self) -> None:
        """Raises `SourceError` when the store cannot be listed. Costs a request where it is remote."""

    async def stat(self, path: str) -> File:
        """The file's present version. Raises `NotFound` for folders too."""

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> OpenFile:
        """The file's present version, to be read. Raises `NotFound` for folders too.

        `start` and `stop` are what will most likely be read, as in a slice: the last 500 bytes are
        -500 and None. A remote store sends them with its answer. Other ranges can be read too.
        """

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """As `OpenFile.read`, of exactly this version."""

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        """The bytes of some small files, exactly these versions, which are held at once."""

    def list_pages(
        self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES
    ) -> AsyncGenerator[Page, None]:
        """Pages of what lies in `folder`, past `after`, ordered by the UTF-8 bytes of the path.

        A page has `limit` entries at most. Raises `NotFound` when there is no such folder. Never
        holds more than a page of entries (a local folder: the names of one folder).
        """

    def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        """Pages of all files below `folder`, at any depth, and no folders. In the same order."""

    async def sign(self, file: File, seconds: int) -> str | None:
        """A URL that lets anyone GET this file for that long, or None when the store cannot sign."""

    async def aclose(self) -> None:
        """Releases what the source holds. Call once, after the last read."""
