"""API Gateway's REST API in front of a function: `Api` events of the template, streamed or buffered.

Under the stage's prefix. Documented (API Gateway "response-transfer-mode-lambda", "set up Lambda proxy integrations");
nothing here is recorded.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from lambda_emulator import limits
from lambda_emulator.console import Console, RequestLine
from lambda_emulator.fronts.function_url_event import split_target
from lambda_emulator.fronts.function_url_response import BODYLESS, DROPPED, REMAPPED, BadAnswer, PreludeParser, describe
from lambda_emulator.fronts.pacing import Pace
from lambda_emulator.fronts.rest_api_event import rest_api_event
from lambda_emulator.fronts.streaming import stream
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError, reason
from lambda_emulator.invocation import INTEGRATION_TYPE, FunctionError, Invocation, Outcome, trace_root
from lambda_emulator.template.reader import RestAPI

__all__ = ["RestAPIFront", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and resource path of an API, and its function."""

    api: RestAPI
    function: Function

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path parameters, still escaped; None when it is another route's."""
        if self.api.method not in ("ANY", method):
            return None
        names: list[str] = []

        def parameter(found: re.Match[str]) -> str:
            names.append(found[1])
            return "(.+)" if found[2] else "([^/]+)"

        parts = re.split(r"(\{\w+\+?\})", self.api.resource)
        pattern = "".join(
            re.sub(r"\{(\w+)(\+?)\}", parameter, part) if part.startswith("{") else re.escape(part) for part in parts
        )
        match = re.fullmatch(pattern, path) or (re.fullmatch(pattern, path.rstrip("/")) if path != "/" else None)
        return dict(zip(names, match.groups(), strict=True)) if match else None

    @property
    def specificity(self) -> tuple[int, int, int]:
        """Literal paths before {one} before {many+}; a method before ANY."""
        resource = self.api.resource
        return (resource.count("+}"), resource.count("{"), self.api.method == "ANY")


