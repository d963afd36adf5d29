"""Create the app: routes, error responses and the lifespan of the source."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from file_service.access_log import AccessLog
from file_service.errors import NotFound, SourceError, SourceRefused
from file_service.http.whole_requests import ReadsWholeRequests
from file_service.identity.authenticator import SESSION_COOKIE, Authenticator
from file_service.identity.share_paths import SharePaths
from file_service.identity.signing import Signer
from file_service.identity.users import Users
from file_service.known_digests import KnownDigests
from file_service.lambda_scope import on_lambda, on_web_function
from file_service.listing_formats import BadCursor
from file_service.paths import BadPath
from file_service.problem import DOCUMENTED, Problem, problem_of
from file_service.routes import (
    archives,
    digests,
    documentation,
    files,
    health,
    listings,
    page,
    searches,
    selections,
    sessions,
    shares,
)
from file_service.settings import Settings
from file_service.sources import FileSource

# Scripts of other sites use a token. They never get the cookie, because it has SameSite=Strict.
CORS: dict[str, Any] = {
    "allow_methods": ["GET", "HEAD"],
    "allow_headers": [
        "authorization",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "x-file-token",
    ],
    "expose_headers": [
        "accept-ranges",
        "content-disposition",
        "content-length",
        "content-range",
        "etag",
        "repr-digest",
        "retry-after",
        "x-amzn-remapped-content-length",
        "x-file-size",
        "x-skipped",
    ],
}

_log = logging.getLogger("file_service")


def create_app(settings: Settings, source: FileSource) -> FastAPI:
    """Create the service for `source`.

    Args:
        settings: The settings of this process.
        source: The files to serve. The app closes it at the end of its lifespan.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not on_lambda():
            await _check(source)
        yield
        await source.aclose()

    app = FastAPI(
        title="file_service",
        summary="Streams private files from a folder or S3.",
        lifespan=lifespan,
        docs_url=None,  # These pages load scripts from other hosts.
        redoc_url=None,
        # It would redirect to an absolute address, which is wrong behind a share link or CloudFront
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.source = source
    app.state.authenticator = Authenticator(
        Users(settings.known_users),
        Signer(settings.keys) if settings.keys else None,
        settings.caller_prefixes,
        share_keys=bool(settings.signing_keys),
    )
    app.state.digests = KnownDigests()
    for routes in (health, page, documentation):
        app.include_router(routes.router)
    # A path that ends with a slash is a folder, so the routes of listings come before those
    # of files.
    for routes in (sessions, shares, archives, selections, searches, digests, listings, files):
        app.include_router(routes.router, responses=DOCUMENTED)
    app.openapi = partial(_openapi, app, bool(settings.known_users))  # type: ignore[method-assign]
    for kind in (Problem, BadPath, BadCursor, SourceError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    if on_web_function():
        app.add_middleware(ReadsWholeRequests)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins, **CORS)
    app.add_middleware(AccessLog)
    # The outermost middleware, so that no log contains the token of a share link.
    app.add_middleware(SharePaths)
    return app


# The ways to authenticate. Each is enough.
_SECURITY: dict[str, dict[str, str]] = {
    "token": {"type": "apiKey", "in": "header", "name": "X-File-Token"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
}


def _openapi(app: FastAPI, protected: bool) -> dict[str, Any]:
    """Return FastAPI's OpenAPI document.

    If the service is `protected`, it also has the ways to authenticate. FastAPI's security classes
    would do the same, but each is a dependency that costs 30 microseconds for every request.
    """
    document = FastAPI.openapi(app)
    if protected:
        document.setdefault("components", {})["securitySchemes"] = _SECURITY
        for path, methods in document["paths"].items():
            if path.startswith(("/files", "/archives", "/searches", "/digests", "/shares")):
                for operation in methods.values():
                    operation["security"] = [{name: []} for name in _SECURITY]
    return document


async def _check(source: FileSource) -> None:
    """Check that the source can be listed.

    On Lambda this is skipped: a cold start would wait for it, and every request reports the error
    anyway.

    Raises:
        SourceRefused: The settings of the source are wrong.
        NotFound: The folder does not exist.
    """
    try:
        await source.check()
    except (SourceRefused, NotFound):
        raise
    except SourceError as error:  # The store may be available when the first request comes.
        _log.warning("%s: %s", type(error).__name__, error)


async def _answer(_: Request, error: Exception) -> Response:
    if isinstance(error, SourceError) and not isinstance(error, NotFound):
        _log.error("%s: %s", type(error).__name__, error)
    return problem_of(error).response()
