"""Streams that end: server-sent events for a reader who may leave without a word.

`app` runs as a Web Function and under uvicorn, `handler` as an Event Function.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from lambda_asgi import LambdaASGI
from lambda_asgi.stream_safety import StreamSafety, stream_limits

PAGE = Path(__file__).with_name("page.html").read_text()
# The stop marks. Several environments must see them. On AWS, use a table, or a folder of an EFS or
# S3 Files mount.
STOPS = Path(os.environ.get("STOP_FOLDER", "/tmp/stops"))

app = FastAPI()
app.add_middleware(
    StreamSafety,
    timeout=float(
        os.environ.get("TIMEOUT_SECONDS", "90")
    ),  # the template's: a Web Function does not tell its own
    heartbeat=15,
)


@app.get("/")
async def page() -> HTMLResponse:
    """The clock, with a stop button."""
    return HTMLResponse(PAGE)


@app.get("/clock/{stream}")
async def clock(stream: str, request: Request) -> StreamingResponse:
    """The time, once a second, for a minute at most. A reader who wants more connects again."""
    mark = stop_mark(stream)
    stream_limits(request.scope).max_duration = 60

    async def events() -> AsyncIterator[str]:
        try:
            while not mark.exists():
                yield f"data: {time.time():.0f}\n\n"
                await asyncio.sleep(1)
            yield "event: stopped\ndata:\n\n"
        finally:
            mark.unlink(missing_ok=True)

    return StreamingResponse(
        events(), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


@app.delete("/clock/{stream}", status_code=202)
async def stop(stream: str) -> None:
    """Stop a stream, wherever it runs. The page calls this for its button, and when it is left."""
    mark = stop_mark(stream)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def stop_mark(stream: str) -> Path:
    if not re.fullmatch("[A-Za-z0-9-]{8,64}", stream):
        raise HTTPException(
            422, "a stream's name has 8 to 64 letters, digits or hyphens; use a random one"
        )
    return STOPS / stream


handler = LambdaASGI(app, response_mode="streaming")
