"""The app: routes, error answers and the life of the source, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from file_service import errors
from file_service.paths import BadPath
from file_service.problem import Problem, file_not_found
from file_service.routes import files, health, page
from file_service.settings import Settings
from file_service.sources import FileSource


def create_app(settings: Settings, source: FileSource) -> FastAPI:
    """The service over `source`, which it closes at the end of its lifespan."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await source.aclose()

    app = FastAPI(title="file_service", summary="Streams private files from a folder or S3.", lifespan=lifespan)
    app.state.settings = settings
    app.state.source = source
    for routes in (files, health, page):
        app.include_router(routes.router)
    for kind in (Problem, BadPath, errors.SourceError):
        app.add_exception_handler(kind, _answer)
    return app


async def _answer(request: Request, error: Exception) -> Response:
    return _problem(error).response()


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case BadPath():
            return Problem(HTTPStatus.BAD_REQUEST, str(error))
        case errors.NotFound():
            return file_not_found()
        case errors.FileChanged():
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The file changed while it was opened. Ask again.",
                headers={"retry-after": "1"},
            )
        case errors.SourceRefused():
            return Problem(HTTPStatus.BAD_GATEWAY, "The file source denies this service access; its log says more.")
        case _:
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The file source does not answer. Try again.",
                headers={"retry-after": "2"},
            )
