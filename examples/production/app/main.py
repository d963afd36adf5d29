"""Streams the objects of a bucket, and searches them: what the production template deploys."""

import json
import os
from collections.abc import AsyncIterator
from typing import Annotated

import metrics
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import ObjectStore, from_url
from pydantic import BaseModel, StringConstraints

from lambda_asgi import LambdaASGI

metrics.install(os.environ.get("METRICS_NAMESPACE", "LambdaASGI"))

app = FastAPI()
# Over HTTP only where a local stand-in for S3 says so.
plain = os.environ.get("AWS_ENDPOINT_URL_S3", "").startswith("http://")
store: ObjectStore = from_url(os.environ["SOURCE"], client_options={"allow_http": plain})


class Search(BaseModel):
    key: str
    text: Annotated[str, StringConstraints(min_length=1, max_length=200)]


async def open_object(key: str) -> tuple[int, AsyncIterator[bytes]]:
    """Its size, and its bytes in parts of 1 MiB."""
    try:
        result = await store.get_async(key)
    except (
        FileNotFoundError,
        PermissionDeniedError,
        ValueError,
    ):  # ValueError: a path with .. in it
        raise HTTPException(404, "no such object") from None
    except BaseError as error:
        raise HTTPException(502, "the bucket cannot be read") from error

    async def parts() -> AsyncIterator[bytes]:
        async for part in result.stream(min_chunk_size=1024 * 1024):
            yield bytes(part)

    return result.meta["size"], parts()


@app.get("/objects/{key:path}")
async def read(key: str) -> StreamingResponse:
    size, parts = await open_object(key)
    return StreamingResponse(
        parts, media_type="application/octet-stream", headers={"content-length": str(size)}
    )


@app.post("/searches")
async def search(request: Search) -> StreamingResponse:
    """The lines of an object that contain a text, as NDJSON, each as soon as it is found."""
    _, parts = await open_object(request.key)
    return StreamingResponse(
        matches(parts, request.text.encode()), media_type="application/x-ndjson"
    )


async def matches(parts: AsyncIterator[bytes], text: bytes) -> AsyncIterator[str]:
    number = 0
    async for line in lines(parts):
        number += 1
        if text in line:
            yield json.dumps({"line": number, "text": line.decode(errors="replace")}) + "\n"


async def lines(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


@app.get("/healthz")
async def health() -> dict[str, str]:
    return {"status": "ok"}


handler = LambdaASGI(app, response_mode="streaming")
