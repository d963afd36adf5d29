"""API Gateway's HTTP API in front of functions: `HttpApi` events, and AWS::ApiGatewayV2 resources.

It cannot stream: it calls Invoke, which waits for the whole answer. Sources: docs/fidelity.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.fronts.call import Refusal, checked_event
from lambda_emulator.fronts.gateway import GatewayCall
from lambda_emulator.fronts.gateway_event import (
    Address,
    Arrival,
    extended_id,
    http_api_event,
    title,
)
from lambda_emulator.fronts.http_answer import BadAnswer
from lambda_emulator.fronts.proxy_response import (
    ProxyResponse,
    inferred_response,
    proxy_response,
)
from lambda_emulator.fronts.routes import Route, find_route
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError
from lambda_emulator.invocation import AnswerStart, ErrorAnswer, Invocation
from lambda_emulator.template.config import HTTPAPI, HTTPRoute

__all__ = ["HTTPAPIFront"]

_DEFAULT: Final = "$default"
_STREAMS: Final = (
    "the function streams, and an HTTP API cannot: AWS gives its client what is meant for the "
    "front; use a Function URL, or an Api event with ResponseTransferMode: RESPONSE_STREAM"
)
_Target = tuple[HTTPRoute, Function]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a request leads: a stage, the path to route by, and the path in the event."""

    stage: str
    path: str
    event_path: str


@dataclass(slots=True)
class HTTPAPIFront:
    """One HTTP API on a port, with all its stages."""

    api: HTTPAPI
    routes: Iterable[_Target]
    address: Address
    console: Console
    debug: bool = False
    table: list[Route[_Target]] = field(init=False)
    default: _Target | None = field(init=False, default=None)
    _told: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.table = []
        for route, function in self.routes:
            if route.path == _DEFAULT:
                self.default = (route, function)
            else:
                self.table.append(Route(route.method, route.path, (route, function)))

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        await _Call(self, exchange).serve()

    def place(self, host: str, path: str) -> _Place | None:
        """Find where a request leads, or None.

        The base path of a domain name decides, then the name of a stage, then $default.
        """
        domain, _, _ = host.partition(":")
        mappings = [item for item in self.api.mappings if item.domain == domain.lower()]
        mappings.sort(key=lambda mapping: -len(mapping.path))
        for mapping in mappings:
            prefix = f"/{mapping.path}" if mapping.path else ""
            if path == prefix or path.startswith(f"{prefix}/"):
                rest = path.removeprefix(prefix) or "/"
                return _Place(mapping.stage, rest, rest)
        stage, _, _ = path[1:].partition("/")
        if stage in self.api.stages and stage != _DEFAULT:
            rest = path.removeprefix(f"/{stage}") or "/"
            return _Place(stage, rest, path)
        if _DEFAULT in self.api.stages:
            return _Place(_DEFAULT, path, path)
        return None

    def find(self, method: str, path: str) -> tuple[_Target, dict[str, str]] | None:
        """Return the most specific route, or $default, and its path parameters, still escaped."""
        found = find_route(self.table, method, path)
        if found is not None:
            route, parameters = found
            return route.target, parameters
        if self.default is not None:
            return self.default, {}
        return None

    def tell_once(self, where: str, message: str) -> None:
        """Warn once about a line of the template that does not suit what the function sends."""
        if where not in self._told:
            self._told.add(where)
            self.console.note(f"{where}: {message}")


class _Call(GatewayCall):
    """One request to an HTTP API. `route` is set once it was routed."""

    server_error = "Internal Server Error"
    too_large = "Request Entity Too Large"
    route: HTTPRoute
    function: Function

    def __init__(self, front: HTTPAPIFront, exchange: Exchange) -> None:
        super().__init__(exchange, front.console)
        self.front = front
        self.address = front.address
        self.debug = front.debug

    async def accept(self) -> tuple[Function, Invocation] | None:
        self._check_head()
        cors = self.front.api.cors
        if cors.is_preflight(self.request):
            self.line.note = "preflight, answered by the API"
            self.write_whole(ProxyResponse(204, cors.preflight(self.request)))
            return None
        arrival = await self.arrive()
        host = self.request.header("host") or ""
        place = self.front.place(host, arrival.path)
        if place is None:
            raise _not_found("no stage takes this path")
        found = self.front.find(self.request.method, place.path)
        if found is None:
            raise _not_found("no route takes this request")
        (self.route, self.function), parameters = found
        arrival = self._with_domain(arrival, host)
        event = http_api_event(arrival, self.route, place.stage, place.event_path, parameters)
        # The function's request id is another than the API's.
        return self.function, Invocation(checked_event(event), trace_root=self.trace_root)

    def _check_head(self) -> None:
        """Raise RequestError if the request line and the values of headers are too long."""
        line = len(self.request.method) + len(self.request.target) + len(" HTTP/1.1 ")
        values = sum(len(value) for _, value in self.request.headers)
        if line + values > limits.HTTP_API_HEAD:
            raise RequestError(431, "Request Header Fields Too Large")

    def _with_domain(self, arrival: Arrival, host: str) -> Arrival:
        domain, _, _ = host.partition(":")
        domain = domain.lower()
        for mapping in self.front.api.mappings:
            if mapping.domain == domain:
                return replace(arrival, domain=domain)
        return arrival

    async def respond(self, invocation: Invocation) -> None:
        try:
            answer = await self.buffered(invocation, self.route.timeout)
            if isinstance(answer, ErrorAnswer):
                self.write_error(500, self.server_error)
                return
            self._tell_of_stream(invocation)
            if answer is None:
                raise BadAnswer(f"more than {limits.BUFFERED_RESPONSE} bytes")
            read = proxy_response if self.route.payload == "1.0" else inferred_response
            response = read(answer).decoded()
            response = response.typed("text/plain; charset=utf-8")
            headers = self._with_cors(response.headers)
            self.write_whole(replace(response, headers=headers))
        except TimeoutError:
            self.line.note = f"the API waited {self.route.timeout:g} s; the function runs on"
            self.write_error(503, "Service Unavailable")
        except BadAnswer as error:
            self.line.note = f"bad answer: {error}"
            self.write_error(500, self.server_error)

    def _tell_of_stream(self, invocation: Invocation) -> None:
        start = invocation.answer.start.result()
        if isinstance(start, AnswerStart) and start.streaming:
            self.line.note = "a streamed answer behind an HTTP API"
            self.front.tell_once(self.function.config.where("Events"), _STREAMS)

    def _with_cors(self, headers: list[Header]) -> list[Header]:
        """With CORS configured, replace the function's own CORS headers (documented)."""
        cors = self.front.api.cors
        if not cors:
            return headers
        kept = []
        for name, value in headers:
            if not name.lower().startswith("access-control-"):
                kept.append((name, value))
        return [*kept, *cors.grants(self.request)]

    def with_ids(self, headers: list[Header]) -> list[Header]:
        named = [(title(name), value) for name, value in headers]
        return [*named, ("Apigw-Requestid", extended_id(self.request_id))]


def _not_found(note: str) -> Refusal:
    return Refusal(404, "NotFoundException", "Not Found", note=note)
