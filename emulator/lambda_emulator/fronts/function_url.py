"""The Function URL: takes HTTP requests, invokes the function, and answers as AWS does in either invoke mode."""

import asyncio
import hashlib
import json
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console, RequestLine
from lambda_emulator.fronts.function_url_event import Caller, FrontDoor, function_url_event
from lambda_emulator.fronts.function_url_response import (
    BODYLESS,
    BadAnswer,
    Described,
    Identity,
    Prelude,
    PreludeParser,
    describe_result,
    describe_streamed_result,
    wire_head,
)
from lambda_emulator.fronts.pacing import Pace
from lambda_emulator.fronts.sigv4 import Credentials, SignatureError, verify
from lambda_emulator.fronts.streaming import http_chunk, stream
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError
from lambda_emulator.invocation import AnswerStart, FunctionError, Invocation, new_trace_root, trace_root
from lambda_emulator.template.cloudformation import ACCOUNT, REGION
from lambda_emulator.template.reader import FunctionURL

__all__ = ["FunctionURLFront"]

_DOCS: Final = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
_FORBIDDEN: Final = f"Forbidden. For troubleshooting Function URL authorization issues, see: {_DOCS}"
_SERVER_ERROR: Final = b"Internal Server Error"


@dataclass(slots=True)
class _Turn:
    """One request on its way through the front."""

    exchange: Exchange
    line: RequestLine
    request_id: str
    trace_root: str
    grants: list[Header] = field(default_factory=list)
    invocation: Invocation | None = None


