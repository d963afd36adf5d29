"""The app: routes, error answers and the life of the source, put together."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from file_service.access_log import AccessLog
from file_service.errors import NotFound, SourceError, SourceRefused
from file_service.http.whole_requests import ReadsWholeRequests
from file_service.identity.authenticator import Authenticator
from file_service.identity.share_paths import SharePaths
from file_service.identity.signing import Signer
from file_service.identity.users import Users
from file_service.known_digests import KnownDigests
from file_service.lambda_scope import on_lambda, on_web_function
from file_service.listing_formats import BadCursor
from file_service.paths import BadPath
from file_service.problem import DOCUMENTED, Problem, problem_of
from file_service.routes import archives, digests, files, health, listings, page, sessions, shares
from file_service.settings import Settings
from file_service.sources import FileSource

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
    # A path that ends with a slash is a folder's: listings come before files.
    for routes in (health, page, sessions, shares, archives, digests, listings, files):
        app.include_router(routes.router, responses=DOCUMENTED if routes not in (health, page) else None)
    for kind in (Problem, BadPath, BadCursor, SourceError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    if on_web_function():
        app.add_middleware(ReadsWholeRequests)
    app.add_middleware(AccessLog)
    app.add_middleware(SharePaths)  # the outermost: no link is logged
    return app


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
