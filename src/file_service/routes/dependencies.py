"""The dependencies of routes. A route reaches files only through `Grant`, which checks the caller
first.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import Request

from file_service.errors import NotFound
from file_service.identity.authenticator import Authenticator
from file_service.identity.caller import Caller
from file_service.known_digests import DigestsBelow
from file_service.lambda_scope import seconds_left
from file_service.paths import is_served, requested_path
from file_service.problem import Problem
from file_service.settings import Settings
from file_service.sources import FileSource
from file_service.sources.single_file import SingleFile
from file_service.sources.subfolder import Subfolder


@dataclass(frozen=True, slots=True)
class Grant:
    """What one request may use."""

    settings: Settings
    caller: Caller
    source: FileSource  # All that its caller may see
    digests: DigestsBelow
    seconds_left: float | None  # until the invocation's deadline; None if unknown
    log: dict[str, Any]  # The request's line in the access log; routes add to it

    def path(self, request: Request, path: str) -> str:
        """Return the checked path of the request's URL. Raises `BadPath` or `NotFound`."""
        path = requested_path(request.scope.get("raw_path") or b"", path)
        return self.served(path) if path else path

    def served(self, path: str) -> str:
        """Return `path` if it is served. Raises `NotFound` otherwise."""
        if not is_served(path, show_hidden=self.settings.show_hidden):
            raise NotFound(path)
        return path

    def sendable(self, files: int = 1) -> int | None:
        """Return the largest body, in bytes, for a response of so many files. None: no limit."""
        if self.seconds_left is None:
            return self.settings.max_bytes_anywhere
        reading = files / self.source.files_per_second if files > 1 else 0
        return self.settings.stream_limits.sendable(self.seconds_left, reading)

    @property
    def presigned_seconds(self) -> int:
        """Return how long a presigned URL may be valid: no longer than the caller's own access."""
        seconds = self.settings.redirect_seconds
        if self.caller.share is None:
            return seconds
        return min(seconds, int((self.caller.share.expires - datetime.now(UTC)).total_seconds()))


# One dependency instead of several: FastAPI takes about 30 µs to resolve each.
async def _grant(request: Request) -> Grant:
    settings: Settings = request.app.state.settings
    authenticator: Authenticator = request.app.state.authenticator
    log: dict[str, Any] = request.state.log
    caller = await authenticator.identify(request)
    requested_path(request.scope.get("raw_path") or b"", request.scope["path"])
    log["caller"] = caller.name
    log["share"] = caller.share and caller.share.path
    source, folder = _view(request.app.state.source, caller)
    return Grant(
        settings=settings,
        caller=caller,
        source=source,
        digests=DigestsBelow(request.app.state.digests, folder),
        seconds_left=seconds_left(request.scope),
        log=log,
    )


def _view(source: FileSource, caller: Caller) -> tuple[FileSource, str]:
    """Return what `caller` sees of `source`, and the folder of it that is the caller's root."""
    if caller.share and not caller.share.path.endswith("/") and caller.share.path:
        return SingleFile(
            source, caller.share.path
        ), f"{caller.share.path.rpartition('/')[0]}/".removeprefix("/")
    return (Subfolder(source, caller.folder) if caller.folder else source), caller.folder


Granted = Annotated[Grant, Depends(_grant)]


async def same_site(request: Request) -> None:
    """Refuse a request that another site made a browser send.

    A browser asks first before it sends JSON to another site (Fetch Standard, "CORS-preflight
    fetch").
    The two headers below say where a request comes from.
    """
    if (
        request.headers.get("content-type", "").partition(";")[0].strip().lower()
        != "application/json"
    ):
        raise Problem(415, "Send 'Content-Type: application/json'.")
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    else:
        origin = request.headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise Problem(403, "Another site sent this request.")
