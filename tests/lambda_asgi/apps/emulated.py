"""What test_rie.py runs under AWS's Runtime Interface Emulator."""

import asyncio
import os
import time
from typing import Any

count = 0
meeting: set[str] = set()
met: asyncio.Event | None = None


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    global count
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("lifespan shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    count += 1
    text = b"text/plain"
    match scope["path"]:
        case "/count":
            await respond(send, text, b"%d" % count)
        case "/who":
            context = scope["aws.context"]
            custom = context.client_context.custom if context.client_context else None
            await respond(
                send,
                text,
                f"{context.tenant_id} {custom} {context.get_remaining_time_in_millis()}".encode(),
            )
        case "/echo":
            await respond(send, b"application/octet-stream", (await receive())["body"])
        case "/chunks":
            await respond(send, text, *(b"%d," % number for number in range(1000)))
        case "/empty":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
        case "/large":
            await respond(send, text, *[b"x" * 1_000_000] * 7)
        case "/raise":
            raise ValueError("before the first byte")
        case "/break":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            raise ValueError("after the first byte " + "x" * 20_000)
        case "/hang":
            await asyncio.Event().wait()
        case "/block":
            time.sleep(60)  # noqa: ASYNC251  # the event loop itself, as a careless app does it
        case "/meet":
            await meet(scope["aws.context"].aws_request_id)
            await respond(send, text, b"%d" % os.getpid())
        case _:
            await respond(send, text, b"nothing here", status=404)


async def respond(send: Any, content_type: bytes, *chunks: bytes, status: int = 200) -> None:
    headers = [(b"content-type", content_type), (b"set-cookie", b"a=b")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


async def meet(who: str) -> None:
    """Wait until two invocations are here."""
    global met
    met = met or asyncio.Event()
    meeting.add(who)
    if len(meeting) == 2:
        met.set()
    await met.wait()


async def fails_to_start(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
