"""Read many files in order, and read the next ones while one is sent."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import NamedTuple

from file_service.packing import HELD_BYTES
from file_service.sources import Chunks, File, FileSource

_UNIT_FILES = 64

# Units that are read ahead: 8 MiB. On S3, their requests overlap.
_AHEAD = 8


class Whole(NamedTuple):
    """Small files with all of their bytes."""

    files: Sequence[tuple[File, bytes]]


class Streamed(NamedTuple):
    """A large file, to be read to its end."""

    file: File
    chunks: Chunks


Unit = Whole | Streamed


async def read_ahead(source: FileSource, files: Sequence[File]) -> AsyncGenerator[Unit, None]:
    """Yield all of `files` in order.

    Raises:
        SourceError: One cannot be read.
    """
    groups = _groups(files)
    ahead: deque[_Started] = deque()
    try:
        while True:
            while len(ahead) < _AHEAD and (group := next(groups, None)):
                ahead.append(_Started(source, group))
            if not ahead:
                return
            yield await ahead[0].unit()
            await ahead.popleft().aclose()
    finally:
        for started in ahead:
            await started.aclose()


class _Started:
    """A unit that is being read: all of some small files, or the first chunk of a large one."""

    def __init__(self, source: FileSource, files: Sequence[File]) -> None:
        self._files = files
        self._chunks: Chunks | None = None
        self._work: asyncio.Future[Sequence[bytes]]
        first = files[0]
        if first.size <= HELD_BYTES:
            self._work = asyncio.ensure_future(source.read_whole(files))
        else:
            self._chunks = source.read(first, 0, first.size)
            self._work = asyncio.ensure_future(_first(self._chunks))

    async def unit(self) -> Unit:
        parts = await self._work
        if self._chunks is None:
            files = list(zip(self._files, parts, strict=True))
            return Whole(files)
        chunks = _joined(parts, self._chunks)
        return Streamed(self._files[0], chunks)

    async def aclose(self) -> None:
        self._work.cancel()
        await asyncio.wait([self._work])
        if not self._work.cancelled():
            # It was raised where the unit was awaited, or the unit is not needed any more.
            self._work.exception()
        if self._chunks is not None:
            await self._chunks.aclose()


async def _first(chunks: Chunks) -> Sequence[bytes]:
    return [await anext(chunks)]


async def _joined(first: Iterable[bytes], rest: Chunks) -> Chunks:
    for chunk in first:
        yield chunk
    async with aclosing(rest):
        async for chunk in rest:
            yield chunk


def _groups(files: Sequence[File]) -> Iterator[Sequence[File]]:
    """Group neighbouring small files. A large file is a group of its own."""
    group: list[File] = []
    size = 0
    for file in files:
        full = len(group) == _UNIT_FILES or size + file.size > HELD_BYTES
        if group and full:
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group
