"""The probe: an ASGI app that tells where it finds itself, and misbehaves when asked to.

It needs nothing but Python, so that the same zip runs in every version and on every processor.
`lambda-emulator compare` asks it.
Deploy it to a function of its own, and delete it afterwards.
"""

import asyncio
import json
import os
import platform
import sys
import time
from typing import Any
from urllib.parse import parse_qs

SERVERS = (
    "uvicorn",
    "hypercorn",
    "granian",
    "gunicorn",
    "daphne",
    "waitress",
    "uvloop",
    "httptools",
    "h11",
    "a2wsgi",
)
MEBIBYTE = bytes(1024 * 1024)

lifespan_ran = False
at_once = most_at_once = 0
left: dict[str, Any] = {}
"""What became of clients that were to leave, by the name they gave."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
    # behind an API, the stage
    route = ROUTES.get(scope["path"].removeprefix(scope.get("root_path") or ""))
    if route is None:
        await answer(send, {"no route": scope["path"]}, 404)
    else:
        await route(scope, receive, send, query)


async def lifespan(receive: Any, send: Any) -> None:
    global lifespan_ran
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            lifespan_ran = True
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


async def start(
    send: Any, status: int = 200, headers: Any = ((b"content-type", b"text/plain"),)
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def piece(send: Any, data: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def answer(send: Any, what: object, status: int = 200) -> None:
    body = json.dumps(what).encode()
    await start(
        send,
        status,
        [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
    )
    await piece(send, body, more=False)


async def read(receive: Any) -> int:
    """How many bytes the request's body has."""
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return size


# ---- what it tells


async def scope_(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await answer(
        send,
        {
            "asgi": scope["asgi"],
            "http_version": scope["http_version"],
            "method": scope["method"],
            "scheme": scope["scheme"],
            "path": scope["path"],
            "raw_path": (scope.get("raw_path") or b"").decode("latin-1"),
            "query": scope["query_string"].decode("latin-1"),
            "root_path": scope.get("root_path"),
            "client": scope["client"] and scope["client"][0],
            "server": scope["server"] and list(scope["server"]),
            "extensions": sorted(scope.get("extensions") or {}),
            "state": "state" in scope,
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in scope["headers"]
            ],
        },
    )


async def runtime(scope: Any, receive: Any, send: Any, query: Any) -> None:
    import resource

    await answer(
        send,
        {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "server": sorted(name for name in SERVERS if name in sys.modules),
            "event_loop": type(asyncio.get_running_loop()).__module__,
            "lifespan": lifespan_ran,
            "initialization_type": os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE"),
            "variables": sorted(
                name
                for name in os.environ
                if name.startswith(("AWS_", "LAMBDA_", "_")) or name == "PORT"
            ),
            "user": os.getuid(),
            "writable": os.access(os.getcwd(), os.W_OK),
        },
    )


async def meet(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """Stays for `seconds`, and says how many were here at once."""
    global at_once, most_at_once
    at_once += 1
    most_at_once = max(most_at_once, at_once)
    await asyncio.sleep(float(query.get("seconds", "1")))
    at_once -= 1
    await answer(send, {"process": os.getpid(), "most": most_at_once})


async def upload(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await answer(send, {"bytes": await read(receive)})


async def left_(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """What became of the client that left."""
    await answer(send, left.get(query["name"], {"told": "not yet"}))


# ---- what it does


async def stream(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """Numbers, one every `seconds`."""
    await start(send)
    for number in range(int(query.get("pieces", "5"))):
        if number:
            await asyncio.sleep(float(query.get("seconds", "0.2")))
        await piece(send, b"%d\n" % number)
    await piece(send, b"", more=False)


async def large(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await start(send, headers=[(b"content-type", b"application/octet-stream")])
    for _ in range(int(query["mebibytes"])):
        await piece(send, MEBIBYTE)
    await piece(send, b"", more=False)


async def silent(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await asyncio.sleep(1000)


async def endless(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await start(send)
    while True:
        await piece(send, b"tick\n")
        await asyncio.sleep(0.5)


async def leave(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """A stream whose client leaves: how does the app hear of it?"""
    began = time.monotonic()
    note = left[query["name"]] = {"told": "not yet"}

    async def listen() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        note.update(told="http.disconnect", seconds=round(time.monotonic() - began, 2))

    listening = asyncio.ensure_future(listen())
    try:
        await start(send)
        while note["told"] == "not yet" and time.monotonic() - began < 60:
            await piece(send, b"still here\n" * 100)
            await asyncio.sleep(0.2)
    except OSError as error:
        note.update(
            told=f"send raised {type(error).__name__}", seconds=round(time.monotonic() - began, 2)
        )
    except asyncio.CancelledError:
        note.update(told="cancelled", seconds=round(time.monotonic() - began, 2))
        raise
    finally:
        listening.cancel()


async def early(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """An answer to a request whose body is never read."""
    await answer(send, {"early": True}, 413)


async def raise_before(scope: Any, receive: Any, send: Any, query: Any) -> None:
    raise RuntimeError("asked to")


async def raise_after(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await start(send)
    await piece(send, b"some\n")
    raise RuntimeError("asked to")


async def status(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await start(send, int(query["code"]), [(b"location", b"/scope")])
    await piece(send, b"", more=False)


async def headers(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """Headers that are the connection's, and ones that are not."""
    named = [
        (b"content-type", b"text/plain"),
        (b"content-length", b"2"),
        (b"X-Case", b"kept?"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-authenticate", b"Basic"),
        (b"lambda-web-request-id", b"forged"),
        (b"x-twice", b"1"),
        (b"x-twice", b"2"),
    ]
    await start(send, headers=named)
    await piece(send, b"ok", more=False)


async def range_(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """A thousand bytes, or those that a range of two numbers asks for."""
    whole = bytes(number % 256 for number in range(1000))
    asked = dict(scope["headers"]).get(b"range")
    if asked is None:
        await start(send, 200, [(b"content-length", b"1000"), (b"accept-ranges", b"bytes")])
        await piece(send, whole, more=False)
        return
    first, last = map(int, asked.removeprefix(b"bytes=").split(b"-"))
    part = whole[first : last + 1]
    of_the_range = b"bytes %d-%d/1000" % (first, last)
    await start(
        send, 206, [(b"content-length", b"%d" % len(part)), (b"content-range", of_the_range)]
    )
    await piece(send, part, more=False)


ROUTES = {
    "/scope": scope_,
    "/runtime": runtime,
    "/meet": meet,
    "/upload": upload,
    "/left": left_,
    "/stream": stream,
    "/large": large,
    "/silent": silent,
    "/endless": endless,
    "/leave": leave,
    "/early": early,
    "/raise-before": raise_before,
    "/raise-after": raise_after,
    "/status": status,
    "/headers": headers,
    "/range": range_,
}
