import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from lambda_asgi import LambdaASGI

starts = 0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global starts
    starts += 1
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    if number > 9:
        raise HTTPException(404, "no such item")
    return {"item": number}


@app.post("/echo")
async def echo(request: Request) -> dict[str, str]:
    return {
        "body": (await request.body()).decode(),
        "address": request.scope["aws.event"]["rawPath"],
    }


@app.get("/starts")
async def how_often_started() -> int:
    return starts


@app.get("/numbers")
async def numbers(last: int = 3) -> StreamingResponse:
    return StreamingResponse(events(last), media_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)


handler = LambdaASGI(app, response_mode="streaming")
