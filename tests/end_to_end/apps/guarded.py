"""A FastAPI app inside StreamSafety. Served as `guarded.app`, by any server."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from lambda_asgi.stream_safety import StreamSafety, stream_limits

LONGEST = 0.3

app = FastAPI()
app.add_middleware(StreamSafety, heartbeat=0.05, margin=0.2)


@app.get("/events")
async def events(request: Request) -> StreamingResponse:
    """One event, then nothing, until the route's own limit."""
    stream_limits(request.scope).max_duration = LONGEST

    async def stream() -> AsyncIterator[str]:
        try:
            yield "data: first\n\n"
            await asyncio.Event().wait()
        finally:
            print("the app has cleaned up", flush=True)

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.get("/lines")
async def lines() -> StreamingResponse:
    """A line, then an error."""

    async def stream() -> AsyncIterator[str]:
        yield '{"number": 1}\n'
        raise RuntimeError("a secret of the app's")

    return StreamingResponse(stream(), media_type="application/x-ndjson")


@app.get("/quiet")
async def quiet() -> StreamingResponse:
    """Quiet until the test writes to the pipe DOORBELL."""

    async def stream() -> AsyncIterator[str]:
        yield "data: first\n\n"
        await asyncio.to_thread(Path(os.environ["DOORBELL"]).read_bytes)
        yield "data: last\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.get("/whole")
async def whole() -> PlainTextResponse:
    return PlainTextResponse("whole")
