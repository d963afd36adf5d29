"""The async generators of bodies: framing, the first chunk, and what closes the file."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from file_service.errors import BrokenBody, SourceUnavailable
from file_service.http.byte_ranges import ByteRange
from file_service.streams import pieces_of, started
from tests.file_service.memory_source import MemorySource


def test_framing_comes_with_the_chunk_behind_it() -> None:
    source = MemorySource({"a": b"0123456789"}, chunk_bytes=2)
    pieces: list[ByteRange | bytes] = [
        b"(",
        b"[",
        ByteRange(0, 4),
        b"]",
        ByteRange(8, 10),
        b")",
        b".",
    ]

    async def work() -> list[bytes]:
        opened = await source.open("a")
        return [chunk async for chunk in pieces_of(opened, pieces)]

    assert asyncio.run(work()) == [b"([01", b"23", b"]89", b")."]


def test_a_body_without_framing_or_bytes() -> None:
    source = MemorySource({"a": b""})

    async def work() -> list[bytes]:
        return [chunk async for chunk in pieces_of(await source.open("a"), [ByteRange(0, 0)])]

    assert asyncio.run(work()) == []


async def chunks_of(*chunks: bytes | Exception) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


def test_a_body_that_has_started_is_the_same_body() -> None:
    async def work(*chunks: bytes) -> bytes:
        return b"".join([chunk async for chunk in await started(chunks_of(*chunks))])

    assert asyncio.run(work(b"a", b"b")) == b"ab"
    assert asyncio.run(work()) == b""


def test_an_error_before_the_first_chunk_is_the_sources_and_a_later_one_breaks_the_body() -> None:
    async def work(*chunks: bytes | Exception) -> None:
        async for _ in await started(chunks_of(*chunks)):
            pass

    error = SourceUnavailable("slow down")
    with pytest.raises(SourceUnavailable):
        asyncio.run(work(error))
    with pytest.raises(BrokenBody, match=r"^slow down$") as raised:
        asyncio.run(work(b"a", error))
    assert raised.value.__cause__ is error
