"""An object from S3 through aiobotocore, with one client for the life of the app.

Its documentation recommends that.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiobotocore.session import get_session  # type: ignore[import-not-found]  # `prepare` installs it
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

BUCKET = os.environ["BENCHMARK_BUCKET"]
CHUNK = 1024 * 1024

client: Any = None


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    global client
    async with get_session().create_client("s3") as client:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/files/{key:path}")
async def get(key: str) -> StreamingResponse:
    found = await client.get_object(Bucket=BUCKET, Key=key)
    headers = {"content-length": str(found["ContentLength"]), "etag": found["ETag"]}
    return StreamingResponse(
        _chunks(found["Body"]), headers=headers, media_type=found["ContentType"]
    )


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    async with body:
        async for chunk in body.iter_chunks(CHUNK):
            yield chunk
