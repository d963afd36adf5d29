"""A streaming app for a container image."""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from lambda_asgi import LambdaASGI


async def numbers(request: Request) -> Response:
    return StreamingResponse(events(3), media_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)


app = Starlette(routes=[Route("/numbers", numbers)])
handler = LambdaASGI(app, response_mode="streaming")
