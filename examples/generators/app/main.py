"""Four ways to stream from a source that blocks. One of them stops every other request."""

import time
from collections.abc import AsyncIterator, Iterator

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from lambda_asgi import LambdaASGI

app = FastAPI()


class Source:
    """A database, a slow disk or a client library without async: each piece takes its time."""

    def __init__(self, pieces: int) -> None:
        self.left = pieces

    def read(self) -> bytes:
        if self.left == 0:
            return b""
        self.left -= 1
        time.sleep(1)
        return b"a piece\n"


@app.get("/blocking")
async def blocking(pieces: int = 3) -> StreamingResponse:
    """Wrong: while it waits for a piece, the event loop stands still."""

    async def body() -> AsyncIterator[bytes]:
        source = Source(pieces)
        while piece := source.read():
            yield piece

    return StreamingResponse(body())


@app.get("/sync")
def sync(pieces: int = 3) -> StreamingResponse:
    """Right: Starlette runs each step in a thread. Make pieces large: each costs two hops."""

    def body() -> Iterator[bytes]:
        source = Source(pieces)
        while piece := source.read():
            yield piece

    return StreamingResponse(body())


@app.get("/threads")
async def threads(pieces: int = 3) -> StreamingResponse:
    """Right: only what blocks is in a thread. With a batch at a time, the hand-overs are few."""

    async def body() -> AsyncIterator[bytes]:
        source = Source(pieces)
        while piece := await run_in_threadpool(source.read):
            yield piece

    return StreamingResponse(body())


@app.get("/file")
async def file() -> FileResponse:
    """For a file on disk there is nothing to write: the server reads it."""
    return FileResponse(__file__, media_type="text/plain")


@app.get("/ping")
async def ping() -> str:
    return "pong"


handler = LambdaASGI(app, response_mode="streaming")
