"""On Managed Instances. In handler mode Lambda starts one process for each concurrent request."""

import asyncio
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from lambda_asgi import LambdaASGI


async def numbers(request: Request) -> Response:
    last = int(request.query_params.get("last", "10"))
    headers = {"x-process": str(os.getpid())}
    return StreamingResponse(events(last), media_type="text/event-stream", headers=headers)


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)


app = Starlette(routes=[Route("/numbers", numbers)])
handler = LambdaASGI(app, response_mode="streaming")
