"""The Lambda API's data plane: Invoke and InvokeWithResponseStream, so that boto3 can call the functions.

Paths, headers and members: botocore's service model. What function errors look like: recorded (docs/fidelity.md).
Signatures are not checked here: whoever reaches the port may invoke.
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qs, unquote

from lambda_emulator import limits
from lambda_emulator.console import Console, RequestLine, error_text
from lambda_emulator.fronts import eventstream
from lambda_emulator.fronts.pacing import Pace
from lambda_emulator.fronts.streaming import http_chunk, stream
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError
from lambda_emulator.invocation import FunctionError, Invocation, Outcome

__all__ = ["InvokeAPI"]

_PATHS: Final = re.compile(
    r"/(2015-03-31/functions/(?P<plain>[^/]+)/invocations|"
    r"2021-11-15/functions/(?P<stream>[^/]+)/response-streaming-invocations)"
)
_NAME: Final = re.compile(r"(arn:aws:lambda:[^:]+:\d+:function:|\d+:function:)?(?P<name>[^:]+)(:(?P<qualifier>[^:]+))?")


class _APIError(Exception):
    """An answer with a status and an exception's name, as the SDKs read it."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class InvokeAPI:
    """Serves all functions of the emulator on one port."""

    def __init__(self, functions: Mapping[str, Function], console: Console, *, pace: bool = False) -> None:
        self.functions = functions
        self.console = console
        self.pace = pace

    async def handle(self, exchange: Exchange) -> None:
        """Serves one request; the HTTP server's handler."""
        line = RequestLine(exchange.request.method, exchange.request.target, time.monotonic())
        try:
            await self._invoke(exchange, line)
        except _APIError as error:
            line.status, line.note = error.status, str(error)
            body = json.dumps({"Type": "User", "Message": str(error)}).encode()
            headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.kind)]
            exchange.respond(error.status, headers, body, close=error.status == 413)
        finally:
            self.console.request(line)

    async def _invoke(self, exchange: Exchange, line: RequestLine) -> None:
        request = exchange.request
        path, _, query = request.target.partition("?")
        match = _PATHS.fullmatch(path)
        if request.method != "POST" or match is None:
            raise _APIError(404, "UnknownOperationException", "here are Invoke and InvokeWithResponseStream only")
        name = _NAME.fullmatch(unquote(match["plain"] or match["stream"]))
        function = self.functions.get(name["name"]) if name else None
        if name is None or function is None:
            known = ", ".join(self.functions)
            raise _APIError(404, "ResourceNotFoundException", f"Function not found; the emulator has: {known}")
        qualifier = parse_qs(query).get("Qualifier", [name["qualifier"] or "$LATEST"])[0]
        invocation = Invocation(await self._payload(exchange), qualifier=qualifier)
        line.request_id = invocation.request_id
        invocation.client_context = _client_context(request.header("x-amz-client-context"))
        invocation.tenant_id = request.header("x-amz-tenant-id")
        kind = request.header("x-amz-invocation-type") or "RequestResponse"
        if kind == "DryRun" and match["plain"]:
            line.status = 204
            exchange.respond(204, self._headers(invocation))
            return
        try:
            function.submit(invocation)
        except Throttled:
            raise _APIError(429, "TooManyRequestsException", "Rate Exceeded.") from None
        try:
            if kind == "Event" and match["plain"]:
                line.status = 202
                exchange.respond(202, self._headers(invocation))
            elif match["plain"]:
                await self._buffered(exchange, line, invocation)
            else:
                await self._streamed(exchange, line, invocation)
        finally:
            invocation.answer.body.discard()
        line.take_outcome(invocation)

    async def _payload(self, exchange: Exchange) -> bytes:
        try:
            payload = await exchange.read(limits.REQUEST_PAYLOAD, patience=limits.BODY_SECONDS)
        except RequestError as error:
            if error.status != 413:
                raise
            message = f"Request must be smaller than {limits.REQUEST_PAYLOAD} bytes for the InvokeFunction operation"
            raise _APIError(413, "RequestEntityTooLargeException", message) from error
        payload = payload or b"{}"
        try:
            json.loads(payload)
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            raise _APIError(400, "InvalidRequestContentException", message) from error
        return payload

    # ---- Invoke

    async def _buffered(self, exchange: Exchange, line: RequestLine, invocation: Invocation) -> None:
        """One body, whatever the function did: a streamed answer is put together, its errors untold (recorded)."""
        answer = invocation.answer
        start = await answer.start
        extra: list[Header] = []
        if isinstance(start, FunctionError):
            body = _pretty(start.body) if answer.outcome is Outcome.TOO_LARGE else start.body
            content_type = "application/json"
            extra.append(("X-Amz-Function-Error", "Unhandled"))
        else:
            data = await answer.body.read(limits.BUFFERED_RESPONSE)
            if data is None:
                kind = "Function.ResponseSizeTooLarge"
                limit = limits.BUFFERED_RESPONSE
                message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
                body, content_type = (
                    _pretty(json.dumps({"errorMessage": message, "errorType": kind}).encode()),
                    "application/json",
                )
                extra.append(("X-Amz-Function-Error", "Unhandled"))
            else:
                body = data
                content_type = "application/octet-stream" if start.streaming and data else "application/json"
                if start.streaming:
                    extra.append(("x-amzn-Remapped-Content-Length", "0"))
        if (tail := await self._log_result(exchange, invocation)) is not None:
            extra.append(("X-Amz-Log-Result", tail))
        line.status = 200
        line.count(len(body), 1 if body else 0)
        exchange.respond(200, [("Content-Type", content_type), *self._headers(invocation), *extra], body)

    # ---- InvokeWithResponseStream

    async def _streamed(self, exchange: Exchange, line: RequestLine, invocation: Invocation) -> None:
        """The head waits for the first byte or the end; the prelude, if there is one, is payload like the rest."""
        answer = invocation.answer
        start = await answer.start
        error = None
        if isinstance(start, FunctionError):
            content_type, items = "application/json", [start.body]
            if start.platform:  # assumed: no recording shows an error code
                items, error = [], error_text(start.body)
        else:
            content_type, items = start.content_type, await answer.body.get()
        line.status = 200
        names = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", eventstream.CONTENT_TYPE),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "keep-alive" if exchange.request.keep_alive else "close"),
            *self._headers(invocation),
            ("x-amzn-Remapped-Content-Type", content_type),
        ]
        head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in names), "", ""]).encode(
            "latin-1"
        )
        pace = Pace() if self.pace else None
        await stream(exchange, line, head, items, answer.body, frame=_framed_chunk, pace=pace)
        tail = await self._log_result(exchange, invocation)
        if answer.outcome is Outcome.CRASH and error is None:  # assumed, as above
            error = error_text(answer.error)
        exchange.write(http_chunk(eventstream.invoke_complete(log_result=tail, error=error)) + b"0\r\n\r\n")
        exchange.finish()

    async def _log_result(self, exchange: Exchange, invocation: Invocation) -> str | None:
        """With `LogType: Tail`, the last 4 KiB of the log: complete when the invocation is."""
        if (exchange.request.header("x-amz-log-type") or "None") != "Tail":
            return None
        await invocation.done.wait()
        tail = bytes(invocation.report.log_tail) if invocation.report is not None else b""
        return base64.b64encode(tail[-limits.LOG_TAIL :]).decode("ascii")

    def _headers(self, invocation: Invocation) -> list[Header]:
        trace = f"Root={invocation.trace_root};Parent={invocation.parent};Sampled=0"
        return [
            ("x-amzn-RequestId", invocation.request_id),
            ("X-Amz-Executed-Version", "$LATEST"),
            ("X-Amzn-Trace-Id", trace),
        ]


def _framed_chunk(item: bytes) -> bytes:
    return http_chunk(eventstream.payload_chunk(item))


def _client_context(header: str | None) -> str | None:
    """Base64 JSON on this side, JSON text on the runtime's."""
    if header is None:
        return None
    try:
        return json.dumps(json.loads(base64.b64decode(header)))
    except ValueError as error:
        raise _APIError(
            400, "InvalidRequestContentException", f"Client context must be base64 JSON: {error}"
        ) from error


def _pretty(body: bytes) -> bytes:
    return json.dumps(json.loads(body), indent=2).encode()
