"""Apps with an object that is bound to an event loop, as docs/from-mangum.md describes.

`bound` creates it during the import, and `unbound` in its lifespan.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mangum import Mangum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


class Channel:
    """A client library's object. Like a channel of grpc.aio, it keeps the loop of its creation."""

    def __init__(self) -> None:
        self._loop = asyncio.get_event_loop()

    async def call(self) -> str:
        answer = self._loop.create_future()
        self._loop.call_soon(answer.set_result, "answer")
        return str(await answer)


channel = Channel()


async def call_bound(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await channel.call())


async def call_unbound(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.state.channel.call())


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Channel]]:
    yield {"channel": Channel()}


bound = Starlette(routes=[Route("/", call_bound)])
unbound = Starlette(routes=[Route("/", call_unbound)], lifespan=lifespan)
mangum = Mangum(bound, lifespan="off")
