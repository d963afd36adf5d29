"""GET and HEAD /archives/{folder}: a folder as one zip or tar."""

from collections.abc import AsyncIterator
from posixpath import basename
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from file_service.http.content_disposition import content_disposition
from file_service.packing.formats import FORMATS, FormatName
from file_service.problem import Problem
from file_service.routes import get_and_head, moved
from file_service.routes.dependencies import Grant, Granted
from file_service.sources import File, Page
from file_service.streams import started

router = APIRouter()

_CONTENT: dict[str, Any] = {each.media_type: {} for each in FORMATS.values()}


@get_and_head(router, "/archives", include_in_schema=False, response_class=Response)
async def add_slash() -> Response:
    return moved("./archives/")


@get_and_head(
    router,
    "/archives/{path:path}",
    response_class=Response,
    responses={200: {"content": _CONTENT}},
)
async def get_archive(
    request: Request,
    grant: Granted,
    path: str,
    name: Annotated[FormatName, Query(alias="format", description="Of the archive.")] = "zip",
) -> Response:
    """Streams all files below a folder as a zip or tar (`/archives/` is the whole source).

    `x-skipped` is the number of files left out because no path can express their names.
    """
    folder = archived_folder(request, grant, path)
    pages = grant.source.walk(folder)
    return await answer_with_archive(request, grant, folder, pages, name)


def archived_folder(request: Request, grant: Grant, path: str) -> str:
    """Return the folder that the URL of an archive names, with its slash.

    The root is an empty string.
    """
    if not path:
        return ""
    folder = grant.path(request, path).removesuffix("/")
    return f"{folder}/"


async def answer_with_archive(
    request: Request, grant: Grant, folder: str, pages: AsyncIterator[Page], name: FormatName
) -> Response:
    """Respond with an archive of the files on `pages`, named by their paths below `folder`."""
    form = FORMATS[name]
    files: list[File] = []
    size = form.size()
    skipped = 0
    async for page in pages:
        skipped += page.skipped
        for file in page.entries:
            if isinstance(file, File):
                files.append(file)
                size.add(file.path.removeprefix(folder), file)

    stem = basename(folder.removesuffix("/")) or "files"
    filename = f"{stem}.{name}"
    headers = {
        "accept-ranges": "none",
        "cache-control": "private, no-store",
        "content-disposition": content_disposition(filename, attachment=True),
        "content-type": form.media_type,
        "x-content-type-options": "nosniff",
    }
    if not form.compressed:
        headers["content-length"] = str(size.total)
    if skipped:
        headers["x-skipped"] = str(skipped)
    if request.method == "HEAD":
        return StreamingResponse(iter(()), headers=headers)
    _check_limits(grant, form.largest(size.total), len(files))
    body = await started(form.pack(grant.source, files, folder))
    return StreamingResponse(body, headers=headers)


def _check_limits(grant: Grant, size: int, files: int) -> None:
    """Raise a 413 for an archive that cannot be sent to its end."""
    sendable = grant.sendable(files)
    grant.log.update(selected=size, sendable=sendable, files=files, decision="stream")
    if sendable is not None and size > sendable:
        grant.log["decision"] = "refuse"
        raise Problem(
            413,
            f"The archive would have {files} files and {size} bytes, more than the {sendable} "
            "that can be streamed here in the time that is left. "
            "Ask for its folders one by one, or for its files.",
            size=size,
            files=files,
            max_bytes=sendable,
        )
