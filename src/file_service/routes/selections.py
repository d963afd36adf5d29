"""POST /archives/{folder}: some items of a folder as one zip.

It is a POST only because the names may be too long for a URL. It changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from file_service.errors import NotFound
from file_service.http.negotiation import preferred
from file_service.packing.formats import FORMATS
from file_service.problem import Problem
from file_service.routes.archives import answer_with_archive, archived_folder
from file_service.routes.dependencies import Grant, Granted
from file_service.sources import File, FileSource, Page, Pages

router = APIRouter()

JSON, ZIP = "application/json", "application/zip"

MOST_BODY_BYTES = 6 * 1024 * 1024  # The largest request that Lambda accepts

# For more files of one folder than this, listing the folder costs less than one request each.
_MANY = 20

_FORM = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "array", "items": {"type": "string"}}},
            }
        }
    },
}


class Measured(BaseModel):
    """The zip's number of files and its size in bytes."""

    files: int
    size: int


@router.post(
    "/archives/{path:path}",
    response_class=Response,
    responses={200: {"model": Measured, "content": {ZIP: {}}}},
    openapi_extra={"requestBody": _FORM},
)
async def archive_selection(request: Request, grant: Granted, path: str) -> Response:
    """One zip of the items that the form fields `name` name.

    A name is a path below the folder. The path of a folder ends with a slash. With
    `Accept: application/json` the response is only the size of the zip.
    """
    folder = archived_folder(request, grant, path)
    names = await _names(request)
    paths = _paths(grant, folder, names)
    pages = _selected(grant.source, paths)
    accept = request.headers.get("accept", "")
    if preferred(accept, [ZIP, JSON]) == ZIP:
        return await answer_with_archive(request, grant, folder, pages, "zip")
    size = FORMATS["zip"].size()
    files = 0
    async for page in pages:
        for file in page.entries:
            if isinstance(file, File):
                files += 1
                size.add(file.path.removeprefix(folder), file)
    measured = Measured(files=files, size=size.total)
    headers = {"cache-control": "no-store"}
    return Response(measured.model_dump_json(), headers=headers, media_type=JSON)


async def _names(request: Request) -> list[str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            detail = f"The form has more than {MOST_BODY_BYTES} bytes."
            raise Problem(413, detail, max_bytes=MOST_BODY_BYTES)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Problem(400, "The form is not UTF-8.") from None
    names = [value for name, value in fields if name == "name"]
    if not names:
        raise Problem(422, "Name what the zip shall contain: the form has no field 'name'.")
    return names


def _paths(grant: Grant, folder: str, names: Iterable[str]) -> list[str]:
    """Return the paths of these names below `folder`, without items of other named folders.

    Raises:
        NotFound: A name is not served.
    """
    wanted = {folder + grant.served(name) for name in names}
    paths: list[str] = []
    above: str | None = None  # The latest folder among them
    for path in sorted(wanted):
        if above is not None and path.startswith(above):
            continue
        paths.append(path)
        if path.endswith("/"):
            above = path
    return paths


async def _selected(source: FileSource, paths: Sequence[str]) -> Pages:
    """Yield the files at `paths`, and the files below the folders among them. Raises `NotFound`."""
    by_folder: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if path.endswith("/"):
            async for page in source.walk(path):
                yield page
        else:
            folder = path[: path.rfind("/") + 1]
            by_folder[folder].add(path)
    for folder, wanted in by_folder.items():
        async for page in _files(source, folder, wanted):
            yield page


async def _files(source: FileSource, folder: str, wanted: set[str]) -> Pages:
    """Yield the files `wanted`, which are all directly in `folder`."""
    if len(wanted) < _MANY:
        for path in sorted(wanted):
            yield Page([await source.stat(path)])
        return
    async for page in source.list_pages(folder):
        files = [entry for entry in page.entries if isinstance(entry, File)]
        found = [file for file in files if file.path in wanted]
        wanted.difference_update(file.path for file in found)
        yield Page(found)
    if wanted:
        raise NotFound(min(wanted))
