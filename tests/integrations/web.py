"""The app that every recipe imports."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

PAUSES, PAUSE = 3, 0.1

app = FastAPI()
orders = 0


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


@app.post("/orders", status_code=201)
async def order(size: int = 0) -> dict[str, int | str]:
    global orders
    orders += 1
    return {"order": orders, "filler": "x" * size}
