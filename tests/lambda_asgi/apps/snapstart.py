"""An app with SnapStart hooks; what happens is said on standard output."""

import asyncio
import os
from typing import Any

from snapshot_restore_py import register_after_restore, register_before_snapshot


def say(what: str) -> None:
    if os.environ.get("RAISE_IN") == what:
        raise ValueError(f"raised in {what}")
    print(what, flush=True)


async def say_later(what: str) -> None:
    await asyncio.sleep(0)
    say(what)


for number in (1, 2):
    register_before_snapshot(say, f"before {number}")
    register_after_restore(say, f"after {number}")
register_after_restore(say_later, "after, awaited")


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        say("lifespan")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"restored"})
