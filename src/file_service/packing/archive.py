"""Make an archive while it is sent. Its size is known before its first byte."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from typing import Protocol

from file_service.packing.read_ahead import Whole, read_ahead
from file_service.sources import Chunks, File, FileSource


class Writer(Protocol):
    """Writes one format. Files are added one after the other."""

    def whole(self, name: str, file: File, data: bytes) -> Sequence[bytes]:
        """Return a file of which all bytes are in memory."""

    def begin(self, name: str, file: File) -> bytes:
        """Return what precedes the bytes of a large file."""

    def data(self, chunk: bytes) -> None:
        """Take note of some bytes of that file. They are sent unchanged."""

    def end(self) -> bytes:
        """Return what follows its last byte."""

    def finish(self) -> Iterator[bytes]:
        """Return what follows the last file, in pieces of moderate size."""


async def archive(source: FileSource, files: Sequence[File], folder: str, writer: Writer) -> Chunks:
    """Yield an archive of `files`, named by their paths below `folder`.

    Raises:
        SourceError: A file cannot be read to its end. The archive then has no end, and no tool
            accepts it.
    """
    async with aclosing(read_ahead(source, files)) as units:
        async for unit in units:
            if isinstance(unit, Whole):
                parts: list[bytes] = []
                for file, data in unit.files:
                    name = file.path.removeprefix(folder)
                    parts += writer.whole(name, file, data)
                yield b"".join(parts)
                continue
            name = unit.file.path.removeprefix(folder)
            head = writer.begin(name, unit.file)
            async for chunk in unit.chunks:
                writer.data(chunk)
                yield head + chunk if head else chunk
                head = b""
            yield writer.end()
    for piece in writer.finish():
        yield piece
