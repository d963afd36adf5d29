"""What the service asks of a store."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class File:
    """One version of one file, as its store described it.

    `path` is relative to the source, in `/`-separated segments. `etag` is a strong entity-tag with its quotes
    (RFC 9110 section 8.8.3). `modified` is in UTC.
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


class FileSource(Protocol):
    """A read-only tree of files.

    Every method raises `SourceError`s only. Paths are what `paths.py` lets through: relative, in `/`-separated
    segments, none of them empty, `.` or `..`. Folder paths end with `/`; the root is the empty string.
    """

    async def stat(self, path: str) -> File:
        """The file's present version. Raises `NotFound` for folders too."""

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Bytes `start` up to `stop` (exclusive) of exactly this version, in chunks of the store's choice.

        Yields `stop - start` bytes or raises: `FileChanged` when the store has another version by now, at the latest
        before the last chunk. To be closed (`aclose`) when it is left before its end.
        """

    def list_pages(
        self, folder: str, *, after: str = "", recursive: bool = False
    ) -> AsyncGenerator[Sequence[Entry], None]:
        """Pages of what lies in `folder`, past `after`, ordered by the UTF-8 bytes of the whole path.

        `recursive` yields the files of the whole tree below it, and no folders. Raises `NotFound` when there is no
        such folder. Never holds more than a page of entries (a local folder: the names of one folder).
        """

    async def sign(self, file: File, seconds: int) -> str | None:
        """A URL that lets anyone GET this file for that long, or None when the store cannot sign."""

    async def aclose(self) -> None:
        """Releases what the source holds. Call once, after the last read."""
