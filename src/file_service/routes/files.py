"""GET and HEAD /files/{path}: one file, or ranges of it."""

from email.utils import format_datetime
from posixpath import basename
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from file_service.http.byte_ranges import RangeNotSatisfiable
from file_service.http.conditional import Outcome, evaluate
from file_service.http.content_disposition import content_disposition
from file_service.http.selection import select
from file_service.limits import ranges_to_ask_for
from file_service.media_types import is_active, media_type
from file_service.problem import Problem
from file_service.routes import get_and_head
from file_service.routes.dependencies import Granted, RequestedFile
from file_service.sources import File
from file_service.streams import pieces_of, started

router = APIRouter()

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"*/*": {}}},
    206: {"description": "Ranges of the file", "content": {"*/*": {}}},
    304: {"description": "The file is the one that the client has"},
    307: {"description": "A presigned URL, where the body is too large for Lambda"},
}

# What a cache needs (section 15.4.5). A Function URL gives an answer without Content-Type one of its own, and a cache
# would take it over: so the true one goes along.
_NOT_MODIFIED = ("cache-control", "content-type", "etag")


@get_and_head(router, "/files/{path:path}", response_class=Response, responses=_ANSWERS)
async def get_file(
    request: Request,
    grant: Granted,
    file: RequestedFile,
    download: Annotated[str | None, Query(description="Ask the browser to save the file, not to show it.")] = None,
) -> Response:
    """Streams a file: whole, or the ranges asked for. Conditional as RFC 9110 has it."""
    headers = _headers(file, grant.settings.cache_control, attachment=download is not None)
    if digest := grant.digests.get(file):
        headers["repr-digest"] = digest.repr_digest

    fields = {name: ",".join(request.headers.getlist(name)) for name in request.headers}
    match evaluate(fields, file.etag, file.modified):
        case Outcome.NOT_MODIFIED:
            return Response(status_code=304, headers={name: headers[name] for name in _NOT_MODIFIED})
        case Outcome.PRECONDITION_FAILED:
            raise Problem(412, "The file is not the version that was asked for.", headers={"etag": file.etag})

    # A HEAD selects nothing: Range is defined for GET alone (section 14.2), and no body is too large to describe.
    if request.method == "HEAD":
        return Response(headers={**headers, "content-length": str(file.size)})

    try:
        selection = select(fields, file, headers["content-type"])
    except RangeNotSatisfiable as error:
        raise Problem(416, str(error), headers={"content-range": f"bytes */{file.size}"}, size=file.size) from None

    sendable = grant.sendable
    grant.log.update(selected=selection.size, sendable=sendable, decision="stream")
    if sendable is not None and selection.size > sendable:
        url = await grant.source.sign(file, grant.presigned_seconds)
        grant.log["decision"] = "redirect" if url else "refuse"
        if url:
            return RedirectResponse(url, status_code=307, headers={"cache-control": "no-store"})
        raise _too_large(file, selection.size, sendable)
    body = await started(pieces_of(grant.source, file, selection.pieces))
    return StreamingResponse(body, selection.status, headers={**headers, **selection.headers})


def _headers(file: File, cache_control: str, *, attachment: bool) -> dict[str, str]:
    """What is told about the file, whichever part of it is sent."""
    headers = {
        "accept-ranges": "bytes",
        "cache-control": cache_control,
        "content-disposition": content_disposition(basename(file.path), attachment=attachment),
        "content-type": media_type(file.path),
        "etag": file.etag,
        "last-modified": format_datetime(file.modified, usegmt=True),
        "x-content-type-options": "nosniff",
    }
    if is_active(headers["content-type"]):
        headers["content-security-policy"] = "sandbox"
    return headers


def _too_large(file: File, selected: int, sendable: int) -> Problem:
    step, ranges = ranges_to_ask_for(file.size, sendable)
    return Problem(
        413,
        f"{selected} bytes are more than the {sendable} that can be streamed here. "
        f"Ask for ranges of at most {step} bytes, with If-Range to be sure that they are of one version.",
        headers={"accept-ranges": "bytes", "etag": file.etag},
        size=file.size,
        max_bytes=sendable,
        range_bytes=step,
        ranges=ranges,
        if_range=file.etag,
    )
