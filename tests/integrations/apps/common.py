"""The app that every integration is tried with, and the adapter that the test asks for."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

PAUSES, PAUSE = 3, 0.1


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/json")
    async def small() -> dict[str, str]:
        return {"message": "hello"}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first\n"
            for _ in range(PAUSES):
                await asyncio.sleep(PAUSE)
                yield b"next\n"

        return StreamingResponse(chunks(), media_type="text/plain")

    @app.get("/early")
    async def early() -> None:
        raise RuntimeError("before the first byte")

    @app.get("/late")
    async def late() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first\n"
            await asyncio.sleep(PAUSE)
            raise RuntimeError("behind the first byte")

        return StreamingResponse(chunks(), media_type="text/plain")

    return app


def adapt(app: Any) -> Any:
    """A handler that calls `app`."""
    if os.environ["ADAPTER"] == "none":
        return raises
    if os.environ["ADAPTER"] == "mangum":
        from mangum import Mangum

        return Mangum(app, lifespan="off")
    from lambda_asgi import LambdaASGI

    return LambdaASGI(app, response_mode="streaming")


def raises(event: Any, context: Any) -> None:
    """A handler without an adapter and without an app."""
    raise RuntimeError(event["rawPath"])


class Afterwards:
    """An ASGI app that calls `flush` behind every response, before the invocation ends.

    Lambda freezes the process once the app has returned. A client has its whole response by then.
    """

    def __init__(self, app: Any, flush: Callable[[], object]) -> None:
        self.app = app
        self.flush = flush

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                await asyncio.to_thread(self.flush)