class RestAPIFront:
    """One REST API on a port: its routes under /STAGE."""

    def __init__(self, stage: str, routes: Sequence[Route], port: int, console: Console, *, pace: bool = False) -> None:
        self.stage = stage
        self.routes = sorted(routes, key=lambda route: route.specificity)
        self.port = port
        self.console = console
        self.pace = pace

    async def handle(self, exchange: Exchange) -> None:
        """Serves one request; the HTTP server's handler."""
        request = exchange.request
        line = RequestLine(request.method, request.target, time.monotonic())
        line.request_id = str(uuid.uuid4())
        root = trace_root(request.header("x-amzn-trace-id"))
        try:
            await self._invoke(exchange, line, root)
        except RequestError as error:
            line.note = str(error)
            self._refuse(exchange, line, error.status, str(error), close=True)
        finally:
            self.console.request(line)

    async def _invoke(self, exchange: Exchange, line: RequestLine, root: str) -> None:
        request = exchange.request
        full_path = split_target(request.target)[0]
        prefix = f"/{self.stage}"
        if full_path != prefix and not full_path.startswith(f"{prefix}/"):
            line.note = f"this API's stage is {prefix}/"
            self._refuse(exchange, line, 403, "Forbidden", kind="ForbiddenException")
            return
        path = full_path.removeprefix(prefix) or "/"
        found = next(((r, p) for r in self.routes if (p := r.match(request.method, path)) is not None), None)
        if found is None:
            line.note = "no such method and resource"
            self._refuse(
                exchange, line, 403, "Missing Authentication Token", kind="MissingAuthenticationTokenException"
            )
            return
        route, parameters = found
        body = await exchange.read(limits.API_GATEWAY_PAYLOAD, patience=limits.BODY_SECONDS)
        event = rest_api_event(
            request, body, api=route.api, path=path, parameters=parameters, source_ip=exchange.peer[0], port=self.port,
            request_id=line.request_id, trace_id=f"Root={root}", now=time.time(),
        )  # fmt: skip
        if len(event) > limits.REQUEST_PAYLOAD:
            raise RequestError(413, "Request Too Long")
        invocation = Invocation(event, trace_root=root)
        line.request_id = invocation.request_id
        try:
            route.function.submit(invocation)
        except Throttled:
            self._refuse(exchange, line, 500, "Internal server error")
            return
        try:
            await self._answer(exchange, line, route, invocation)
        except BadAnswer as error:
            # Streaming: 500 (documented). Buffered: 502, "malformed Lambda proxy response".
            line.note = f"bad answer: {error}"
            self._refuse(exchange, line, 500 if route.api.streaming else 502, "Internal server error")
        finally:
            invocation.answer.body.discard()
        line.take_outcome(invocation)

    async def _answer(self, exchange: Exchange, line: RequestLine, route: Route, invocation: Invocation) -> None:
        answer = invocation.answer
        start = await answer.start
        if isinstance(start, FunctionError):
            timeout = answer.outcome is Outcome.TIMEOUT
            text = "Endpoint request timed out" if timeout else "Internal server error"
            self._refuse(exchange, line, 504 if timeout else 500 if route.api.streaming else 502, text)
        elif not route.api.streaming:
            await self._buffered(exchange, line, invocation)
        elif not start.has_prelude:
            raise BadAnswer(f"no prelude: the content type must be {INTEGRATION_TYPE}")
        else:
            await self._streamed(exchange, line, invocation)

    async def _streamed(self, exchange: Exchange, line: RequestLine, invocation: Invocation) -> None:
        parser, body = PreludeParser(), invocation.answer.body
        prelude = None
        rest: list[bytes] = []
        while prelude is None:
            items = await body.get()
            if not items:
                raise BadAnswer("the stream ended within its prelude")
            for item in items:
                if prelude is None:
                    prelude = parser.feed(item)
                else:
                    rest.append(item)
        described = prelude.described
        bodyless = exchange.request.method == "HEAD" or described.status in BODYLESS
        framing = [] if bodyless else [("Transfer-Encoding", "chunked")]
        headers = _wire_headers(prelude.metadata)
        head = self._head(exchange, line, invocation, described.status, framing, headers)
        if bodyless:
            exchange.write(head)
            line.count(0, 0)
        else:
            pace = Pace(burst=limits.API_GATEWAY_BURST) if self.pace else None
            await stream(exchange, line, head, [prelude.rest, *rest], body, pace=pace)
            exchange.write(b"0\r\n\r\n")
        exchange.finish()

    async def _buffered(self, exchange: Exchange, line: RequestLine, invocation: Invocation) -> None:
        data = await invocation.answer.body.read(limits.BUFFERED_RESPONSE)
        try:
            result = json.loads(data or b"")
        except ValueError as error:
            raise BadAnswer(f"no JSON: {error}") from error
        if (
            not isinstance(result, dict)
            or "statusCode" not in result
            or not isinstance(result.get("body", ""), str | None)
        ):
            raise BadAnswer("not of the form {statusCode, headers, body}")
        described = describe(result)
        text = result.get("body") or ""
        body = base64.b64decode(text) if result.get("isBase64Encoded") is True else text.encode("utf-8", "replace")
        framing = [("Content-Length", str(len(body)))]
        head = self._head(exchange, line, invocation, described.status, framing, _wire_headers(result))
        exchange.write(head + (b"" if exchange.request.method == "HEAD" else body))
        line.count(len(body), 1 if body else 0)
        exchange.finish()

    def _head(
        self,
        exchange: Exchange,
        line: RequestLine,
        invocation: Invocation,
        status: int,
        framing: list[Header],
        headers: list[Header],
    ) -> bytes:
        line.status = status
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = [("Content-Type", "application/json"), *headers]
        lines = [
            ("Date", formatdate(usegmt=True)),
            *framing,
            ("Connection", "keep-alive" if exchange.request.keep_alive else "close"),
            ("x-amzn-RequestId", invocation.request_id),
            ("x-amz-apigw-id", base64.b64encode(invocation.request_id.encode()[:11]).decode()),
            *headers,
            ("X-Amzn-Trace-Id", f"Root={invocation.trace_root}"),
        ]
        text = "\r\n".join([f"HTTP/1.1 {status} {reason(status)}", *(f"{n}: {v}" for n, v in lines), "", ""])
        return text.encode("utf-8")

    def _refuse(
        self,
        exchange: Exchange,
        line: RequestLine,
        status: int,
        message: str,
        *,
        kind: str = "InternalServerErrorException",
        close: bool = False,
    ) -> None:
        line.status = status
        body = json.dumps({"message": message}).encode()
        headers = [
            ("Date", formatdate(usegmt=True)), ("Content-Type", "application/json"), ("x-amzn-ErrorType", kind),
        ]  # fmt: skip
        line.count(len(body), 1)
        exchange.respond(status, headers, body, close=close)


def _wire_headers(data: dict[str, Any]) -> list[Header]:
    """`headers` and `multiValueHeaders` (it wins where both have a name) and `cookies`."""
    multi = {str(name): values for name, values in (data.get("multiValueHeaders") or {}).items()}
    names = {name.lower() for name in multi}
    pairs = [(name, value) for name, value in (data.get("headers") or {}).items() if name.lower() not in names]
    pairs += [(name, value) for name, values in multi.items() for value in values]
    pairs += [("Set-Cookie", cookie) for cookie in data.get("cookies") or []]
    result: list[Header] = []
    for name, value in pairs:
        if name.lower() in REMAPPED:
            result.append((f"x-amzn-Remapped-{name}", str(value)))
        elif name.lower() not in DROPPED:
            result.append((name, str(value)))
    return result
