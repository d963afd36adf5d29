"""What routes ask for in their signatures. No route reaches a file but through `Source`, which checks access first."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from file_service import settings
from file_service.access import check_token, folder_of
from file_service.digests import DigestsBelow
from file_service.errors import NotFound
from file_service.invocation import caller_arn, seconds_left
from file_service.paths import is_served, requested_path
from file_service.sources import File, FileSource
from file_service.sources.subfolder import Subfolder


async def _settings(request: Request) -> settings.Settings:
    value: settings.Settings = request.app.state.settings
    return value


Settings = Annotated[settings.Settings, Depends(_settings)]


async def _callers_folder(request: Request, settings: Settings) -> str:
    check_token(request, settings.token.get_secret_value() if settings.token else None)
    return folder_of(caller_arn(request.scope), settings.caller_prefixes)


CallersFolder = Annotated[str, Depends(_callers_folder)]


async def _source(request: Request, folder: CallersFolder) -> FileSource:
    source: FileSource = request.app.state.source
    return Subfolder(source, folder) if folder else source


Source = Annotated[FileSource, Depends(_source)]


async def served_path(request: Request, path: str, settings: Settings) -> str:
    """The path in the URL, of a file or a folder. Raises `BadPath`, `NotFound`."""
    path = requested_path(request.scope.get("raw_path") or b"", path)
    if path and not is_served(path, show_hidden=settings.show_hidden):
        raise NotFound(path)
    return path


async def _file(source: Source, path: Annotated[str, Depends(served_path)]) -> File:
    return await source.stat(path)


RequestedFile = Annotated[File, Depends(_file)]


async def _digests(request: Request, folder: CallersFolder) -> DigestsBelow:
    return DigestsBelow(request.app.state.digests, folder)


Digests = Annotated[DigestsBelow, Depends(_digests)]


async def _sendable(request: Request, settings: Settings) -> int | None:
    seconds = seconds_left(request.scope)
    return None if seconds is None else settings.stream_limits.sendable(seconds)


Sendable = Annotated[int | None, Depends(_sendable)]
"""The largest body in bytes that this response may carry; None outside of Lambda, where there is no limit."""


async def _log_line(request: Request) -> dict[str, Any]:
    line: dict[str, Any] = request.state.log
    return line


LogLine = Annotated[dict[str, Any], Depends(_log_line)]
"""The request's line in the access log, to be added to."""
