"""What routes ask for in their signatures. None reaches a file but through `Grant`, which checks the caller first."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from file_service.authorization import check_token, folder_of
from file_service.errors import NotFound
from file_service.known_digests import DigestsBelow
from file_service.lambda_scope import caller_arn, seconds_left
from file_service.paths import is_served, requested_path
from file_service.settings import Settings
from file_service.sources import File, FileSource
from file_service.sources.subfolder import Subfolder


@dataclass(frozen=True, slots=True)
class Grant:
    """What one request has to work with."""

    settings: Settings
    source: FileSource  # all that its caller may see
    digests: DigestsBelow
    sendable: int | None  # the largest body in bytes that its response may carry; None outside of Lambda
    log: dict[str, Any]  # its line in the access log, to be added to

    def path(self, request: Request, path: str) -> str:
        """`path` of the request's URL, once it is known to be served. Raises `BadPath`, `NotFound`."""
        path = requested_path(request.scope.get("raw_path") or b"", path)
        if path and not is_served(path, show_hidden=self.settings.show_hidden):
            raise NotFound(path)
        return path


# One dependency, not one for each of its parts: FastAPI takes about 30 µs for each that it resolves.
async def _grant(request: Request) -> Grant:
    settings: Settings = request.app.state.settings
    source: FileSource = request.app.state.source
    check_token(request, settings.token.get_secret_value() if settings.token else None)
    folder = folder_of(caller_arn(request.scope), settings.caller_prefixes)
    seconds = seconds_left(request.scope)
    return Grant(
        settings=settings,
        source=Subfolder(source, folder) if folder else source,
        digests=DigestsBelow(request.app.state.digests, folder),
        sendable=None if seconds is None else settings.stream_limits.sendable(seconds),
        log=request.state.log,
    )


Granted = Annotated[Grant, Depends(_grant)]


async def _file(request: Request, grant: Granted, path: str) -> File:
    return await grant.source.stat(grant.path(request, path))


RequestedFile = Annotated[File, Depends(_file)]
