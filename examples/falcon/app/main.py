"""Falcon: numbers as server-sent events, each when it is due."""

import asyncio
from collections.abc import AsyncIterator

import falcon.asgi
from falcon.asgi import Request, Response, SSEvent

from lambda_asgi import LambdaASGI


class Index:
    async def on_get(self, request: Request, response: Response) -> None:
        response.media = {"framework": "falcon"}


class Numbers:
    async def on_get(self, request: Request, response: Response) -> None:
        response.sse = events(request.get_param_as_int("last", default=10))


async def events(last: int) -> AsyncIterator[SSEvent]:
    for number in range(1, last + 1):
        yield SSEvent(data=b"%d" % number)
        await asyncio.sleep(0.2)


app = falcon.asgi.App()
app.add_route("/", Index())
app.add_route("/numbers", Numbers())
handler = LambdaASGI(app, response_mode="streaming")
