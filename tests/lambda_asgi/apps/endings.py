"""Apps that end badly, each in its own way."""

import asyncio
import threading
from typing import Any

not_an_app = "text"


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"  # so that it knows no lifespans
    if scope["path"] == "/raise":
        raise ValueError("on purpose")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def startup_fails(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def startup_exits(scope: dict[str, Any], receive: Any, send: Any) -> None:
    raise SystemExit(0)


async def stubborn(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An app that ignores cancellation."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def thread_that_stays(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Leaves a thread of the event loop's executor behind that never ends."""
    assert scope["type"] == "http"
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    print("still in a buffer", end="")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
