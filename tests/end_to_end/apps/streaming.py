"""A bare ASGI app to drive through the whole path. Served as `streaming.app`."""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

starts = 0


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await routes[scope["path"]](receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    global starts
    await receive()
    starts += 1
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("the app has shut down", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def start(send: Send, status: int = 200) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain")],
        }
    )


async def body(send: Send, content: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def doorbell(receive: Receive, send: Send) -> None:
    """Send "first", and "second" after the test has written to the pipe DOORBELL."""
    await start(send)
    await body(send, b"first")
    await asyncio.to_thread(Path(os.environ["DOORBELL"]).read_bytes)
    await body(send, b"second", more=False)


async def count_starts(receive: Receive, send: Send) -> None:
    await start(send)
    await body(send, b"%d" % starts, more=False)


async def fail_before(receive: Receive, send: Send) -> None:
    raise ValueError("a secret of the app's")


async def fail_after(receive: Receive, send: Send) -> None:
    await start(send)
    await body(send, b"some")
    raise ValueError("a secret of the app's")


async def sleepless(receive: Receive, send: Send) -> None:
    await start(send)
    await body(send, b"begun")
    try:
        await asyncio.Event().wait()
    finally:
        print("the app has cleaned up", flush=True)


routes: dict[str, Callable[[Receive, Send], Awaitable[None]]] = {
    "/doorbell": doorbell,
    "/starts": count_starts,
    "/fail-before": fail_before,
    "/fail-after": fail_after,
    "/sleepless": sleepless,
}
