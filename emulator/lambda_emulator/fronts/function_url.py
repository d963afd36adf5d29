"""The Function URL: take HTTP requests, invoke the function, respond as AWS does in either mode."""

import asyncio
import hashlib
import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Final

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.credentials import Credentials
from lambda_emulator.fronts.call import Call, Refusal, checked_event
from lambda_emulator.fronts.function_url_event import Caller, Endpoint, function_url_event
from lambda_emulator.fronts.function_url_response import (
    HTTPResponse,
    PlatformHeaders,
    read_response,
    response_of_result,
    response_of_streamed_result,
    wire_head,
)
from lambda_emulator.fronts.http_answer import BODYLESS, BadAnswer, PreludeParser
from lambda_emulator.fronts.pacing import AtOnce, TokenBucket
from lambda_emulator.fronts.sigv4 import SignatureError, verify
from lambda_emulator.fronts.streaming import http_chunk, read_prelude, stream
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError
from lambda_emulator.invocation import AnswerStart, ErrorAnswer, Invocation, new_trace_root
from lambda_emulator.template.cloudformation import ACCOUNT
from lambda_emulator.template.config import FunctionURL

__all__ = ["FunctionURLFront"]

_DOCS: Final = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
_FORBIDDEN: Final = (
    f"Forbidden. For troubleshooting Function URL authorization issues, see: {_DOCS}"
)
_SERVER_ERROR: Final = HTTPResponse(502, body=b"Internal Server Error")
_STREAMS: Final = (
    "the function streams, but InvokeMode is BUFFERED, so that its body is lost; "
    "set InvokeMode: RESPONSE_STREAM"
)
_DOES_NOT_STREAM: Final = (
    "the function does not stream, but InvokeMode is RESPONSE_STREAM, so that all of its JSON is "
    "the body; "
    "set InvokeMode: BUFFERED, or let the function stream"
)
_CHUNKED: Final = ("Transfer-Encoding", "chunked")


@dataclass
class FunctionURLFront:
    """One Function URL.

    `hang_seconds` limits the silence after a stream without a byte. 0 ends it at once.
    """

    function: Function
    endpoint: Endpoint
    console: Console
    credentials: Credentials | None = None
    pace: bool = False
    hang_seconds: float = limits.EMPTY_STREAM_HANG_SECONDS

    @property
    def url(self) -> FunctionURL:
        """The URL's configuration, which may change under --watch."""
        return self.function.config.url or FunctionURL()

    def __post_init__(self) -> None:
        self._told: set[str] = set()
        self._recent: deque[float] = deque()
        self.lineage = hashlib.sha256(self.function.config.name.encode()).hexdigest()[:8]

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        await _Call(self, exchange).serve()

    def tell_once(self, message: str) -> None:
        """Warn once about a line of the template that does not suit what the function sends."""
        if message not in self._told:
            self._told.add(message)
            self.console.note(f"{self.function.config.where('FunctionUrlConfig')}: {message}")

    def count(self) -> None:
        """Count a request. A URL takes ten times its function's reserved concurrency in one second.

        Raises:
            Throttled: There were more requests.
        """
        reserved = self.function.config.reserved_concurrency
        now = time.monotonic()
        if reserved is None:
            return
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        if len(self._recent) >= reserved * limits.REQUESTS_PER_RESERVED:
            raise Throttled
        self._recent.append(now)


