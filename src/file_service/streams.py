"""Small tools for the async generators that bodies are made of."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from file_service.errors import BrokenBody, SourceError
from file_service.http.byte_ranges import ByteRange
from file_service.sources import OpenFile


async def pieces_of(
    opened: OpenFile, pieces: Sequence[ByteRange | bytes]
) -> AsyncGenerator[bytes, None]:
    """The bytes of a selection, and at its end or wherever it is left the file is closed.

    What frames a range leaves with the first chunk that follows it.
    """
    framing = b""
    async with aclosing(opened):
        for piece in pieces:
            if isinstance(piece, bytes):
                framing += piece
                continue
            async with aclosing(opened.read(piece.start, piece.stop)) as chunks:
                async for chunk in chunks:
                    yield framing + chunk if framing else chunk
                    framing = b""
        if framing:
            yield framing


async def started(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same chunks, the first one read already: what fails at once can still be answered with an error status.

    What fails later is raised as `BrokenBody`.
    """
    first = await anext(chunks, b"")

    async def all_of_them() -> AsyncGenerator[bytes, None]:
        async with aclosing(chunks):
            yield first
            try:
                async for chunk in chunks:
                    yield chunk
            except SourceError as error:
                raise BrokenBody(str(error)) from error

    return all_of_them()
