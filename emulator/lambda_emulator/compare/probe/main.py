"""The probe: an ASGI app that describes its surroundings, and misbehaves on request.

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
from collections.abc import Sequence
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

Header = tuple[bytes, bytes]
PLAIN = ((b"content-type", b"text/plain"),)

lifespan_ran = False
at_once = most_at_once = 0
left: dict[str, Any] = {}
"""What became of clients that were to leave, by the name they gave."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    request = Request(scope, receive, send)
    path = scope["path"]
    # Behind an API the root path is the stage.
    root = scope.get("root_path") or ""
    route = ROUTES.get(path.removeprefix(root))
    if route is None:
        await request.answer({"no route": path}, 404)
    else:
        await route(request)


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


class Request:
    """One request, and the response to it."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self.query = {}
        text = scope["query_string"].decode()
        for name, values in parse_qs(text).items():
            self.query[name] = values[-1]

    async def read(self) -> int:
        """Return the number of bytes in the request's body."""
        size = 0
        more = True
        while more:
            message = await self.receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        return size

    async def start(self, status: int = 200, headers: Sequence[Header] = PLAIN) -> None:
        message = {"type": "http.response.start", "status": status, "headers": list(headers)}
        await self._send(message)

    async def piece(self, data: bytes, more: bool = True) -> None:
        message = {"type": "http.response.body", "body": data, "more_body": more}
        await self._send(message)

    async def end(self, data: bytes = b"") -> None:
        await self.piece(data, more=False)

    async def answer(self, what: object, status: int = 200) -> None:
        """Send JSON as the whole response."""
        body = json.dumps(what).encode()
        size = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", size)]
        await self.start(status, headers)
        await self.end(body)


# ---- what it tells


async def scope_(request: Request) -> None:
    scope = request.scope
    client = scope["client"]
    server = scope["server"]
    raw_path = scope.get("raw_path") or b""
    headers = []
    for name, value in scope["headers"]:
        headers.append([name.decode("latin-1"), value.decode("latin-1")])
    await request.answer(
        {
            "asgi": scope["asgi"],
            "http_version": scope["http_version"],
            "method": scope["method"],
            "scheme": scope["scheme"],
            "path": scope["path"],
            "raw_path": raw_path.decode("latin-1"),
            "query": scope["query_string"].decode("latin-1"),
            "root_path": scope.get("root_path"),
            "client": client and client[0],
            "server": server and list(server),
            "extensions": sorted(scope.get("extensions") or {}),
            "state": "state" in scope,
            "headers": headers,
        },
    )


async def runtime(request: Request) -> None:
    import resource

    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    event_loop = asyncio.get_running_loop()
    prefixes = ("AWS_", "LAMBDA_", "_")
    variables = [name for name in os.environ if name.startswith(prefixes) or name == "PORT"]
    await request.answer(
        {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "descriptors": descriptors,
            "server": sorted(name for name in SERVERS if name in sys.modules),
            "event_loop": type(event_loop).__module__,
            "lifespan": lifespan_ran,
            "initialization_type": os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE"),
            "variables": sorted(variables),
            "user": os.getuid(),
            "writable": os.access(os.getcwd(), os.W_OK),
        },
    )


async def meet(request: Request) -> None:
    """Stay for `seconds`, and answer with the most requests that were here at once."""
    global at_once, most_at_once
    seconds = float(request.query.get("seconds", "1"))
    at_once += 1
    most_at_once = max(most_at_once, at_once)
    await asyncio.sleep(seconds)
    at_once -= 1
    await request.answer({"process": os.getpid(), "most": most_at_once})


async def upload(request: Request) -> None:
    size = await request.read()
    await request.answer({"bytes": size})


async def left_(request: Request) -> None:
    """Answer with what the app was told about the client that left."""
    name = request.query["name"]
    await request.answer(left.get(name, {"told": "not yet"}))


# ---- what it does


async def stream(request: Request) -> None:
    """Send numbers, one every `seconds`."""
    pieces = int(request.query.get("pieces", "5"))
    seconds = float(request.query.get("seconds", "0.2"))
    await request.start()
    for number in range(pieces):
        if number:
            await asyncio.sleep(seconds)
        await request.piece(b"%d\n" % number)
    await request.end()


async def large(request: Request) -> None:
    mebibytes = int(request.query["mebibytes"])
    await request.start(headers=[(b"content-type", b"application/octet-stream")])
    for _ in range(mebibytes):
        await request.piece(MEBIBYTE)
    await request.end()


async def silent(request: Request) -> None:
    await asyncio.sleep(1000)


async def endless(request: Request) -> None:
    await request.start()
    while True:
        await request.piece(b"tick\n")
        await asyncio.sleep(0.5)


async def leave(request: Request) -> None:
    """Stream to a client that leaves, and note how the app learns of it."""
    began = time.monotonic()
    note: dict[str, Any] = {"told": "not yet"}
    left[request.query["name"]] = note

    def tell(what: str) -> None:
        seconds = time.monotonic() - began
        note.update(told=what, seconds=round(seconds, 2))

    async def listen() -> None:
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                tell("http.disconnect")
                return

    listening = asyncio.ensure_future(listen())
    try:
        await request.start()
        while note["told"] == "not yet" and time.monotonic() - began < 60:
            await request.piece(b"still here\n" * 100)
            await asyncio.sleep(0.2)
    except OSError as error:
        tell(f"send raised {type(error).__name__}")
    except asyncio.CancelledError:
        tell("cancelled")
        raise
    finally:
        listening.cancel()


async def early(request: Request) -> None:
    """Respond to a request without reading its body."""
    await request.answer({"early": True}, 413)


async def raise_before(request: Request) -> None:
    """Raise RuntimeError instead of responding."""
    raise RuntimeError("asked to")


async def raise_after(request: Request) -> None:
    """Raise RuntimeError after the first byte of the body."""
    await request.start()
    await request.piece(b"some\n")
    raise RuntimeError("asked to")


async def status(request: Request) -> None:
    code = int(request.query["code"])
    await request.start(code, [(b"location", b"/scope")])
    await request.end()


async def headers(request: Request) -> None:
    """Send headers that belong to the connection, and others."""
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
    await request.start(headers=named)
    await request.end(b"ok")


async def range_(request: Request) -> None:
    """Send a thousand bytes, or the part that a range of two numbers names."""
    whole = bytes(number % 256 for number in range(1000))
    headers = dict(request.scope["headers"])
    asked = headers.get(b"range")
    if asked is None:
        await request.start(200, [(b"content-length", b"1000"), (b"accept-ranges", b"bytes")])
        await request.end(whole)
        return
    numbers = asked.removeprefix(b"bytes=").split(b"-")
    first, last = map(int, numbers)
    part = whole[first : last + 1]
    size = b"%d" % len(part)
    content_range = b"bytes %d-%d/1000" % (first, last)
    await request.start(206, [(b"content-length", size), (b"content-range", content_range)])
    await request.end(part)


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
