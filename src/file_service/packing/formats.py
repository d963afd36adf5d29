"""The archive formats that clients can choose."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from file_service.packing.archive import Writer, archive
from file_service.packing.gzip_stream import gzip_bound, gzipped
from file_service.packing.tar_writer import TarSize, TarWriter
from file_service.packing.zip_writer import ZipSize, ZipWriter
from file_service.sources import Chunks, File, FileSource

FormatName = Literal["zip", "tar", "tar.gz"]


class Size(Protocol):
    """The size in bytes of an archive of the files that were added."""

    def add(self, name: str, file: File) -> None:
        """Add a file under its name in the archive."""

    @property
    def total(self) -> int:
        """Return the size of the whole archive."""


class Format(NamedTuple):
    """One archive format: how to compute the size of an archive, and how to write it."""

    media_type: str
    size: type[Size]
    writer: type[Writer]
    compressed: bool = False

    def largest(self, size: int) -> int:
        """Return the largest size of an archive whose files and headers have `size` bytes."""
        return gzip_bound(size) if self.compressed else size

    def pack(self, source: FileSource, files: Sequence[File], folder: str) -> Chunks:
        """Yield an archive of `files`, named by their paths below `folder`.

        Raises:
            SourceError: A file cannot be read to its end.
        """
        packed = archive(source, files, folder, self.writer())
        return gzipped(packed) if self.compressed else packed


FORMATS: dict[FormatName, Format] = {
    "zip": Format("application/zip", ZipSize, ZipWriter),
    "tar": Format("application/x-tar", TarSize, TarWriter),
    "tar.gz": Format("application/gzip", TarSize, TarWriter, compressed=True),
}
