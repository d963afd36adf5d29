"""GET and HEAD /files/{path}: one file, or ranges of it."""

from contextlib import aclosing
from posixpath import basename
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from file_service.errors import NotFound
from file_service.routes import Documented, get_and_head, moved
from file_service.routes.dependencies import Grant, Granted
from file_service.routes.file_answer import answer_with_file

router = APIRouter()

_ANSWERS: Documented = {
    200: {"description": "The file", "content": {"*/*": {}}},
    206: {"description": "Ranges of the file", "content": {"*/*": {}}},
    304: {"description": "The file is the one that the client has"},
    307: {"description": "A presigned URL, where the body is too large for Lambda"},
    308: {"description": "A folder, whose address ends with a slash"},
}


@get_and_head(router, "/files/{path:path}", response_class=Response, responses=_ANSWERS)
async def get_file(
    request: Request,
    grant: Granted,
    path: str,
    download: Annotated[
        str | None, Query(description="Ask the browser to save the file, not to show it.")
    ] = None,
) -> Response:
    """Streams a whole file, or the ranges asked for, with the conditions of RFC 9110."""
    path = grant.path(request, path)
    try:
        return await answer_with_file(request, grant, path, attachment=download is not None)
    except NotFound:
        if await _is_folder(grant, path):
            # The links in a folder's index page are relative to the URL with the slash.
            return moved(f"./{quote(basename(path))}/")
        fallback = grant.settings.fallback
        accept = request.headers.get("accept", "")
        if fallback is None or "text/html" not in accept:
            raise
    return await answer_with_file(request, grant, fallback)


async def _is_folder(grant: Grant, path: str) -> bool:
    pages = grant.source.list_pages(f"{path}/", limit=1)
    try:
        async with aclosing(pages):
            await anext(pages, None)
    except NotFound:
        return False
    return True
