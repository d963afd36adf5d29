"""Quart: numbers as server-sent events, each when it is due."""

import asyncio
from collections.abc import AsyncIterator

from quart import Quart, Response, request

from lambda_asgi import LambdaASGI

app = Quart(__name__)


@app.get("/")
async def index() -> dict[str, str]:
    return {"framework": "quart"}


@app.get("/numbers")
async def numbers() -> Response:
    response = Response(
        events(request.args.get("last", 10, type=int)), mimetype="text/event-stream"
    )
    response.timeout = (
        None  # Quart gives a response 60 seconds; the function's timeout is the limit here
    )
    return response


async def events(last: int) -> AsyncIterator[bytes]:
    for number in range(1, last + 1):
        yield b"data: %d\n\n" % number
        await asyncio.sleep(0.2)


handler = LambdaASGI(app, response_mode="streaming")
