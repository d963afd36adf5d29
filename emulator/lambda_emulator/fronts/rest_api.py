"""API Gateway's REST API in front of a function: `Api` events of the template, streamed or buffered.

Under the stage's prefix. Documented (API Gateway "response-transfer-mode-lambda", "set up Lambda proxy integrations");
nothing here is recorded.
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.fronts.call import Call, Refusal, checked_event
from lambda_emulator.fronts.function_url_event import split_target
from lambda_emulator.fronts.http_answer import BODYLESS, BadAnswer
from lambda_emulator.fronts.pacing import AtOnce, TokenBucket
from lambda_emulator.fronts.rest_api_event import rest_api_event
from lambda_emulator.fronts.rest_api_response import (
    RestAPIResponse,
    response_of_metadata,
    response_of_result,
)
from lambda_emulator.fronts.rest_api_routes import Route, find_route
from lambda_emulator.fronts.streaming import read_prelude, stream
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError, response_head
from lambda_emulator.invocation import (
    INTEGRATION_TYPE,
    AnswerStart,
    ErrorAnswer,
    Invocation,
    Outcome,
)
from lambda_emulator.template.config import RestAPI

__all__ = ["Integration", "RestAPIFront"]

_SERVER_ERROR: Final = "Internal server error"
_SERVER_ERROR_TYPE: Final = "InternalServerErrorException"


@dataclass(frozen=True, slots=True)
class Integration:
    """What is behind one route."""

    api: RestAPI
    function: Function


@dataclass(slots=True)
class RestAPIFront:
    """One REST API on a port: its routes under /STAGE."""

    stage: str
    routes: Sequence[Route[Integration]]
    port: int
    console: Console
    pace: bool = False
    scheme: str = "http"

    async def handle(self, exchange: Exchange) -> None:
        """Serves one request; the HTTP server's handler."""
        await _Call(self, exchange).serve()


class _Call(Call):
    """One request to a REST API. `api` is known once it was routed."""

    api: RestAPI

    def __init__(self, front: RestAPIFront, exchange: Exchange) -> None:
        super().__init__(exchange, front.console)
        self.front = front

    async def accept(self) -> tuple[Function, Invocation] | None:
        full_path = split_target(self.request.target)[0]
        prefix = f"/{self.front.stage}"
        if full_path != prefix and not full_path.startswith(f"{prefix}/"):
            raise Refusal(
                403, "ForbiddenException", "Forbidden", note=f"this API's stage is {prefix}/"
            )
        path = full_path.removeprefix(prefix) or "/"
        found = find_route(self.front.routes, self.request.method, path)
        if found is None:
            kind, message = "MissingAuthenticationTokenException", "Missing Authentication Token"
            raise Refusal(403, kind, message, note="no such method and resource")
        route, parameters = found
        self.api = route.target.api
        body = await self.read_body(limits.API_GATEWAY_PAYLOAD)
        event = rest_api_event(
            self.request, body, api=self.api, path=path, parameters=parameters, source_ip=self.exchange.peer[0],
            port=self.front.port, request_id=self.request_id, trace_id=f"Root={self.trace_root}", now=time.time(),
            region=route.target.function.config.region, scheme=self.front.scheme,
        )  # fmt: skip
        # The function's request id is another than the API's.
        return route.target.function, Invocation(
            checked_event(event), trace_root=self.trace_root, streaming=self.api.streaming
        )

    async def respond(self, invocation: Invocation) -> None:
        start = await invocation.answer.start
        try:
            if isinstance(start, ErrorAnswer):
                timeout = invocation.answer.outcome is Outcome.TIMEOUT
                self._error(
                    *((504, "Endpoint request timed out") if timeout else self._server_error)
                )
            elif self.api.streaming:
                await self._streamed(invocation, start)
            else:
                data = await invocation.answer.body.read(limits.BUFFERED_RESPONSE)
                self._whole_response(response_of_result(data or b""))
        except BadAnswer as error:
            self.line.note = f"bad answer: {error}"
            self._error(*self._server_error)

    async def _streamed(self, invocation: Invocation, start: AnswerStart) -> None:
        if not start.has_prelude:
            raise BadAnswer(f"no prelude: the content type must be {INTEGRATION_TYPE}")
        body = invocation.answer.body
        prelude, items = await read_prelude(body, await body.get())
        response = response_of_metadata(prelude.metadata)
        if self.is_head or response.status in BODYLESS:
            self.exchange.write(self._head(response, []))
            self.line.count(0, 0)
        else:
            head = self._head(response, [("Transfer-Encoding", "chunked")])
            pace = TokenBucket(burst=limits.API_GATEWAY_BURST) if self.front.pace else AtOnce()
            await stream(self.exchange, self.line, head, items, body, pace=pace)
            self.exchange.write(b"0\r\n\r\n")
        self.exchange.finish()

    def _whole_response(self, response: RestAPIResponse) -> None:
        head = self._head(response, [("Content-Length", str(len(response.body)))])
        self.exchange.write(head + (b"" if self.is_head else response.body))
        self.line.count(len(response.body), 1 if response.body else 0)
        self.exchange.finish()

    def _head(self, response: RestAPIResponse, framing: list[Header]) -> bytes:
        self.line.status = response.status
        return response_head(response.status, [
            ("Date", formatdate(usegmt=True)),
            *framing,
            ("Connection", "keep-alive" if self.request.keep_alive else "close"),
            ("x-amzn-RequestId", self.line.request_id),
            ("x-amz-apigw-id", base64.b64encode(self.line.request_id.encode()[:11]).decode()),
            *response.headers,
            ("X-Amzn-Trace-Id", f"Root={self.trace_root}"),
        ])  # fmt: skip

    # ---- AWS's own responses

    @property
    def _server_error(self) -> tuple[int, str]:
        """Streaming: 500 (documented). Buffered: 502, "malformed Lambda proxy response"."""
        return (500 if self.api.streaming else 502), _SERVER_ERROR

    def throttled(self) -> Refusal:
        return Refusal(
            500, _SERVER_ERROR_TYPE, _SERVER_ERROR, note="throttled: over the reserved concurrency"
        )

    def refusal_of(self, error: RequestError) -> Refusal:
        message = "Request Too Long" if error.status == 413 else str(error)
        return Refusal(error.status, _SERVER_ERROR_TYPE, message, note=str(error), close=True)

    def refuse(self, refusal: Refusal) -> None:
        self._error(refusal.status, refusal.message, refusal.kind, close=refusal.close)

    def _error(
        self, status: int, message: str, kind: str = _SERVER_ERROR_TYPE, *, close: bool = False
    ) -> None:
        self.line.status = status
        body = json.dumps({"message": message}).encode()
        headers = [
            ("Date", formatdate(usegmt=True)), ("Content-Type", "application/json"), ("x-amzn-ErrorType", kind),
        ]  # fmt: skip
        self.line.count(len(body), 1)
        self.exchange.respond(status, headers, body, close=close)
