"""Apps that differ in how they shut down."""

import asyncio
from typing import Any


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def orderly(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("lifespan shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/stay":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"staying", "more_body": True})
        try:
            await asyncio.Event().wait()
        finally:
            print("request clean-up", flush=True)
    else:
        await answer(send)


async def stubborn(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An app whose shutdown never ends."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.Event().wait()
    await answer(send)


async def failing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An app whose shutdown fails."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the pool is stuck"})
    else:
        await answer(send)


async def without(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An app that does not support lifespans."""
    assert scope["type"] == "http"
    await answer(send)
