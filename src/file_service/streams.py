"""Tools for the async generators that produce bodies."""

from collections.abc import Sequence
from contextlib import aclosing

from file_service.errors import BrokenBody, SourceError
from file_service.http.byte_ranges import ByteRange
from file_service.sources import Chunks, OpenFile


async def pieces_of(opened: OpenFile, pieces: Sequence[ByteRange | bytes]) -> Chunks:
    """Yield the bytes of a selection, and close the file at its end or wherever it is left.

    The bytes that frame a range are yielded together with the chunk that follows.
    """
    framing = b""
    async with aclosing(opened):
        for piece in pieces:
            if isinstance(piece, bytes):
                framing += piece
                continue
            chunks = opened.read(piece.start, piece.stop)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield framing + chunk if framing else chunk
                    framing = b""
        if framing:
            yield framing


async def started(chunks: Chunks) -> Chunks:
    """Return the same chunks, with the first one already read.

    An error before the first chunk can still get an error status. A later one is raised as
    `BrokenBody`.

    Raises:
        SourceError: There is no first chunk.
    """
    first = await anext(chunks, b"")

    async def all_of_them() -> Chunks:
        async with aclosing(chunks):
            yield first
            try:
                async for chunk in chunks:
                    yield chunk
            except SourceError as error:
                raise BrokenBody(str(error)) from error

    return all_of_them()
