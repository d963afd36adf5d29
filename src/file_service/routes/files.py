"""GET and HEAD /files/{path}: one file."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from email.utils import format_datetime
from posixpath import basename
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from file_service.content_disposition import content_disposition
from file_service.media_types import is_active, media_type
from file_service.paths import is_served, requested_path
from file_service.problem import file_not_found
from file_service.routes import Settings, Source
from file_service.sources import File

router = APIRouter()


@router.head("/files/{path:path}", include_in_schema=False)
@router.get("/files/{path:path}", response_class=Response)
async def get_file(
    request: Request,
    path: str,
    settings: Settings,
    source: Source,
    download: Annotated[str | None, Query(description="Ask the browser to save the file, not to show it.")] = None,
) -> Response:
    """Streams the file."""
    path = requested_path(request.scope.get("raw_path", b""), path)
    if not is_served(path, show_hidden=settings.show_hidden):
        raise file_not_found()
    file = await source.stat(path)
    headers = file_headers(file, settings.cache_control, attachment=download is not None)
    headers["content-length"] = str(file.size)
    if request.method == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(await started(source.read(file, 0, file.size)), headers=headers)


def file_headers(file: File, cache_control: str, *, attachment: bool) -> dict[str, str]:
    """The headers that tell about the file, whatever part of it is sent."""
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


async def started(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same chunks, the first one read already: what fails at once can still be answered with an error status."""
    first = await anext(chunks, b"")

    async def rest() -> AsyncGenerator[bytes, None]:
        async with aclosing(chunks):
            yield first
            async for chunk in chunks:
                yield chunk

    return rest()
