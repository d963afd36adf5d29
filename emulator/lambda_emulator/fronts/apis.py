"""The REST and HTTP APIs of all functions: one front for each API, on a port of its own."""

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
    """Return the APIs in the order of the template's functions."""
    rest: dict[str, list[tuple[RestRoute, Function]]] = {}
    http: dict[str, list[tuple[HTTPRoute, Function]]] = {}
    for function in functions:
        for route in function.config.rest_routes:
            rest.setdefault(route.api.logical_id, []).append((route, function))
        for http_route in function.config.http_routes:
            http.setdefault(http_route.api.logical_id, []).append((http_route, function))
    for rest_routes in rest.values():
        yield _rest_front(rest_routes, console, pace, debug)
    for http_routes in http.values():
        yield _http_front(http_routes, console, debug)


def _rest_front(
    routes: list[tuple[RestRoute, Function]], console: Console, pace: bool, debug: bool
) -> APIFront:
    api = routes[0][0].api

    def serve(address: Address) -> Handler:
        return RestAPIFront(api, routes, address, console, pace, debug).handle

    origin = (api.cors or {}).get("Access-Control-Allow-Origin")
    origins = frozenset() if origin is None else frozenset({origin})
    return APIFront(f"REST API {api.logical_id}, stage {api.stage}", serve, origins)


def _http_front(
    routes: list[tuple[HTTPRoute, Function]], console: Console, debug: bool
) -> APIFront:
    api = routes[0][0].api

    def serve(address: Address) -> Handler:
        return HTTPAPIFront(api, routes, address, console, debug).handle

    stages = ", ".join(api.stages) or "none"
    domains = frozenset(mapping.domain for mapping in api.mappings)
    origins = frozenset(api.cors.allow_origins)
    return APIFront(f"HTTP API {api.logical_id}, stage {stages}", serve, origins, domains)
