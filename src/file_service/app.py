"""The app: routes, error answers and the life of the source, put together."""

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

# Other sites' scripts read with a token of their own: the cookie never goes along (SameSite=Strict).
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
    """The service over `source`, which it closes at the end of its lifespan."""

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
        docs_url=None,  # these load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # to an absolute address, which is wrong behind a share or CloudFront
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
    # A path that ends with a slash is a folder's: listings come before files.
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
    app.add_middleware(SharePaths)  # the outermost: no link is logged
    return app


# The ways to say who asks. Each is enough.
_SECURITY: dict[str, dict[str, str]] = {
    "token": {"type": "apiKey", "in": "header", "name": "X-File-Token"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
}


def _openapi(app: FastAPI, protected: bool) -> dict[str, Any]:
    """FastAPI's document, and how a `protected` service is told who asks.

    Not by FastAPI's security classes: each is a dependency that costs 30 microseconds a request.
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
    """Raises `SourceRefused` for a source that is set wrong. Not on Lambda, where a cold start
    would wait for it and every request finds out by itself."""
    try:
        await source.check()
    except (SourceRefused, NotFound):
        raise
    except SourceError as error:  # it may be there by the time that it is asked for
        _log.warning("%s: %s", type(error).__name__, error)


async def _answer(_: Request, error: Exception) -> Response:
    if isinstance(error, SourceError) and not isinstance(error, NotFound):
        _log.error("%s: %s", type(error).__name__, error)
    return problem_of(error).response()
