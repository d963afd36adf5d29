"""API Gateway's REST API in front of functions, streamed or buffered, under the stage's prefix.

Documented (API Gateway "response-transfer-mode-lambda", "set up Lambda proxy integrations"). A few
of its responses are recorded: docs/fidelity.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.fronts.call import Refusal, checked_event
from lambda_emulator.fronts.function_url_event import split_target
from lambda_emulator.fronts.gateway import GatewayCall
from lambda_emulator.fronts.gateway_event import Address, extended_id, matches_type, rest_api_event
from lambda_emulator.fronts.http_answer import BODYLESS, BadAnswer
from lambda_emulator.fronts.pacing import AtOnce, Pace, TokenBucket
from lambda_emulator.fronts.proxy_response import (
    ProxyResponse,
    proxy_response,
    response_of_metadata,
)
from lambda_emulator.fronts.routes import Route, find_route
from lambda_emulator.fronts.streaming import read_prelude, stream
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header
from lambda_emulator.invocation import INTEGRATION_TYPE, AnswerStart, ErrorAnswer, Invocation
from lambda_emulator.template.config import Mock, RestAPI, RestRoute

__all__ = ["RestAPIFront", "preflights"]

_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_STREAMS: Final = (
    "the function streams, and this route does not; set ResponseTransferMode: RESPONSE_STREAM"
)
_ALLOWED: Final = "Access-Control-Allow-Methods"


_Target = tuple[RestRoute, Function] | Mock


@dataclass(slots=True)
class RestAPIFront:
    """One REST API on a port: its routes under /STAGE."""

    api: RestAPI
    routes: Iterable[tuple[RestRoute, Function]]
    address: Address
    console: Console
    pace: bool = False
    debug: bool = False
    table: list[Route[_Target]] = field(init=False)

    def __post_init__(self) -> None:
        self.table = []
        routes = []
        for route, function in self.routes:
            self.table.append(Route(route.method, route.resource, (route, function)))
            routes.append(route)
        for resource, preflight in preflights(self.api, routes):
            self.table.append(Route("OPTIONS", resource, preflight))

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        await _Call(self, exchange).serve()


def preflights(api: RestAPI, routes: Sequence[RestRoute]) -> Iterator[tuple[str, Mock]]:
    """Yield each path without its own OPTIONS method, and the response to OPTIONS there."""
    yield from api.options.items()
    if api.cors is None:
        return
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for route in routes:
        added = _METHODS if route.method == "ANY" else (route.method,)
        methods[route.resource].update(added)
    given = {route.resource for route in routes if route.method == "OPTIONS"}
    for resource in methods.keys() - given:
        allowed = sorted(methods[resource] | {"OPTIONS"})
        headers = {_ALLOWED: ",".join(allowed)}
        headers.update(api.cors)
        yield resource, Mock(200, headers, b"{}\n")


class _Call(GatewayCall):
    """One request to a REST API. `route` is set once it was routed."""

    server_error = "Internal server error"
    too_large = "Request Too Long"
    route: RestRoute

    def __init__(self, front: RestAPIFront, exchange: Exchange) -> None:
        super().__init__(exchange, front.console)
        self.front = front
        self.address = front.address
        self.debug = front.debug

    async def accept(self) -> tuple[Function, Invocation] | None:
        full_path = split_target(self.request.target)[0]
        prefix = f"/{self.front.api.stage}"
        if full_path != prefix and not full_path.startswith(f"{prefix}/"):
            raise _forbidden(f"this API's stage is {prefix}/")
        path = full_path.removeprefix(prefix) or "/"
        found = find_route(self.front.table, self.request.method, path)
        if found is None:
            kind = "MissingAuthenticationTokenException"
            message = "Missing Authentication Token"
            raise Refusal(403, kind, message, note="no such method and resource")
        route, parameters = found
        if isinstance(route.target, Mock):
            self._respond_to_options(route.target)
            return None
        self.route, function = route.target
        api_key = self._api_key() if self.route.needs_key else None
        arrival = await self.arrive()
        event = rest_api_event(arrival, self.route, path, parameters, api_key)
        is_binary = matches_type(arrival.media_type, self.route.api.binary_types)
        if not is_binary and not arrival.is_utf8:
            self.line.note = "bytes are lost: Content-Type matches no BinaryMediaTypes"
        # The function's request id is another than the API's.
        invocation = Invocation(
            checked_event(event),
            trace_root=self.trace_root,
            streaming=self.route.streaming,
        )
        return function, invocation

    def _respond_to_options(self, mock: Mock) -> None:
        if self.front.api.preflight_needs_key:
            self._api_key()
        self.line.note = "preflight, answered by the API"
        headers = [("Content-Type", "application/json"), *mock.headers.items()]
        self.write_whole(ProxyResponse(mock.status, headers, mock.body))

    def _api_key(self) -> str:
        """Return the request's key.

        Raises:
            Refusal: It is missing or wrong.
        """
        given = self.request.header("x-api-key")
        known = self.front.api.api_keys
        if given and (not known or given in known):
            return given
        raise _forbidden("no x-api-key that this API knows")

    async def respond(self, invocation: Invocation) -> None:
        try:
            if self.route.streaming:
                await self._streamed(invocation)
            else:
                await self._whole(invocation)
        except TimeoutError:
            self.line.note = f"the API waited {self.route.timeout:g} s; the function runs on"
            self.write_error(504, "Endpoint request timed out")
        except BadAnswer as error:
            self.line.note = f"bad answer: {error}"
            self._server_error()

    async def _whole(self, invocation: Invocation) -> None:
        answer = await self.buffered(invocation, self.route.timeout)
        if isinstance(answer, ErrorAnswer):
            self._server_error()
            return
        start = invocation.answer.start.result()
        if isinstance(start, AnswerStart) and start.has_prelude:
            raise BadAnswer(_STREAMS)
        response = proxy_response(answer or b"").typed("application/json")
        first, _, _ = (self.request.header("accept") or "").partition(",")
        accepted, _, _ = first.partition(";")
        if matches_type(accepted.strip().lower(), self.front.api.binary_types):
            response = response.decoded()
        elif response.encoded:
            self.line.note = "the body stays base64: Accept matches no BinaryMediaTypes"
        self.write_whole(response)

    async def _streamed(self, invocation: Invocation) -> None:
        async with self.time_limit(self.route.timeout):
            start = await asyncio.shield(invocation.answer.start)
        if isinstance(start, ErrorAnswer):
            self._server_error()
            return
        await self._stream(invocation, start)

    async def _stream(self, invocation: Invocation, start: AnswerStart) -> None:
        if not start.has_prelude:
            raise BadAnswer(f"no prelude: the content type must be {INTEGRATION_TYPE}")
        body = invocation.answer.body
        prelude, items = await read_prelude(body, await body.get())
        response = response_of_metadata(prelude.metadata).typed("application/json")
        if self.is_head or response.status in BODYLESS:
            self.exchange.write(self.head(response, []))
            self.line.count(0, 0)
        else:
            head = self.head(response, [("Transfer-Encoding", "chunked")])
            pace: Pace = AtOnce()
            if self.front.pace:
                pace = TokenBucket(burst=limits.API_GATEWAY_BURST)
            await stream(self.exchange, self.line, head, items, body, pace=pace)
            self.exchange.write(b"0\r\n\r\n")
        self.exchange.finish()

    def _server_error(self) -> None:
        """Send 500 if the route streams (documented), else 502, "malformed Lambda response"."""
        status = 500 if self.route.streaming else 502
        self.write_error(status, self.server_error)

    def with_ids(self, headers: list[Header]) -> list[Header]:
        return [
            ("x-amzn-RequestId", self.request_id),
            ("x-amz-apigw-id", extended_id(self.request_id)),
            *headers,
            ("X-Amzn-Trace-Id", f"Root={self.trace_root}"),
        ]

    def error_type(self, kind: str) -> list[Header]:
        return [("x-amzn-ErrorType", kind)]


def _forbidden(note: str) -> Refusal:
    return Refusal(403, "ForbiddenException", "Forbidden", note=note)
