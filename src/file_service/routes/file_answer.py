"""Responses with a file or ranges of it."""

from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from email.utils import format_datetime
from posixpath import basename

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from file_service.http.byte_ranges import ByteRange, RangeNotSatisfiable, likely_slice
from file_service.http.conditional import Outcome, evaluate, revalidates
from file_service.http.content_disposition import content_disposition
from file_service.http.selection import select
from file_service.lambda_scope import on_event_function
from file_service.limits import ranges_to_ask_for
from file_service.media_types import is_active, media_type
from file_service.problem import Problem
from file_service.routes.dependencies import Grant
from file_service.sources import File, OpenFile
from file_service.streams import pieces_of, started

# What a cache needs (section 15.4.5). Content-Type is sent too: a Function URL adds a type of its
# own to a response without one, and a cache would store that type.
_NOT_MODIFIED = ("cache-control", "content-type", "etag")

_PLAYERS = {"audio", "video"}


async def answer_with_file(
    request: Request, grant: Grant, path: str, *, attachment: bool = False
) -> Response:
    """Respond with the file at `path`, with conditions and ranges (RFC 9110).

    Raises:
        NotFound: There is no file at `path`.
    """
    asked = _Asked(request, grant, attachment=attachment)
    # If the response most likely has no body, do not begin to read one.
    if request.method == "HEAD" or revalidates(asked.fields):
        answer = asked.without_body(await grant.source.stat(path))
        if answer is not None:
            return answer
    start, stop = likely_slice(asked.fields.get("range", ""))
    opened = await grant.source.open(path, start, stop)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(aclosing(opened))
        answer = asked.without_body(opened.file)
        if answer is not None:
            return answer
        return await asked.with_body(opened, stack)


class _Asked:
    """What one GET or HEAD asks of a file."""

    def __init__(self, request: Request, grant: Grant, *, attachment: bool) -> None:
        self._method = request.method
        self._grant = grant
        self._attachment = attachment
        # A Function URL responds to every HEAD with Content-Length 0. Content-Range has no meaning
        # in a 200 (section 14.4), but rclone and others read the size from it.
        self._length_is_lost = on_event_function(request.scope)
        headers = request.headers
        self.fields = {name: ",".join(headers.getlist(name)) for name in headers}

    def without_body(self, file: File) -> Response | None:
        """Return the response if it has no body: a 304, or any response to HEAD. Raises a 412."""
        headers = self._headers(file)
        match evaluate(self.fields, file.etag, file.modified):
            case Outcome.NOT_MODIFIED:
                kept = {name: headers[name] for name in _NOT_MODIFIED}
                return Response(status_code=304, headers=kept)
            case Outcome.PRECONDITION_FAILED:
                raise Problem(
                    412,
                    "The file is not the version that was asked for.",
                    headers={"etag": file.etag},
                )
        if self._method != "HEAD":
            return None
        # A HEAD selects no range: Range is defined for GET only (section 14.2). No file is too
        # large either.
        if self._length_is_lost and file.size:
            whole = ByteRange(0, file.size)
            headers["content-range"] = whole.content_range(file.size)
        return Response(headers=headers)

    async def with_body(self, opened: OpenFile, stack: AsyncExitStack) -> Response:
        """Return the response with a body. `stack` closes the file unless the body reads it."""
        file = opened.file
        grant = self._grant
        headers = self._headers(file)
        sendable = grant.sendable()
        # A media player can neither be told to ask for less, nor be redirected to S3: the page's
        # security policy allows loads from this service only.
        is_player = self.fields.get("sec-fetch-dest") in _PLAYERS
        at_most = sendable if is_player else None
        now = datetime.now(UTC)
        try:
            selection = select(self.fields, file, headers["content-type"], now, at_most)
        except RangeNotSatisfiable as error:
            unsatisfied = {"content-range": f"bytes */{file.size}"}
            raise Problem(416, str(error), headers=unsatisfied, size=file.size) from None

        grant.log.update(selected=selection.size, sendable=sendable, decision="stream")
        if sendable is not None and selection.size > sendable:
            return await self._elsewhere(file, selection.size, sendable)
        body = await started(pieces_of(opened, selection.pieces))
        stack.pop_all()
        headers.update(selection.headers)
        return StreamingResponse(body, selection.status, headers)

    async def _elsewhere(self, file: File, selected: int, sendable: int) -> Response:
        """Return a redirect to the store for a body that is too large. Otherwise raises a 413."""
        grant = self._grant
        url = await grant.source.sign(file, grant.presigned_seconds)
        if url is None:
            grant.log["decision"] = "refuse"
            raise _too_large(file, selected, sendable)
        grant.log["decision"] = "redirect"
        return RedirectResponse(url, 307, {"cache-control": "no-store"})

    def _headers(self, file: File) -> dict[str, str]:
        """Return the headers that describe the file, for any part of it."""
        content_type = media_type(file.path, file.size)
        name = basename(file.path)
        headers = {
            "accept-ranges": "bytes",
            "cache-control": self._grant.settings.cache_control,
            "content-disposition": content_disposition(name, attachment=self._attachment),
            "content-length": str(file.size),
            "content-type": content_type,
            "etag": file.etag,
            "last-modified": format_datetime(file.modified, usegmt=True),
            "x-content-type-options": "nosniff",
            "x-file-size": str(file.size),
        }
        # Scripts in files must not run as the service's. A web site's scripts are its operator's.
        if is_active(content_type) and not self._grant.settings.serves_site:
            headers["content-security-policy"] = "sandbox"
        digest = self._grant.digests.get(file)
        if digest is not None:
            headers["repr-digest"] = digest.repr_digest
        return headers


def _too_large(file: File, selected: int, sendable: int) -> Problem:
    step, ranges = ranges_to_ask_for(file.size, sendable)
    return Problem(
        413,
        f"{selected} bytes are more than the {sendable} that can be streamed here. "
        f"Ask for ranges of at most {step} bytes. Send If-Range, so that they are of one version.",
        headers={"accept-ranges": "bytes", "etag": file.etag},
        size=file.size,
        max_bytes=sendable,
        range_bytes=step,
        ranges=ranges,
        if_range=file.etag,
    )
