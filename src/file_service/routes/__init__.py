"""One module for each group of routes. Routes are thin: the pure modules make the decisions."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.responses import Response

Documented = dict[int | str, dict[str, Any]]
"""Responses by status, for FastAPI's `responses`."""


def moved(location: str) -> Response:
    """Return a redirect to `location`.

    It is relative, because the app does not know what is in front of it.
    """
    headers = {"cache-control": "no-cache", "location": location}
    return Response(f"{location}\n", 308, headers, media_type="text/plain")


_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


def get_and_head(
    router: APIRouter, path: str, **documented: Any
) -> Callable[[_Endpoint], _Endpoint]:
    """Route GET and HEAD to one endpoint.

    FastAPI has no such decorator. One route with two methods would be twice in the OpenAPI document
    under one id. Two routes would each name only one method in Allow.
    """

    def decorate(endpoint: _Endpoint) -> _Endpoint:
        both = router.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)
        both(endpoint)
        shown = router.get(path, **documented)
        shown(endpoint)
        return endpoint

    return decorate
