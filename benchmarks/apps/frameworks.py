"""The same FastAPI app for every Python peer: a small JSON response, and one file in every way."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator

import aiofiles
from fastapi import FastAPI
from fastapi.responses import FileResponse, Response, StreamingResponse

from benchmarks.content import messages

PATH = os.environ.get("BENCHMARK_FILE", "")
CHUNK = b"x" * 65536

if os.environ.get("BENCHMARK_COUNTED"):
    import benchmarks.apps.counted  # noqa: F401

app = FastAPI()


@app.get("/small")
async def small() -> dict[str, object]:
    return {"message": "hello from lambda", "items": [1, 2, 3]}


@app.get("/messages/{count}")
async def messages_(count: int) -> StreamingResponse:
    async def read() -> AsyncIterator[bytes]:
        for message in messages(count):
            yield message

    return StreamingResponse(read(), media_type="text/event-stream")


@app.get("/paced/{count}")
async def paced(count: int) -> StreamingResponse:
    """As bare.py has it: each message says when it was sent."""

    async def read() -> AsyncIterator[bytes]:
        for _ in range(count):
            await asyncio.sleep(0.001)
            yield b"data:%020d    \n" % time.monotonic_ns()

    return StreamingResponse(read(), media_type="text/event-stream")


@app.get("/chunks/{count}")
async def chunks(count: int) -> StreamingResponse:
    async def read() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield CHUNK

    return StreamingResponse(read(), media_type="application/octet-stream")


@app.get("/binary/{size}")
async def binary(size: int) -> Response:
    return Response(b"\xff" * size, media_type="application/octet-stream")


@app.get("/sync/{size}")
def sync_generator(size: int) -> StreamingResponse:
    """A sync generator: Starlette runs each step of it in a thread."""

    def read() -> Iterator[bytes]:
        with open(PATH, "rb", buffering=0) as file:
            while piece := file.read(size):
                yield piece

    return StreamingResponse(read(), media_type="application/octet-stream")


@app.get("/blocking/{size}")
async def async_generator_that_blocks(size: int) -> StreamingResponse:
    async def read() -> AsyncIterator[bytes]:
        with open(PATH, "rb", buffering=0) as file:  # noqa: ASYNC230  # what it costs is the question
            while piece := file.read(size):
                yield piece

    return StreamingResponse(read(), media_type="application/octet-stream")


@app.get("/aiofiles/{size}")
async def aiofiles_(size: int) -> StreamingResponse:
    async def read() -> AsyncIterator[bytes]:
        async with aiofiles.open(PATH, "rb", buffering=0) as file:
            while piece := await file.read(size):
                yield piece

    return StreamingResponse(read(), media_type="application/octet-stream")


@app.get("/read-ahead/{size}")
async def read_ahead(size: int) -> StreamingResponse:
    async def read() -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        with open(PATH, "rb", buffering=0) as file:  # noqa: ASYNC230
            upcoming = loop.run_in_executor(None, file.read, size)
            while piece := await upcoming:
                upcoming = loop.run_in_executor(None, file.read, size)
                yield piece

    return StreamingResponse(read(), media_type="application/octet-stream")


@app.get("/whole")
async def whole() -> StreamingResponse:
    """The pattern of many tutorials: a generator with one `yield` of the whole file."""

    async def read() -> AsyncIterator[bytes]:
        async with aiofiles.open(PATH, "rb") as file:
            yield await file.read()

    return StreamingResponse(read(), media_type="application/octet-stream")


@app.get("/pathsend")
async def pathsend() -> FileResponse:
    return FileResponse(PATH, media_type="application/octet-stream")
