"""The probe behind a middleware that breaks it in one way, named by the variable BREAK."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from lambda_emulator.compare.probe.main import app as probe

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
NOT_STREAMED = {"type": "http.response.body", "body": b"", "more_body": False}
turn = asyncio.Lock()


async def collected(scope: Any, receive: Any) -> tuple[Message, bytes]:
    """The whole response."""
    messages: list[Message] = []

    async def take(message: Message) -> None:
        messages.append(message)

    await probe(scope, receive, take)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


async def buffers(scope: Any, receive: Any, send: Send) -> None:
    start, body = await collected(scope, receive)
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def loses_the_body(scope: Any, receive: Any, send: Send) -> None:
    """A BUFFERED URL in front of a function that streams (recorded)."""
    start, _ = await collected(scope, receive)
    await send({**start, "headers": [(b"content-length", b"0")]})
    await send(NOT_STREAMED)


async def wraps_the_body(scope: Any, receive: Any, send: Send) -> None:
    """A streaming URL in front of a function that answers buffered (recorded)."""
    start, body = await collected(scope, receive)
    wrapped = json.dumps({"statusCode": start["status"], "body": body.decode("latin-1")}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": wrapped})


async def ignores_ranges(scope: Any, receive: Any, send: Send) -> None:
    headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
    await probe({**scope, "headers": headers}, receive, send)


async def hangs_when_empty(scope: Any, receive: Any, send: Send) -> None:
    start, body = await collected(scope, receive)
    await send(start)
    if not body:
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await asyncio.sleep(60)
    await send({"type": "http.response.body", "body": body})


async def shows_errors(scope: Any, receive: Any, send: Send) -> None:
    begun = False

    async def note(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await probe(scope, receive, note)
    except RuntimeError as error:
        if not begun:
            await send({"type": "http.response.start", "status": 500, "headers": []})
        await send(
            {"type": "http.response.body", "body": b"RuntimeError: %b" % str(error).encode()}
        )


async def errors_are_200(scope: Any, receive: Any, send: Send) -> None:
    try:
        await probe(scope, receive, send)
    except RuntimeError:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send(NOT_STREAMED)


async def cuts(scope: Any, receive: Any, send: Send) -> None:
    """After five MiB, with an end that looks whole."""
    left = 5 * 1024 * 1024

    async def some(message: Message) -> None:
        nonlocal left
        body = message.get("body", b"")[:left]
        left -= len(body)
        await send({**message, "body": body} if "body" in message else message)

    await probe(scope, receive, some)


async def one_at_a_time(scope: Any, receive: Any, send: Send) -> None:
    async with turn:
        await probe(scope, receive, send)


async def shuffles(scope: Any, receive: Any, send: Send) -> None:
    async def other(message: Message) -> None:
        await send({**message, "body": message.get("body", b"").replace(b"1\n", b"7\n")})

    await probe(scope, receive, other)


async def fails_at_times(scope: Any, receive: Any, send: Send) -> None:
    global asked
    asked += 1
    if asked % 5 == 0:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send(NOT_STREAMED)
        return
    await probe(scope, receive, send)


asked = 0


async def app(scope: Any, receive: Any, send: Send) -> None:
    broken = globals()[os.environ["BREAK"]] if scope["type"] == "http" else probe
    await broken(scope, receive, send)
