"""Responses that take memory: small, too large, and an error with a large text."""

from typing import Any

from lambda_asgi import LambdaASGI

MIB = 1024 * 1024


async def app(scope: Any, receive: Any, send: Any) -> None:
    path, _, mib = scope["path"].strip("/").partition("/")
    match path:
        case "too-large":
            content = b"x" * (int(mib) * MIB)
            await respond(send, content, [(b"content-length", b"%d" % len(content))])
        case "raises":
            raise ValueError("x" * (int(mib) * MIB))
        case "mistyped":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "x", "body": b"x" * (int(mib) * MIB)})
        case _:
            await respond(send, b"fine", [])


async def respond(send: Any, content: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


handler = LambdaASGI(app, lifespan="off", response_mode="streaming")