class _Call(Call):
    """One request to a Function URL."""

    def __init__(self, front: FunctionURLFront, exchange: Exchange) -> None:
        super().__init__(exchange, front.console)
        self.front = front
        self.cors = front.url.cors

    # ---- before the function

    async def accept(self) -> tuple[Function, Invocation] | None:
        if self.cors.is_preflight(self.request):
            self.line.note = "preflight, answered by the URL"
            self._platform_response(200, b"", self.cors.preflight(self.request))
            return None
        body = await self.read_body(limits.REQUEST_PAYLOAD)
        caller = self._authorize(body) if self.front.url.auth_type == "AWS_IAM" else None
        event = function_url_event(
            self.request,
            body,
            endpoint=self.front.endpoint,
            source_ip=self.exchange.peer[0],
            request_id=self.request_id,
            trace_id=f"Self={new_trace_root()};Root={self.trace_root}",
            now=time.time(),
            caller=caller,
        )
        try:
            self.front.count()
        except Throttled:
            raise self.throttled() from None
        return self.front.function, Invocation(
            checked_event(event),
            self.request_id,
            self.trace_root,
            streaming=self.front.url.invoke_mode == "RESPONSE_STREAM",
        )

    def _authorize(self, body: bytes) -> Caller:
        try:
            if self.front.credentials is None:
                raise SignatureError(
                    "AuthType is AWS_IAM, and the emulator has no credentials to check with"
                )
            credentials = self.front.credentials
            verify(
                self.request,
                body,
                credentials,
                region=self.front.endpoint.region,
                service="lambda",
                now=time.time(),
            )
        except SignatureError as error:
            raise Refusal(
                403, "AccessDeniedException", _FORBIDDEN, note=f"forbidden: {error}"
            ) from error
        user = f"AIDA{hashlib.sha256(credentials.access_key.encode()).hexdigest()[:17].upper()}"
        return Caller(
            credentials.access_key, ACCOUNT, user, f"arn:aws:iam::{ACCOUNT}:user/emulator"
        )

    # ---- the function's answer

    async def respond(self, invocation: Invocation) -> None:
        start = await invocation.answer.start
        try:
            if self.front.url.invoke_mode == "BUFFERED":
                await self._buffered(invocation, start)
            else:
                await self._streamed(invocation, start)
        except BadAnswer as error:
            self.line.note = f"bad answer: {error}"
            self._whole_response(_SERVER_ERROR, trace=False)

    async def _buffered(self, invocation: Invocation, start: AnswerStart | ErrorAnswer) -> None:
        if isinstance(start, ErrorAnswer):
            self._whole_response(_SERVER_ERROR)
            return
        data = await invocation.answer.body.read(limits.BUFFERED_RESPONSE)
        if data is None:
            self.line.note = f"more than {limits.BUFFERED_RESPONSE} bytes behind a BUFFERED URL"
            self._whole_response(_SERVER_ERROR)
        elif start.streaming:
            self._whole_response(self._response_of_stream(start, data))
        else:
            self._whole_response(response_of_result(data))

    def _response_of_stream(self, start: AnswerStart, data: bytes) -> HTTPResponse:
        """Return the response for a streamed answer behind a BUFFERED URL, which loses the body."""
        if not data:
            return HTTPResponse()
        if not start.has_prelude:
            return HTTPResponse(content_type="application/octet-stream", body=data)
        prelude = PreludeParser().feed(data)
        if prelude is None:
            raise BadAnswer("the stream ended within its prelude")
        if prelude.rest:
            self.front.tell_once(_STREAMS)
            self.line.note = (
                f"{len(prelude.rest)} bytes of body lost: a streamed answer behind a BUFFERED URL"
            )
        return read_response(prelude.metadata)

    async def _streamed(self, invocation: Invocation, start: AnswerStart | ErrorAnswer) -> None:
        body = invocation.answer.body
        if isinstance(start, ErrorAnswer):
            if start.platform:  # assumed: a crash or a timeout before anything was answered
                self._whole_response(_SERVER_ERROR)
            else:
                await self._stream(
                    invocation, HTTPResponse(content_type="application/json"), [start.body]
                )
        elif not start.streaming:
            result = await body.read(limits.BUFFERED_RESPONSE) or b""
            if b'"statusCode"' in result:
                self.front.tell_once(_DOES_NOT_STREAM)
            await self._stream(invocation, response_of_streamed_result(result), [result])
        elif not (first := await body.get()):
            await self._empty_stream()
        elif start.has_prelude:
            prelude, items = await read_prelude(body, first)
            response = read_response(prelude.metadata)
            content_type = response.content_type or "application/octet-stream"
            await self._stream(invocation, replace(response, content_type=content_type), items)
        else:
            await self._stream(invocation, HTTPResponse(content_type=start.content_type), first)

    async def _stream(
        self, invocation: Invocation, response: HTTPResponse, items: list[bytes]
    ) -> None:
        """Send the head, then one HTTP chunk for each write of the function, as it comes."""
        if self.is_head or response.status in BODYLESS:
            self._write_head(response, ("Content-Length", "0") if self.is_head else None)
            self.exchange.finish()
            return
        chunked = self.request.version == "1.1"
        head = self._head(response, _CHUNKED if chunked else None)
        pace = TokenBucket() if self.front.pace else AtOnce()
        frame = http_chunk if chunked else bytes
        await stream(
            self.exchange, self.line, head, items, invocation.answer.body, pace=pace, frame=frame
        )
        if not self.line.bytes and not self.exchange.gone:
            self.line.note = (
                "a prelude without a body byte: some accounts leave the client "
                "waiting here; write one byte"
            )
        self.exchange.write(b"0\r\n\r\n" if chunked else b"")
        self.exchange.finish(close=not chunked)

    async def _empty_stream(self) -> None:
        """Handle a stream without a byte: status and headers are lost, and on AWS the client waits
        for ever.
        """
        response = HTTPResponse(content_type="application/octet-stream")
        if self.is_head:
            self._whole_response(response)
            return
        self._write_head(response, _CHUNKED)
        if not self.front.hang_seconds:
            self.exchange.write(b"0\r\n\r\n")
            self.exchange.finish()
            return
        self.console.note(
            f"{self.request_id[:8]} streamed not one byte (no prelude either): on AWS its client "
            "waits for ever. "
            f"This connection is closed in {self.front.hang_seconds:g} s (--hang)."
        )
        gone = asyncio.Event()
        self.exchange.when_gone(gone.set)
        try:
            async with asyncio.timeout(self.front.hang_seconds):
                await gone.wait()
        except TimeoutError:
            pass
        self.line.note = "an empty stream: hangs on AWS"
        self.exchange.abort()

    # ---- writing

    def _whole_response(self, response: HTTPResponse, *, trace: bool = True) -> None:
        bodyless = response.status in BODYLESS
        body = b"" if bodyless or self.is_head else response.body
        self._write_head(
            response, None if bodyless else ("Content-Length", str(len(body))), body, trace=trace
        )
        self.exchange.finish()

    def _write_head(
        self,
        response: HTTPResponse,
        framing: Header | None,
        body: bytes = b"",
        *,
        trace: bool = True,
    ) -> None:
        self.exchange.write(self._head(response, framing, trace=trace) + body)
        self.line.count(len(body), 1 if body else 0)

    def _head(self, response: HTTPResponse, framing: Header | None, *, trace: bool = True) -> bytes:
        self.line.status = response.status
        parent = self.invocation.parent if self.invocation else uuid.uuid4().hex[:16]
        value = f"Root={self.trace_root};Parent={parent};Sampled=0;Lineage=1:{self.front.lineage}:0"
        platform = PlatformHeaders(
            formatdate(usegmt=True),
            self.request_id,
            value if trace else None,
            self.cors.grants(self.request),
        )
        keep_alive = self.request.keep_alive and self.request.version == "1.1"
        connection = "keep-alive" if keep_alive else "close"
        return wire_head(response, platform, framing=framing, connection=connection)

    # ---- AWS's own responses, without the function

    def throttled(self) -> Refusal:
        return Refusal(
            429,
            "TooManyRequestsException",
            "Rate Exceeded.",
            note="throttled: over the reserved concurrency",
        )

    def refusal_of(self, error: RequestError) -> Refusal:
        kind = "RequestEntityTooLargeException" if error.status == 413 else "BadRequestException"
        return Refusal(error.status, kind, str(error), close=True)

    def refuse(self, refusal: Refusal) -> None:
        message: dict[str, Any] = {"Message": refusal.message}
        if refusal.status == 429:
            reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
            message = {"Reason": reason, "Type": "User", "message": refusal.message}
        body = json.dumps(message, separators=(",", ":")).encode()
        behind = [("x-amzn-ErrorType", refusal.kind)]
        self._platform_response(refusal.status, body, behind, close=refusal.close)

    def _platform_response(
        self, status: int, body: bytes, behind: list[Header], *, close: bool = False
    ) -> None:
        self.line.status = status
        keep_alive = self.request.keep_alive and not close
        platform = PlatformHeaders(formatdate(usegmt=True), self.request_id, behind=behind)
        head = wire_head(
            HTTPResponse(status),
            platform,
            framing=("Content-Length", str(len(body))),
            connection="keep-alive" if keep_alive else "close",
        )
        self.exchange.write(head + (b"" if self.is_head else body))
        self.line.count(len(body), 1 if body else 0)
        self.exchange.finish(close=close)
