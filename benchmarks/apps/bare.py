"""A bare ASGI app for every piece of work: the path says which."""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

CHUNK = b"x" * 65536
SMALL = b'{"message":"hello from lambda","items":[1,2,3]}'
longest_step = 0.0

if os.environ.get("BENCHMARK_COUNTED"):
    import benchmarks.apps.counted  # noqa: F401


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    work, *numbers = scope["path"].strip("/").split("/")
    await WORKS[work](send, *map(int, numbers))


async def small(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"47")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": SMALL})


async def messages(send: Send, count: int) -> None:
    """`count` messages of 30 bytes in a row."""
    await start(send, b"text/event-stream")
    for number in range(count):
        await send(
            {
                "type": "http.response.body",
                "body": b"data: message number %07d\n\n" % number,
                "more_body": True,
            }
        )
    await send({"type": "http.response.body"})


async def paced(send: Send, count: int) -> None:
    """`count` messages, 1 ms apart.

    Each says when it was sent, by the clock that all processes share.
    """
    await start(send, b"text/event-stream")
    for _ in range(count):
        await asyncio.sleep(0.001)
        body = b"data:%020d    \n" % time.monotonic_ns()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})


async def chunks(send: Send, count: int) -> None:
    """`count` chunks of 64 KiB."""
    await start(send, b"application/octet-stream")
    for _ in range(count):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body"})


async def waiting(send: Send, milliseconds: int) -> None:
    """A small answer after a wait, as for a database."""
    await asyncio.sleep(milliseconds / 1000)
    await small(send)


async def step(send: Send) -> None:
    """The longest step of the event loop since last asked, in microseconds of 20 digits."""
    global longest_step
    longest, longest_step = longest_step, 0.0
    await start(send, b"text/plain")
    await send({"type": "http.response.body", "body": b"%020d" % (longest * 1e6)})


async def start(send: Send, content_type: bytes) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type)]}
    )


async def lifespan(receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def watched(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    """`app` in a process where each step of the event loop is timed."""
    if scope["type"] == "lifespan":
        watch_steps()
    await app(scope, receive, send)


async def counting_garbage(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Send
) -> None:
    """`app`, and /garbage: how many objects lie about that only the garbage collector can free.

    It does.
    """
    if scope.get("path") == "/garbage":
        found = gc.collect()
        gc.disable()
        await start(send, b"text/plain")
        await send({"type": "http.response.body", "body": b"%d" % found})
    else:
        await app(scope, receive, send)


def watch_steps() -> None:
    run = asyncio.events.Handle._run  # asyncio's own debug mode times steps here

    def timed(handle: asyncio.Handle) -> None:
        global longest_step
        begun = (
            time.thread_time()
        )  # of the processor: what other processes take is no matter of ours
        run(handle)
        longest_step = max(longest_step, time.thread_time() - begun)

    asyncio.events.Handle._run = timed  # type: ignore[method-assign, assignment]


WORKS: dict[str, Callable[..., Awaitable[None]]] = {
    work.__name__: work for work in (small, messages, paced, chunks, waiting, step)
}