class FunctionURLFront:
    """One Function URL. `hang_seconds` bounds the silence that follows a stream without a byte; 0 ends it at once."""

    def __init__(
        self,
        function: Function,
        url: FunctionURL,
        door: FrontDoor,
        console: Console,
        *,
        credentials: Credentials | None = None,
        pace: bool = False,
        hang_seconds: float = limits.EMPTY_STREAM_HANG_SECONDS,
    ) -> None:
        self.function = function
        self.url = url
        self.door = door
        self.console = console
        self.credentials = credentials
        self.pace = pace
        self.hang_seconds = hang_seconds
        self._recent: deque[float] = deque()
        self._lineage = hashlib.sha256(function.config.name.encode()).hexdigest()[:8]

    async def handle(self, exchange: Exchange) -> None:
        """Serves one request; the HTTP server's handler."""
        request = exchange.request
        line = RequestLine(request.method, request.target, time.monotonic())
        turn = _Turn(exchange, line, str(uuid.uuid4()), trace_root(request.header("x-amzn-trace-id")))
        line.request_id = turn.request_id
        try:
            if self.url.cors.is_preflight(request):
                self._preflight(turn)
            else:
                turn.grants = self.url.cors.grants(request)
                await self._invoke(turn)
        except RequestError as error:
            line.note = str(error)
            self._refuse(turn, error.status, _error_type(error.status), {"Message": str(error)}, close=True)
        finally:
            self.console.request(line)

    # ---- before the function

    def _preflight(self, turn: _Turn) -> None:
        headers = [("Content-Type", "application/json"), ("Content-Length", "0")]
        turn.line.note = "preflight, answered by the URL"
        granted = self.url.cors.preflight(turn.exchange.request)
        self._platform_answer(turn, 200, headers, granted, b"")

    async def _invoke(self, turn: _Turn) -> None:
        exchange, request = turn.exchange, turn.exchange.request
        body = await exchange.read(limits.REQUEST_PAYLOAD, patience=limits.BODY_SECONDS)
        caller = None
        if self.url.auth_type == "AWS_IAM":
            try:
                caller = self._authorize(turn, body)
            except SignatureError as error:
                turn.line.note = f"forbidden: {error}"
                self._refuse(turn, 403, "AccessDeniedException", {"Message": _FORBIDDEN})
                return
        event = function_url_event(
            request,
            body,
            door=self.door,
            source_ip=exchange.peer[0],
            request_id=turn.request_id,
            trace_id=f"Self={new_trace_root()};Root={turn.trace_root}",
            now=time.time(),
            caller=caller,
        )
        if len(event) > limits.REQUEST_PAYLOAD:
            limit = limits.REQUEST_PAYLOAD
            raise RequestError(413, f"Request must be smaller than {limit} bytes for the InvokeFunction operation")
        invocation = turn.invocation = Invocation(event, turn.request_id, turn.trace_root)
        try:
            self._count()
            self.function.submit(invocation)
        except Throttled:
            turn.line.note = "throttled: over the reserved concurrency"
            message = {
                "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                "Type": "User",
                "message": "Rate Exceeded.",
            }
            self._refuse(turn, 429, "TooManyRequestsException", message)
            return
        try:
            if self.url.invoke_mode == "BUFFERED":
                await self._buffered(turn, invocation)
            else:
                await self._streamed(turn, invocation)
        except BadAnswer as error:
            turn.line.note = f"bad answer: {error}"
            self._server_error(turn, trace=False)
        finally:
            invocation.answer.body.discard()
        turn.line.take_outcome(invocation)

    def _authorize(self, turn: _Turn, body: bytes) -> Caller:
        if self.credentials is None:
            raise SignatureError(
                "AuthType is AWS_IAM, and the emulator's environment has no AWS_ACCESS_KEY_ID to check with"
            )
        verify(turn.exchange.request, body, self.credentials, region=REGION, service="lambda", now=time.time())
        user = f"AIDA{hashlib.sha256(self.credentials.access_key.encode()).hexdigest()[:17].upper()}"
        return Caller(self.credentials.access_key, ACCOUNT, user, f"arn:aws:iam::{ACCOUNT}:user/emulator")

    def _count(self) -> None:
        """A URL takes ten times as many requests in a second as its function has reserved. Raises Throttled."""
        reserved, now = self.function.config.reserved_concurrency, time.monotonic()
        if reserved is not None:
            while self._recent and self._recent[0] <= now - 1.0:
                self._recent.popleft()
            if len(self._recent) >= reserved * limits.REQUESTS_PER_RESERVED:
                raise Throttled
            self._recent.append(now)

    # ---- InvokeMode BUFFERED

    async def _buffered(self, turn: _Turn, invocation: Invocation) -> None:
        start = await invocation.answer.start
        if isinstance(start, FunctionError):
            self._server_error(turn)
            return
        data = await invocation.answer.body.read(limits.BUFFERED_RESPONSE)
        if data is None:
            turn.line.note = f"more than {limits.BUFFERED_RESPONSE} bytes behind a BUFFERED URL"
            self._server_error(turn)
            return
        described = self._described_stream(turn, start, data) if start.streaming else describe_result(data)
        body = described.body if described.status not in BODYLESS and not _is_head(turn) else b""
        framing = None if described.status in BODYLESS else ("Content-Length", str(len(body)))
        self._send_head(turn, described, framing, body)
        turn.exchange.finish()

    def _described_stream(self, turn: _Turn, start: AnswerStart, data: bytes) -> Described:
        """A streamed answer behind a BUFFERED URL: with a prelude, its body is lost."""
        if not data:
            return Described()
        if not start.has_prelude:
            return Described(content_type="application/octet-stream", body=data)
        prelude = PreludeParser().feed(data)
        if prelude is None:
            raise BadAnswer("the stream ended within its prelude")
        if prelude.rest:
            turn.line.note = f"{len(prelude.rest)} bytes of body lost: a streamed answer behind a BUFFERED URL"
        return prelude.described

    # ---- InvokeMode RESPONSE_STREAM

    async def _streamed(self, turn: _Turn, invocation: Invocation) -> None:
        answer = invocation.answer
        start = await answer.start
        if isinstance(start, FunctionError):
            if start.platform:  # assumed: a crash or a timeout before anything was answered
                self._server_error(turn)
            else:
                await self._stream(turn, invocation, Described(content_type="application/json"), [start.body])
            return
        if not start.streaming:
            result = await answer.body.read(limits.BUFFERED_RESPONSE) or b""
            await self._stream(turn, invocation, describe_streamed_result(result), [result])
            return
        first = await answer.body.get()
        if not first:
            await self._empty_stream(turn)
        elif start.has_prelude:
            prelude, rest = await self._prelude(invocation, first)
            described = prelude.described
            if described.content_type is None:
                described = Described(
                    described.status, "application/octet-stream", described.headers, described.cookies
                )
            await self._stream(turn, invocation, described, [prelude.rest, *rest])
        else:
            await self._stream(turn, invocation, Described(content_type=start.content_type), first)

    async def _prelude(self, invocation: Invocation, items: list[bytes]) -> tuple[Prelude, list[bytes]]:
        """The prelude, and the body items that have come behind it."""
        parser = PreludeParser()
        while items:
            for index, item in enumerate(items):
                prelude = parser.feed(item)
                if prelude is not None:
                    return prelude, items[index + 1 :]
            items = await invocation.answer.body.get()
        raise BadAnswer("the stream ended within its prelude")

    async def _stream(self, turn: _Turn, invocation: Invocation, described: Described, items: list[bytes]) -> None:
        """The head, then one HTTP chunk for each write of the function, the moment it comes."""
        exchange, body = turn.exchange, invocation.answer.body
        if _is_head(turn) or described.status in BODYLESS:
            framing = ("Content-Length", "0") if _is_head(turn) else None
            self._send_head(turn, described, framing, b"")
            exchange.finish()
            return
        chunked = exchange.request.version == "1.1"
        framing = ("Transfer-Encoding", "chunked") if chunked else None
        head = self._head(turn, described, framing)
        frame, pace = (http_chunk if chunked else None), (Pace() if self.pace else None)
        await stream(exchange, turn.line, head, items, body, frame=frame, pace=pace)
        if not turn.line.bytes and not exchange.gone:
            turn.line.note = (
                "a prelude without a body byte: some accounts leave the client waiting here; write one byte"
            )
        exchange.write(b"0\r\n\r\n" if chunked else b"")
        exchange.finish(close=not chunked)

    async def _empty_stream(self, turn: _Turn) -> None:
        """Not one byte came, so status and headers are lost, and on AWS the client now waits for ever."""
        described = Described(content_type="application/octet-stream")
        if _is_head(turn):
            self._send_head(turn, described, ("Content-Length", "0"), b"")
            turn.exchange.finish()
            return
        self._send_head(turn, described, ("Transfer-Encoding", "chunked"), b"")
        if not self.hang_seconds:
            turn.exchange.write(b"0\r\n\r\n")
            turn.exchange.finish()
            return
        self.console.note(
            f"{turn.request_id[:8]} streamed not one byte (no prelude either): on AWS its client waits for ever. "
            f"This connection is closed in {self.hang_seconds:g} s (--hang)."
        )
        gone = asyncio.Event()
        turn.exchange.when_gone(gone.set)
        try:
            async with asyncio.timeout(self.hang_seconds):
                await gone.wait()
        except TimeoutError:
            pass
        turn.line.note = "an empty stream: hangs on AWS"
        turn.exchange.abort()

    # ---- writing

    def _identity(self, turn: _Turn, *, trace: bool = True) -> Identity:
        parent = turn.invocation.parent if turn.invocation else uuid.uuid4().hex[:16]
        value = f"Root={turn.trace_root};Parent={parent};Sampled=0;Lineage=1:{self._lineage}:0" if trace else None
        return Identity(formatdate(usegmt=True), turn.request_id, value, turn.grants)

    def _head(self, turn: _Turn, described: Described, framing: Header | None, *, trace: bool = True) -> bytes:
        turn.line.status = described.status
        keep_alive = turn.exchange.request.keep_alive and turn.exchange.request.version == "1.1"
        connection = "keep-alive" if keep_alive else "close"
        return wire_head(described, self._identity(turn, trace=trace), framing=framing, connection=connection)

    def _send_head(
        self, turn: _Turn, described: Described, framing: Header | None, body: bytes, *, trace: bool = True
    ) -> None:
        turn.exchange.write(self._head(turn, described, framing, trace=trace) + body)
        turn.line.count(len(body), 1 if body else 0)

    def _server_error(self, turn: _Turn, *, trace: bool = True) -> None:
        """502 and not a word of what went wrong: that stands in the log."""
        framing = ("Content-Length", str(len(_SERVER_ERROR)))
        body = b"" if _is_head(turn) else _SERVER_ERROR
        self._send_head(turn, Described(502), framing if body else ("Content-Length", "0"), body, trace=trace)
        turn.exchange.finish()

    def _refuse(self, turn: _Turn, status: int, kind: str, message: Mapping[str, str], *, close: bool = False) -> None:
        """AWS's own answer, without the function."""
        body = json.dumps(message, separators=(",", ":")).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        self._platform_answer(turn, status, headers, [("x-amzn-ErrorType", kind)], body, close=close)

    def _platform_answer(
        self, turn: _Turn, status: int, headers: list[Header], behind: list[Header], body: bytes, *, close: bool = False
    ) -> None:
        described = Described(status, "application/json")
        keep_alive = turn.exchange.request.keep_alive and not close
        turn.line.status = status
        identity = Identity(formatdate(usegmt=True), turn.request_id, None)
        head = wire_head(described, identity, framing=headers[1], connection="keep-alive" if keep_alive else "close")
        extra = "".join(f"{name}: {value}\r\n" for name, value in behind).encode("latin-1")
        turn.exchange.write(head[:-2] + extra + b"\r\n" + (b"" if _is_head(turn) else body))
        turn.line.count(len(body), 1 if body else 0)
        turn.exchange.finish(close=close)


def _is_head(turn: _Turn) -> bool:
    return turn.exchange.request.method == "HEAD"


def _error_type(status: int) -> str:
    return "RequestEntityTooLargeException" if status == 413 else "BadRequestException"
