"""GET and HEAD /archives/{folder}: a folder as one zip."""

from posixpath import basename

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from file_service.http.content_disposition import content_disposition
from file_service.problem import Problem
from file_service.routes import get_and_head
from file_service.routes.dependencies import Granted
from file_service.sources import File
from file_service.streams import started

router = APIRouter()


@get_and_head(
    router, "/archives/{path:path}", response_class=Response, responses={200: {"content": {"application/zip": {}}}}
)
async def get_archive(request: Request, grant: Granted, path: str) -> Response:
    """Streams all files below a folder (`/archives/` the whole source) as one zip, stored uncompressed."""
    from file_service.zip_archive import archive, archive_size

    folder = f"{grant.path(request, path).removesuffix('/')}/" if path else ""
    files: list[File] = []
    async for page in grant.source.list_pages(folder, recursive=True):
        files += [entry for entry in page if isinstance(entry, File)]
    size = archive_size((file.path.removeprefix(folder), file.size) for file in files)

    headers = {
        "accept-ranges": "none",
        "cache-control": "private, no-store",
        "content-disposition": content_disposition(
            f"{basename(path.removesuffix('/')) or 'files'}.zip", attachment=True
        ),
        "content-length": str(size),
        "content-type": "application/zip",
        "x-content-type-options": "nosniff",
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    sendable = grant.sendable
    grant.log.update(selected=size, sendable=sendable, files=len(files), decision="stream")
    if sendable is not None and size > sendable:
        grant.log["decision"] = "refuse"
        raise Problem(
            413,
            f"The zip would have {size} bytes, more than the {sendable} that can be streamed here. "
            "Ask for its folders one by one, or for its files.",
            size=size,
            max_bytes=sendable,
        )
    return StreamingResponse(await started(archive(grant.source, files, folder)), headers=headers)
