"""The zip format. Pure.

Files are stored without compression, so that the size is known before the first byte.

Source: APPNOTE.TXT, "ZIP File Format Specification", section 4.3. The standard library's writer
takes 60 microseconds for each file, six times as long as this one. That was most of the time of an
archive of small files.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

from file_service.packing import HELD_BYTES
from file_service.sources.base import File

# Larger values are in the zip64 record: sizes and positions have 32 bits, counts 16.
SIZE_LIMIT = 0xFFFFFFFF
COUNT_LIMIT = 0xFFFF

_PIECE_BYTES = 256 * 1024

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<4s3L")
_DESCRIPTOR_64 = struct.Struct("<4sL2Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")

# Info-ZIP's extended timestamp has seconds of UTC. A zip's DOS time has no time zone.
_TIME = struct.Struct("<HHBL")
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST = datetime(2106, 1, 1, tzinfo=UTC)

# The zip64 field of a local header has both sizes. Like the checksum, they follow the data.
_ZIP64_LOCAL = struct.pack("<HHQQ", 1, 16, 0, 0)

_UTF8_NAME, _SIZES_FOLLOW = 0x800, 0x08
_UNIX = 3 << 8
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_MODE = 0o100644 << 16  # A regular file that its owner may write and everyone may read


@dataclass
class ZipSize:
    """The size in bytes of a zip that `ZipWriter` writes, of the files that were added."""

    files: int = 0
    at: int = 0  # The position of the next local header
    directory: int = 0

    def add(self, name: str, file: File) -> None:
        """Add a file under its name in the zip."""
        named = len(name.encode()) + _TIME.size
        large = file.size > SIZE_LIMIT
        positions = 2 * large + (self.at > SIZE_LIMIT)
        self.directory += _CENTRAL.size + named
        if positions:  # Of eight bytes each, in the zip64 field
            self.directory += 4 + 8 * positions
        self.at += _LOCAL.size + named + file.size
        if large:
            self.at += len(_ZIP64_LOCAL) + _DESCRIPTOR_64.size
        elif file.size > HELD_BYTES:
            self.at += _DESCRIPTOR.size
        self.files += 1

    @property
    def total(self) -> int:
        """Return the size of the whole zip."""
        size = self.at + self.directory + _END.size
        if _needs_zip64(self.files, self.at, self.directory):
            size += _END_64.size + _LOCATOR_64.size
        return size


def _needs_zip64(files: int, at: int, directory: int) -> bool:
    return files > COUNT_LIMIT or at > SIZE_LIMIT or directory > SIZE_LIMIT


class ZipWriter:
    """A `Writer`. It keeps the central directory in memory: about 100 bytes for each file."""

    def __init__(self) -> None:
        self._at = 0
        self._directory: list[bytes] = []
        self._open: _Entry
        self._crc = 0

    def whole(self, name: str, file: File, data: bytes) -> Sequence[bytes]:
        entry = _Entry.of(name, file, self._at, 0)
        crc = crc32(data)
        header = entry.local(crc, file.size, b"")
        self._at += len(header) + file.size
        self._directory.append(entry.central(crc))
        return header, data

    def begin(self, name: str, file: File) -> bytes:
        self._open = _Entry.of(name, file, self._at, _SIZES_FOLLOW)
        self._crc = 0
        zip64 = _ZIP64_LOCAL if self._open.large else b""
        header = self._open.local(0, 0, zip64)
        self._at += len(header) + file.size
        return header

    def data(self, chunk: bytes) -> None:
        self._crc = crc32(chunk, self._crc)

    def end(self) -> bytes:
        size = self._open.size
        form = _DESCRIPTOR_64 if self._open.large else _DESCRIPTOR
        descriptor = form.pack(b"PK\x07\x08", self._crc, size, size)
        self._at += len(descriptor)
        self._directory.append(self._open.central(self._crc))
        return descriptor

    def finish(self) -> Iterator[bytes]:
        size = 0
        piece = bytearray()
        for record in self._directory:
            size += len(record)
            piece += record
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece) + self._end(size)

    def _end(self, directory: int) -> bytes:
        files, at = len(self._directory), self._at
        end = _END.pack(
            b"PK\x05\x06",
            0,
            0,
            min(files, 0xFFFF),
            min(files, 0xFFFF),
            min(directory, 0xFFFFFFFF),
            min(at, 0xFFFFFFFF),
            0,
        )
        if not _needs_zip64(files, at, directory):
            return end
        end_64 = _END_64.pack(
            b"PK\x06\x06",
            _END_64.size - 12,  # Of the rest of this field
            _UNIX | _ZIP64_VERSION,
            _ZIP64_VERSION,
            0,
            0,
            files,
            files,
            directory,
            at,
        )
        locator = _LOCATOR_64.pack(b"PK\x06\x07", 0, at + directory, 1)
        return end_64 + locator + end


@dataclass(slots=True)
class _Entry:
    name: bytes
    size: int
    at: int  # Of the local header
    flags: int
    dos_time: int
    dos_date: int
    times: bytes  # The extra field

    @classmethod
    def of(cls, name: str, file: File, at: int, flags: int) -> "_Entry":
        if not name.isascii():
            flags |= _UTF8_NAME
        modified = min(max(file.modified, _EARLIEST), _LATEST)
        dos_time = modified.hour << 11 | modified.minute << 5 | modified.second // 2
        dos_date = (modified.year - 1980) << 9 | modified.month << 5 | modified.day
        seconds = int(modified.timestamp())
        times = _TIME.pack(0x5455, 5, 1, seconds)
        return cls(name.encode(), file.size, at, flags, dos_time, dos_date, times)

    @property
    def large(self) -> bool:
        return self.size > SIZE_LIMIT

    def local(self, crc: int, size: int, zip64: bytes) -> bytes:
        told = 0xFFFFFFFF if zip64 else size
        header = _LOCAL.pack(
            b"PK\x03\x04",
            _ZIP64_VERSION if zip64 else _PLAIN_VERSION,
            self.flags,
            0,
            self.dos_time,
            self.dos_date,
            crc,
            told,
            told,
            len(self.name),
            len(zip64) + len(self.times),
        )
        return header + self.name + zip64 + self.times

    def central(self, crc: int) -> bytes:
        behind = self.at > SIZE_LIMIT
        values: list[int] = []
        if self.large:
            values += [self.size, self.size]
        if behind:
            values.append(self.at)
        zip64 = b""
        version = _PLAIN_VERSION
        if values:
            zip64 = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)
            version = _ZIP64_VERSION
        size = 0xFFFFFFFF if self.large else self.size
        header = _CENTRAL.pack(
            b"PK\x01\x02",
            _UNIX | version,
            version,
            self.flags,
            0,
            self.dos_time,
            self.dos_date,
            crc,
            size,
            size,
            len(self.name),
            len(zip64) + len(self.times),
            0,
            0,
            0,
            _MODE,
            0xFFFFFFFF if behind else self.at,
        )
        return header + self.name + zip64 + self.times
