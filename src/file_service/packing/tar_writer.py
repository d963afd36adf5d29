"""The tar format, POSIX.1-2001 (pax), with headers from the standard library. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tarfile import BLOCKSIZE, PAX_FORMAT, RECORDSIZE, TarInfo

from file_service.sources.base import File


@dataclass
class TarSize:
    """The size in bytes of a tar that `TarWriter` writes, of the files that were added."""

    at: int = 0

    def add(self, name: str, file: File) -> None:
        """Add a file under its name in the tar."""
        self.at += len(_header(name, file))
        self.at += file.size + _padding(file.size)

    @property
    def total(self) -> int:
        """Return the size of the whole tar."""
        return self.at + _end_bytes(self.at)


class TarWriter:
    """A `Writer`."""

    def __init__(self) -> None:
        self._at = 0
        self._size = 0

    def whole(self, name: str, file: File, data: bytes) -> Sequence[bytes]:
        return self.begin(name, file), data, self.end()

    def begin(self, name: str, file: File) -> bytes:
        header = _header(name, file)
        self._size = file.size
        self._at += len(header) + file.size
        return header

    def data(self, chunk: bytes) -> None:
        """Do nothing: a tar has no checksums of contents."""

    def end(self) -> bytes:
        padding = bytes(_padding(self._size))
        self._at += len(padding)
        return padding

    def finish(self) -> Iterator[bytes]:
        yield bytes(_end_bytes(self._at))


def _header(name: str, file: File) -> bytes:
    info = TarInfo(name)
    info.size = file.size
    info.mtime = int(file.modified.timestamp())
    return info.tobuf(PAX_FORMAT)


def _padding(size: int) -> int:
    return -size % BLOCKSIZE


def _end_bytes(at: int) -> int:
    """Return the bytes of two empty blocks, and of as many more as complete the last record."""
    blocks = 2 * BLOCKSIZE
    return blocks + -(at + blocks) % RECORDSIZE
