"""Files as one zip, made while it is sent. Stored, not compressed: so its size is known before its first byte.

The standard library writes the format: of what was measured it is the fastest, keeps the files' times and takes data as
it comes (`docs/file_service.md` has the comparison). It writes to a `_Sink`, which cannot seek, and so puts sizes and
checksums behind the data.
"""

import io
import struct
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from zipfile import ZIP64_LIMIT, ZIP_FILECOUNT_LIMIT, ZipFile, ZipInfo

from typing_extensions import Buffer

from file_service.sources import File, FileSource

# A local header is 50 bytes: blocks of what lies there leave together.
_BLOCK_BYTES = 256 * 1024

# The DOS time of a zip has no time zone and starts in 1980: Info-ZIP's extra field 0x5455 has seconds of UTC.
_EXTENDED_TIMESTAMP = struct.Struct("<HHBL")
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)


def archive_size(names_and_sizes: Iterable[tuple[str, int]]) -> int:
    """The size in bytes of the zip of files of these names and sizes, as `archive` writes it (APPNOTE 4.3)."""
    files = 0
    at = 0  # of the next local header
    directory = 0
    for name, size in names_and_sizes:
        named = len(name.encode()) + _EXTENDED_TIMESTAMP.size
        large = size > ZIP64_LIMIT
        positions = 2 * large + (at > ZIP64_LIMIT)  # of eight bytes, in the zip64 field of the central directory
        directory += 46 + named + (4 + 8 * positions if positions else 0)
        at += 30 + named + (20 + size + 24 if large else size + 16)  # header, data, data descriptor
        files += 1
    zip64 = files > ZIP_FILECOUNT_LIMIT or at > ZIP64_LIMIT or directory > ZIP64_LIMIT
    return at + directory + (56 + 20 if zip64 else 0) + 22


async def archive(source: FileSource, files: Sequence[File], folder: str) -> AsyncGenerator[bytes, None]:
    """The zip of `files`, named in it by their paths below `folder`.

    Raises `SourceError` where a file cannot be read to its end: the zip then lacks its directory, and no tool takes it.
    """
    sink = _Sink()
    with ZipFile(sink, "w") as zip_file:
        for file in files:
            with zip_file.open(_entry(file, folder), "w", force_zip64=file.size > ZIP64_LIMIT) as entry:
                async with aclosing(source.read(file, 0, file.size)) as chunks:
                    async for chunk in chunks:
                        entry.write(chunk)
                        if sink.size >= _BLOCK_BYTES:
                            yield sink.take()
    yield sink.take()


def _entry(file: File, folder: str) -> ZipInfo:
    modified = min(max(file.modified, _EARLIEST), _LATEST)
    entry = ZipInfo(file.path.removeprefix(folder), modified.timetuple()[:6])
    entry.extra = _EXTENDED_TIMESTAMP.pack(0x5455, 5, 1, int(modified.timestamp()))
    entry.external_attr = 0o100644 << 16  # a regular file, for its owner to write and for all to read
    return entry


class _Sink(io.RawIOBase):
    """Where `ZipFile` writes. It cannot seek."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: Buffer, /) -> int:
        self._parts.append(bytes(data))
        self.size += len(self._parts[-1])
        return len(self._parts[-1])

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return taken
