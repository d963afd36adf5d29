"""A Web Function's app that shows the life of its environment.

ASGI; its lifespan writes to the log.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

at_once = most_at_once = 0


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        print("started", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.sleep(float(os.environ.get("SHUTDOWN_TAKES", "0")))
        print("shut down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/meet":
        await meet(send)
    else:
        await answer(send, {"pid": os.getpid(), "greeting": os.environ.get("GREETING", "")})


async def meet(send: Send) -> None:
    """Answers when as many as PARTY are here at once, over all environments."""
    global at_once, most_at_once
    at_once += 1
    most_at_once = max(most_at_once, at_once)
    here = Path(os.environ["MEETING"]) / os.urandom(8).hex()
    here.touch()
    while len(list(here.parent.iterdir())) < int(os.environ["PARTY"]):  # noqa: ASYNC110  # other processes come, too
        await asyncio.sleep(0.01)
    at_once -= 1
    await answer(send, {"pid": os.getpid(), "most": most_at_once})


async def answer(send: Send, what: object) -> None:
    body = json.dumps(what).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})
