"""The probe as an ASGI app: for lambda_asgi in both modes, Mangum, and Lambda Web Adapter."""

import asyncio
import os
import sys
from typing import Any
from urllib.parse import parse_qs

if os.environ.get("INIT") == "exit":
    sys.exit(1)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path == "/throw":
        raise RuntimeError("thrown on purpose")
    if path == "/sleep":
        await asyncio.sleep(3600)
    if path == "/crash":
        os._exit(3)
    headers = [(b"content-type", b"text/plain"), (b"x-from", b"asgi")]
    await send(
        {
            "type": "http.response.start",
            "status": 201 if path == "/stream" else 200,
            "headers": headers,
        }
    )

    async def part(data: bytes, more: bool = True) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": more})

    if path == "/stream":
        gate = parse_qs(scope["query_string"].decode())["gate"][0]
        for index in range(3):
            await part(f"chunk {index}\n".encode())
            while not os.path.exists(f"{gate}.{index}"):  # noqa: ASYNC110, ASYNC240
                await asyncio.sleep(0.002)
        await part(b"", more=False)
    elif path == "/late":
        await part(b"so far")
        await asyncio.sleep(0.05)
        raise RuntimeError("late on purpose")
    elif path == "/large":
        await part(b"x" * 7_000_000, more=False)
    elif path == "/log":
        print("a line of the log", flush=True)
        await part(b"logged", more=False)
    else:
        await part(f"hello from {path}".encode(), more=False)
