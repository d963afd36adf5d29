"""One module for each group of routes. Thin: what they decide is decided in the pure modules."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.responses import Response


def moved(location: str) -> Response:
    """`location` is relative to the request: what stands in front of that is not known here."""
    headers = {"cache-control": "no-cache", "location": location}
    return Response(f"{location}\n", 308, headers, media_type="text/plain")


_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


def get_and_head(
    router: APIRouter, path: str, **documented: Any
) -> Callable[[_Endpoint], _Endpoint]:
    """Routes GET and HEAD to one endpoint. FastAPI has no such decorator: one route with two methods would be in the
    OpenAPI document twice under one id, and two routes would each answer another method with half of Allow."""

    def decorate(endpoint: _Endpoint) -> _Endpoint:
        router.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)(endpoint)
        router.get(path, **documented)(endpoint)
        return endpoint

    return decorate
