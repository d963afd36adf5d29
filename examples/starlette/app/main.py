"""Starlette: numbers as server-sent events, each when it is due."""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lambda_asgi import LambdaASGI


async def index(request: Request) -> Response:
    return JSONResponse({"framework": "starlette"})


async def numbers(request: Request) -> Response:
    last = int(request.query_params.get("last", "10"))
    return StreamingResponse(events(last), media_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)


app = Starlette(routes=[Route("/", index), Route("/numbers", numbers)])
handler = LambdaASGI(app, response_mode="streaming")
