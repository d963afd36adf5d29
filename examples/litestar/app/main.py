"""Litestar: numbers as server-sent events, each when it is due."""

import asyncio
from collections.abc import AsyncIterator

from litestar import Litestar, get
from litestar.response import ServerSentEvent

from lambda_asgi import LambdaASGI


@get("/")
async def index() -> dict[str, str]:
    return {"framework": "litestar"}


@get("/numbers")
async def numbers(last: int = 10) -> ServerSentEvent:
    return ServerSentEvent(events(last))


async def events(last: int) -> AsyncIterator[int]:
    for number in range(1, last + 1):
        yield number
        await asyncio.sleep(0.2)


app = Litestar([index, numbers])
handler = LambdaASGI(app, response_mode="streaming")
