"""Behind a REST API: a stream, a file without binaryMediaTypes, a redirect that keeps the stage."""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from lambda_asgi import LambdaASGI


async def numbers(request: Request) -> Response:
    last = int(request.query_params.get("last", "10"))
    return StreamingResponse(events(last), media_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)


async def binary(request: Request) -> Response:
    """A streamed response is passed on byte for byte. A buffered one would be base64 in JSON."""
    return Response(bytes(range(256)), media_type="application/octet-stream")


async def start(request: Request) -> Response:
    return RedirectResponse(request.url_for("numbers"))


app = Starlette(
    routes=[Route("/numbers", numbers), Route("/binary", binary), Route("/start", start)]
)
handler = LambdaASGI(app, response_mode="streaming")
