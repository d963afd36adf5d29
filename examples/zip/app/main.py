"""A folder as one zip, made while it is downloaded. Nothing is stored; memory stays flat."""

import os
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from stream_zip import ZIP_64, AsyncMemberFile, async_stream_zip

from lambda_asgi import LambdaASGI

# A relative path is one of the code's own folders. A folder that is missing is an error at the
# start: a zip without files would look like a success.
FOLDER = (Path(__file__).parent / os.environ["FOLDER"]).resolve(strict=True)


async def download(request: Request) -> Response:
    headers = {"content-disposition": f'attachment; filename="{FOLDER.name}.zip"'}
    return StreamingResponse(
        async_stream_zip(members()), media_type="application/zip", headers=headers
    )


async def members() -> AsyncIterator[AsyncMemberFile]:
    for path, status in await anyio.to_thread.run_sync(regular_files):
        changed = datetime.fromtimestamp(status.st_mtime, UTC)
        yield str(path.relative_to(FOLDER)), changed, status.st_mode, ZIP_64, parts(path)


def regular_files() -> list[tuple[Path, os.stat_result]]:
    """Without symbolic links, which could lead out of the folder."""
    found = ((path, path.lstat()) for path in sorted(FOLDER.rglob("*")))
    return [(path, status) for path, status in found if stat.S_ISREG(status.st_mode)]


async def parts(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while part := await file.read(1024 * 1024):
            yield part


app = Starlette(routes=[Route("/download", download)])
handler = LambdaASGI(app, response_mode="streaming")
