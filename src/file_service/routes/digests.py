"""GET /digests/{path}: the digest of a file, with progress, as server-sent events.

GET /digests/{folder}/: the digests of all files below a folder, as a SHA256SUMS file.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterable, Sequence
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from file_service.errors import SourceError
from file_service.http.content_disposition import content_disposition
from file_service.known_digests import Digest, sha256, sums_end, sums_line, sums_line_size
from file_service.packing.read_ahead import Whole, read_ahead
from file_service.problem import Problem, problem_of
from file_service.routes import Documented, get_and_head
from file_service.routes.dependencies import Grant, Granted
from file_service.sources import Chunks, File
from file_service.streams import started

router = APIRouter()

# Often enough for a progress bar, and rare enough to be cheap beside the hashing.
_PROGRESS_SECONDS = 0.2

# A low estimate: a processor without SHA instructions hashes 200 MiB in a second.
_HASHED_PER_SECOND = 100 * 1024 * 1024

_PLAIN = "text/plain"
_SUMS: Documented = {200: {"content": {_PLAIN: {}}}}

_log = logging.getLogger("file_service")


class Progress(BaseModel):
    """How many of the file's `size` bytes are hashed."""

    hashed: int
    size: int


class Result(BaseModel):
    """The SHA-256, in hexadecimal and as `repr_digest` (RFC 9530), of the version `etag` names."""

    sha256: str
    repr_digest: str
    size: int
    etag: str


class Failure(BaseModel):
    """Why there is no digest."""

    detail: str


@get_and_head(router, "/digests/{folder:path}/", include_in_schema=False)
@get_and_head(router, "/digests/", response_class=Response, responses=_SUMS)
async def get_sums(request: Request, grant: Granted) -> Response:
    """The digests of all files below a folder (`/digests/{folder}/`), for `sha256sum -c`.

    The last line is a comment with the number of digests. A list without it was cut.
    """
    folder = request.path_params.get("folder", "")
    folder = f"{grant.path(request, folder)}/" if folder else ""
    files: list[File] = []
    size = to_hash = 0
    async for page in grant.source.walk(folder):
        for file in page.entries:
            if isinstance(file, File):
                files.append(file)
                size += sums_line_size(file.path.removeprefix(folder))
                to_hash += file.size
    end = sums_end(len(files))
    headers = {
        "cache-control": "private, no-store",
        "content-disposition": content_disposition("SHA256SUMS", attachment=False),
        "content-length": str(size + len(end)),
        "x-content-type-options": "nosniff",
    }
    if request.method == "HEAD":
        return Response(headers=headers, media_type=_PLAIN)
    seconds = to_hash / _HASHED_PER_SECOND + len(files) / grant.source.files_per_second
    if grant.seconds_left is not None and seconds > grant.seconds_left:
        raise Problem(
            413,
            f"To read {to_hash} bytes of {len(files)} files may take {seconds:.0f} seconds, more "
            "than are left here. Ask for its folders one by one.",
        )
    lines = _sums(grant, files, folder, end)
    return StreamingResponse(await started(lines), headers=headers, media_type=_PLAIN)


async def _sums(grant: Grant, files: Sequence[File], folder: str, end: bytes) -> Chunks:
    async with aclosing(read_ahead(grant.source, files)) as units:
        async for unit in units:
            if isinstance(unit, Whole):
                # In a thread, as below.
                hashed = await asyncio.to_thread(_hash_all, unit)
            else:
                hashing = hashlib.sha256()
                async for chunk in unit.chunks:
                    await asyncio.to_thread(hashing.update, chunk)
                hashed = [(unit.file, Digest(hashing.digest()))]
            lines = bytearray()
            for file, digest in hashed:
                grant.digests.add(file, digest)
                lines += sums_line(file.path.removeprefix(folder), digest)
            yield bytes(lines)
    yield end


def _hash_all(unit: Whole) -> list[tuple[File, Digest]]:
    return [(file, sha256(data)) for file, data in unit.files]


async def _file(request: Request, grant: Granted, path: str) -> File:
    return await grant.source.stat(grant.path(request, path))


# A dependency, so that a missing file gets an error status instead of an event.
_RequestedFile = Annotated[File, Depends(_file)]


@router.get("/digests/{path:path}", response_class=EventSourceResponse)
async def get_digest(grant: Granted, file: _RequestedFile) -> AsyncIterable[ServerSentEvent]:
    """Events `progress`, then one `digest` or `failed`.

    A client that reconnects (Last-Event-ID) starts over.
    """
    digest = grant.digests.get(file)
    if digest is None:
        sha256 = hashlib.sha256()
        hashed = 0
        shown_at = time.monotonic()
        yield _progress(0, file)
        try:
            chunks = grant.source.read(file, 0, file.size)
            async with aclosing(chunks):
                async for chunk in chunks:
                    # In a thread: 1 MiB takes 5 ms on a processor without SHA instructions, and
                    # would block others.
                    await asyncio.to_thread(sha256.update, chunk)
                    hashed += len(chunk)
                    if time.monotonic() - shown_at >= _PROGRESS_SECONDS:
                        shown_at = time.monotonic()
                        yield _progress(hashed, file)
        except SourceError as error:
            _log.exception("The digest of %s was not finished", file.path)
            failure = Failure(detail=problem_of(error).detail)
            yield ServerSentEvent(event="failed", data=failure)
            return
        yield _progress(hashed, file)
        digest = Digest(sha256.digest())
        grant.digests.add(file, digest)
    result = Result(
        sha256=digest.sha256.hex(),
        repr_digest=digest.repr_digest,
        size=file.size,
        etag=file.etag,
    )
    yield ServerSentEvent(event="digest", data=result)


def _progress(hashed: int, file: File) -> ServerSentEvent:
    progress = Progress(hashed=hashed, size=file.size)
    return ServerSentEvent(event="progress", data=progress)
