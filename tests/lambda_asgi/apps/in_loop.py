"""An app for Lambda's own loop: `handler`, the same decorated, and called from a function."""

import asyncio
import functools
import os
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from lambda_asgi import LambdaASGI

starts = 0


async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    global starts
    if scope["type"] == "lifespan":
        await receive()
        if os.environ.get("FAILS"):
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        starts += 1
        print("the app has started", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    path = scope["path"]

    async def part(content: bytes, more: bool = True) -> None:
        await send({"type": "http.response.body", "body": content, "more_body": more})

    if path == "/fail-before":
        raise ValueError("before the first byte")
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=b")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path.startswith("/doorbell"):
        await part(b"%d" % os.getpid())
        bell = Path(os.environ["DOORBELL"] + path.removeprefix("/doorbell"))
        await asyncio.to_thread(bell.read_bytes)
        await part(b"rung", more=False)
    elif path == "/starts":
        await part(b"%d" % starts, more=False)
    elif path == "/fail-after":
        await part(b"some")
        raise ValueError("after the first byte")
    elif path == "/sleepless":
        await part(b"begun")
        try:
            await asyncio.Event().wait()
        finally:
            print("the app has cleaned up", flush=True)
    elif path == "/blocks":
        await part(b"begun")
        time.sleep(600)  # noqa: ASYNC251


handler = LambdaASGI(app, response_mode="streaming")


@functools.wraps(handler)
def decorated(event: Any, context: Any) -> Any:
    return handler(event, context)


def function(event: Any, context: Any) -> Any:
    if "warm" in event:
        return {"warmed": True}
    return handler(event, context)
