"""The dependencies of routes.

A route reaches files only through a `Grant`, which exists only after the caller was checked.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
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


class Grant(NamedTuple):
    """What one request may use."""

    settings: Settings
    caller: Caller
    source: FileSource  # All that its caller may see
    digests: DigestsBelow
    seconds_left: float | None  # until the invocation's deadline; None if unknown
    log: dict[str, Any]  # The request's line in the access log; routes add to it

    def path(self, request: Request, path: str) -> str:
        """Return the checked path of the request's URL.

        Raises:
            BadPath: No client sends such a path by accident.
            NotFound: It is not served.
        """
        raw_path = request.scope.get("raw_path") or b""
        path = requested_path(raw_path, path)
        return self.served(path) if path else path

    def served(self, path: str) -> str:
        """Return `path`.

        Raises:
            NotFound: It is not served.
        """
        if not is_served(path, show_hidden=self.settings.show_hidden):
            raise NotFound(path)
        return path

    def sendable(self, files: int = 1) -> int | None:
        """Return the largest body, in bytes, for a response of so many files. None: no limit."""
        if self.seconds_left is None:
            return self.settings.max_bytes_anywhere
        reading_seconds = 0.0
        if files > 1:
            reading_seconds = files / self.source.files_per_second
        limits = self.settings.stream_limits
        return limits.sendable(self.seconds_left, reading_seconds)

    @property
    def presigned_seconds(self) -> int:
        """Return how long a presigned URL may be valid: no longer than the caller's own access."""
        seconds = self.settings.redirect_seconds
        share = self.caller.share
        if share is None:
            return seconds
        left = share.expires - datetime.now(UTC)
        return min(seconds, int(left.total_seconds()))


# One dependency instead of several: FastAPI takes about 30 µs to resolve each.
async def _grant(request: Request) -> Grant:
    settings: Settings = request.app.state.settings
    authenticator: Authenticator = request.app.state.authenticator
    log: dict[str, Any] = request.state.log
    caller = await authenticator.identify(request)
    raw_path = request.scope.get("raw_path") or b""
    requested_path(raw_path, request.scope["path"])
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
    shared = caller.share.path if caller.share else ""
    if shared and not shared.endswith("/"):
        folder = shared[: shared.rfind("/") + 1]
        return SingleFile(source, shared), folder
    if caller.folder:
        return Subfolder(source, caller.folder), caller.folder
    return source, ""


Granted = Annotated[Grant, Depends(_grant)]


async def same_site(request: Request) -> None:
    """Refuse a request that another site made a browser send.

    A browser asks first before it sends JSON to another site (Fetch Standard, "CORS-preflight
    fetch").

    Raises:
        Problem: A 415 for another type than JSON. A 403 for a request of another site.
    """
    content_type, _, _ = request.headers.get("content-type", "").partition(";")
    if content_type.strip().lower() != "application/json":
        raise Problem(415, "Send 'Content-Type: application/json'.")
    if _is_foreign(request):
        raise Problem(403, "Another site sent this request.")


def _is_foreign(request: Request) -> bool:
    """Return whether a page of another site sent the request, as far as its headers tell."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc != request.headers.get("host")
