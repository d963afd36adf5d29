"""The REST and HTTP APIs of all functions: one front for each API, on a port of its own."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lambda_emulator.console import Console
from lambda_emulator.fronts.gateway_event import Address
from lambda_emulator.fronts.http_api import HTTPAPIFront
from lambda_emulator.fronts.rest_api import RestAPIFront
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Handler
from lambda_emulator.template.config import HTTPRoute, RestRoute

__all__ = ["APIFront", "api_fronts"]

_RestRoutes = list[tuple[RestRoute, Function]]
_HTTPRoutes = list[tuple[HTTPRoute, Function]]


@dataclass(frozen=True, slots=True)
class APIFront:
    """An API to serve. `serve` makes its handler, given the address."""

    name: str
    serve: Callable[[Address], Handler]
    origins: frozenset[str] = frozenset()
    """Whose pages may call it; "*" is for all."""
    hosts: frozenset[str] = frozenset()
    """Domain names that the template gives it."""


def api_fronts(
    functions: Iterable[Function], console: Console, *, pace: bool, debug: bool
) -> Iterator[APIFront]:
    """Yield the APIs in the order of the template's functions.

    Args:
        functions: The functions with their routes.
        console: Where requests are reported.
        pace: Whether streams have AWS's bandwidth.
        debug: Whether there are no time limits.
    """
    rest: defaultdict[str, _RestRoutes] = defaultdict(list)
    http: defaultdict[str, _HTTPRoutes] = defaultdict(list)
    for function in functions:
        for route in function.config.rest_routes:
            name = route.api.logical_id
            rest[name].append((route, function))
        for http_route in function.config.http_routes:
            name = http_route.api.logical_id
            http[name].append((http_route, function))
    for rest_routes in rest.values():
        yield _rest_front(rest_routes, console, pace, debug)
    for http_routes in http.values():
        yield _http_front(http_routes, console, debug)


def _rest_front(routes: _RestRoutes, console: Console, pace: bool, debug: bool) -> APIFront:
    route, _ = routes[0]
    api = route.api

    def serve(address: Address) -> Handler:
        front = RestAPIFront(api, routes, address, console, pace, debug)
        return front.handle

    origins: frozenset[str] = frozenset()
    if api.cors is not None and "Access-Control-Allow-Origin" in api.cors:
        origins = frozenset({api.cors["Access-Control-Allow-Origin"]})
    name = f"REST API {api.logical_id}, stage {api.stage}"
    return APIFront(name, serve, origins)


def _http_front(routes: _HTTPRoutes, console: Console, debug: bool) -> APIFront:
    route, _ = routes[0]
    api = route.api

    def serve(address: Address) -> Handler:
        front = HTTPAPIFront(api, routes, address, console, debug)
        return front.handle

    stages = ", ".join(api.stages) or "none"
    domains = frozenset(mapping.domain for mapping in api.mappings)
    origins = frozenset(api.cors.allow_origins)
    name = f"HTTP API {api.logical_id}, stage {stages}"
    return APIFront(name, serve, origins, domains)
