import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    return {"item": number}


@app.get("/caller")
async def caller(request: Request) -> str:
    context = json.loads(request.headers["x-amzn-request-context"])
    return str(context["http"]["sourceIp"])


@app.get("/numbers")
async def numbers(last: int = 3) -> StreamingResponse:
    return StreamingResponse(events(last), media_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)
