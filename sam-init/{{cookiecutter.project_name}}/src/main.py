"""A FastAPI app whose responses stream from AWS Lambda."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse

from lambda_asgi import LambdaASGI

app = FastAPI(title="{{ cookiecutter.project_name }}")


@app.get("/")
async def hello() -> dict[str, str]:
    return {"message": "hello"}


@app.get("/numbers")
async def numbers(last: Annotated[int, Query(ge=0, le=100)] = 10) -> StreamingResponse:
    """Server-sent events, each sent when it is due."""
    return StreamingResponse(events(last), media_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.5)


handler = LambdaASGI(app, response_mode="streaming")
