"""An archive while it is made. Its size is known before its first byte."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Protocol

from file_service.packing.read_ahead import Whole, read_ahead
from file_service.sources import File, FileSource


class Writer(Protocol):
    """Writes one format. Files come one after the other."""

    def whole(self, name: str, file: File, data: bytes) -> Sequence[bytes]:
        """A file all of whose bytes are there."""

    def begin(self, name: str, file: File) -> bytes:
        """What comes before the bytes of a file that is too large to be held."""

    def data(self, chunk: bytes) -> None:
        """Some bytes of that file are sent as they are."""

    def end(self) -> bytes:
        """What comes after its last byte."""

    def finish(self) -> Iterator[bytes]:
        """What comes after the last file, in pieces of a moderate size."""


async def archive(
    source: FileSource, files: Sequence[File], folder: str, writer: Writer
) -> AsyncGenerator[bytes, None]:
    """`files`, named by their paths below `folder`.

    Raises `SourceError` where a file cannot be read to its end: the archive then lacks its end,
    and no tool takes it.
    """
    async with aclosing(read_ahead(source, files)) as units:
        async for unit in units:
            if isinstance(unit, Whole):
                parts: list[bytes] = []
                for file, data in unit.files:
                    parts += writer.whole(file.path.removeprefix(folder), file, data)
                yield b"".join(parts)
                continue
            head = writer.begin(unit.file.path.removeprefix(folder), unit.file)
            async for chunk in unit.chunks:
                writer.data(chunk)
                yield head + chunk if head else chunk
                head = b""
            yield writer.end()
    for piece in writer.finish():
        yield piece
