"""GET /digests/{path}: the digest of a file, with the progress of making it, as Server-Sent Events."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.requests import Request

from file_service.errors import SourceError
from file_service.known_digests import Digest
from file_service.problem import problem_of
from file_service.routes.dependencies import Granted
from file_service.sources import File

router = APIRouter()

# Often enough for a progress bar to move, seldom enough not to matter beside the hashing.
_PROGRESS_SECONDS = 0.2

_log = logging.getLogger("file_service")


class Progress(BaseModel):
    hashed: int
    size: int


class Result(BaseModel):
    """`sha256` in hexadecimal, `repr_digest` as RFC 9530 writes it; both of the version with this `etag`."""

    sha256: str
    repr_digest: str
    size: int
    etag: str


class Failure(BaseModel):
    detail: str


async def _file(request: Request, grant: Granted, path: str) -> File:
    return await grant.source.stat(grant.path(request, path))


# A dependency, so that what is not there is an error status and no event.
_RequestedFile = Annotated[File, Depends(_file)]


@router.get("/digests/{path:path}", response_class=EventSourceResponse)
async def get_digest(grant: Granted, file: _RequestedFile) -> AsyncIterable[ServerSentEvent]:
    """Events `progress`, then one `digest` or `failed`. A client that reconnects (Last-Event-ID) starts over."""
    digest = grant.digests.get(file)
    if digest is None:
        sha256 = hashlib.sha256()
        hashed = 0
        shown_at = time.monotonic()
        yield ServerSentEvent(event="progress", data=Progress(hashed=0, size=file.size))
        try:
            async with aclosing(grant.source.read(file, 0, file.size)) as chunks:
                async for chunk in chunks:
                    # In a thread: 1 MiB takes a processor without SHA instructions 5 ms, which others would wait for.
                    await asyncio.to_thread(sha256.update, chunk)
                    hashed += len(chunk)
                    if time.monotonic() - shown_at >= _PROGRESS_SECONDS:
                        shown_at = time.monotonic()
                        yield ServerSentEvent(event="progress", data=Progress(hashed=hashed, size=file.size))
        except SourceError as error:
            _log.exception("The digest of %s was not finished", file.path)
            yield ServerSentEvent(event="failed", data=Failure(detail=problem_of(error).detail))
            return
        yield ServerSentEvent(event="progress", data=Progress(hashed=hashed, size=file.size))
        digest = Digest(sha256.digest())
        grant.digests.add(file, digest)
    yield ServerSentEvent(
        event="digest",
        data=Result(sha256=digest.sha256.hex(), repr_digest=digest.repr_digest, size=file.size, etag=file.etag),
    )
