"""An endpoint of a Web Function: forward HTTP requests to an app, and its responses back.

https://docs.aws.amazon.com/lambda/latest/dg/web-functions-http.html. What AWS does not document is
assumed. docs/fidelity.md lists the assumptions.
"""

import asyncio
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console, RequestLine
from lambda_emulator.credentials import Credentials
from lambda_emulator.fronts.sigv4 import SignatureError, verify
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError, reason
from lambda_emulator.web.config import EndpointConfig
from lambda_emulator.web.environment import StartFailed
from lambda_emulator.web.headers import ERROR_TYPE, METHODS, request_headers, response_headers
from lambda_emulator.web.revision import Revision, Throttled
from lambda_emulator.web.upstream import Upstream, UpstreamError

__all__ = ["Refused", "WebEndpoint"]

_ADDED_LINES: Final = 3
"""X-Forwarded-For and the two lines of the platform's own: they count, too."""
_TIMED_OUT: Final = "Runtime.RequestTimeout"


class Refused(Exception):
    """The platform responds instead of the app."""

    def __init__(self, status: int, message: str, error_type: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


@dataclass(slots=True)
class _Call:
    """One request and its progress through the endpoint."""

    exchange: Exchange
    line: RequestLine
    request_id: str
    host: str = ""
    body: bytes | None = None
    """The whole body, where its signature had to be checked."""
    log_stream: str | None = None
    chunked: bool = False
    """How the body of the response is framed towards the client."""
    started: bool = False
    """The app's response has begun to reach the client."""


class WebEndpoint:
    """`domain` is its name on AWS. `local` are the names that clients on this machine use."""

    def __init__(
        self,
        config: EndpointConfig,
        revisions: Mapping[str, Revision],
        console: Console,
        *,
        domain: str,
        local: frozenset[str],
        credentials: Credentials | None,
    ) -> None:
        self.config = config
        self.revisions = revisions
        self.console = console
        self.domain = domain
        self.local = local
        self.credentials = credentials
        self._recent: deque[float] = deque()

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        request = exchange.request
        line = RequestLine(request.method, request.target, time.monotonic())
        call = _Call(exchange, line, str(uuid.uuid4()))
        line.request_id = call.request_id
        try:
            await self._serve(call)
        except Refused as refusal:
            line.note = line.note or str(refusal)
            self._refuse(call, refusal)
        except RequestError as error:
            line.note = str(error)
            if exchange.started:
                raise
            self._refuse(call, Refused(error.status, str(error)), close=True)
        finally:
            self.console.request(line)

    # ---- before the app

    async def _serve(self, call: _Call) -> None:
        request = call.exchange.request
        if request.version == "1.0":
            raise Refused(505, "HTTP/1.0 is not supported")
        if request.method not in METHODS:
            raise Refused(400, f"the method {request.method} is not supported")
        if len(request.headers) + _ADDED_LINES > limits.WEB_HEADER_LINES:
            raise Refused(431, f"more than {limits.WEB_HEADER_LINES} header lines")
        call.host = request.header("host") or ""
        if call.host != self.domain and call.host not in self.local:
            message = f"no endpoint has the name {call.host!r}; on AWS this one is {self.domain}"
            raise Refused(404, message)
        self._count()
        if self.config.auth_type == "IamAuth":
            await self._authorize(call)
        names = list(self.config.weights)
        weights = list(self.config.weights.values())
        (name,) = random.choices(names, weights)
        revision = self.revisions[name]
        try:
            while not await self._served_by(revision, call):
                pass  # The environment has just ended. There is another one, or a new one starts.
        except Throttled:
            message = f"all {self.config.max_environments} environments are full"
            raise Refused(429, message) from None
        except StartFailed as failure:
            raise Refused(failure.status, str(failure), failure.error_type) from failure

    async def _served_by(self, revision: Revision, call: _Call) -> bool:
        """Serve the request in this environment. Returns False if the environment accepts no
        connection.

        In that case nothing was sent in either direction.
        """
        async with revision.place(self.config.max_environments) as environment:
            call.line.cold = environment.cold
            call.log_stream = environment.log_stream
            try:
                upstream = await environment.connect()
            except UpstreamError:
                environment.stale = True
                return False
            await self._within_timeout(call, upstream, environment.revision.timeout)
            return True

    def _count(self) -> None:
        limit, now = self.config.rate_limit, time.monotonic()
        if limit is None:
            return
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        if len(self._recent) >= limit:
            raise Refused(429, f"more than {limit} requests in a second")
        self._recent.append(now)

    async def _authorize(self, call: _Call) -> None:
        call.body = await call.exchange.read(limits.WEB_SIGNED_BODY, patience=limits.BODY_SECONDS)
        try:
            if self.credentials is None:
                raise SignatureError(
                    "the emulator's environment has no AWS_ACCESS_KEY_ID to check with"
                )
            verify(
                call.exchange.request,
                call.body,
                self.credentials,
                region=self.config.region,
                service="lambda",
                now=time.time(),
            )
        except SignatureError as error:
            call.line.note = f"forbidden: {error}"
            raise Refused(403, "Forbidden") from error

    # ---- the app

    async def _within_timeout(self, call: _Call, upstream: Upstream, timeout: int) -> None:
        exchange = call.exchange
        exchange.when_gone(upstream.close)
        try:
            async with asyncio.timeout(timeout):
                await self._send_request(call, upstream)
                await upstream.head()
                await self._send_response(call, upstream)
        except TimeoutError:
            if not call.started:
                raise Refused(504, f"the request timed out after {timeout} s", _TIMED_OUT) from None
            call.line.note = f"cut after {timeout} s; the client is not told"
            self._end_early(call)
        except UpstreamError as error:
            if exchange.gone:
                call.line.note = "the client left"
                exchange.abort()
            elif not call.started:
                raise Refused(502, str(error)) from error
            else:
                call.line.note = f"{error}; the client got {call.line.bytes} bytes"
                exchange.abort()
        finally:
            upstream.close()

    async def _send_request(self, call: _Call, upstream: Upstream) -> None:
        """Send the whole request before the response is read: the endpoint is half-duplex."""
        request = call.exchange.request
        headers = request_headers(
            request,
            host=call.host,
            client=call.exchange.peer[0],
            request_id=call.request_id,
            endpoint=self.config.name,
            signed=self.config.auth_type == "IamAuth",
        )
        await upstream.send_head(request.method, request.target, headers)
        chunked = "chunked" in (request.header("transfer-encoding") or "").lower()
        if call.body is not None:
            parts = [call.body] if call.body else []
        else:
            parts = await call.exchange.parts()
        while parts:
            await upstream.send(b"".join(map(_chunk, parts)) if chunked else b"".join(parts))
            parts = [] if call.body is not None else await call.exchange.parts()
        if chunked:
            await upstream.send(b"0\r\n\r\n")  # Without the trailers.

    async def _send_response(self, call: _Call, upstream: Upstream) -> None:
        exchange = call.exchange
        assert call.log_stream is not None
        names = {name.lower() for name, _ in upstream.headers}
        bodyless = exchange.request.method == "HEAD" or upstream.status in (204, 304)
        call.chunked = "content-length" not in names and not bodyless
        headers = response_headers(
            upstream.headers, request_id=call.request_id, log_stream=call.log_stream
        )
        if call.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        call.line.status = upstream.status
        exchange.write(_head(upstream.status, headers, keep_alive=exchange.request.keep_alive))
        call.started = True
        call.line.count(0, 0)
        while parts := await upstream.parts():
            exchange.write(b"".join(map(_chunk, parts)) if call.chunked else b"".join(parts))
            call.line.count(sum(map(len, parts)), len(parts))
            await exchange.drain()
        if call.chunked:
            exchange.write(b"0\r\n\r\n")
        exchange.finish()

    # ---- the end

    def _end_early(self, call: _Call) -> None:
        """End a response at the time limit, as AWS does.

        A chunked body ends as if it were complete. A body with a known length lacks its end.
        """
        if call.chunked:
            call.exchange.write(b"0\r\n\r\n")
            call.exchange.finish(close=True)
        else:
            call.exchange.abort()

    def _refuse(self, call: _Call, refusal: Refused, *, close: bool = False) -> None:
        call.line.status = refusal.status
        body = json.dumps({"Message": str(refusal)}).encode()
        headers = [("Content-Type", "application/json"), ("lambda-web-request-id", call.request_id)]
        if call.log_stream is not None:
            headers.append(("lambda-web-logstream", call.log_stream))
        if refusal.error_type is not None:
            headers.append((ERROR_TYPE, refusal.error_type))
        call.line.count(len(body), 1)
        # The connection cannot be used after a response that was early, or that went to HTTP/1.0.
        call.exchange.respond(
            refusal.status,
            headers,
            body,
            close=close or not call.exchange.complete or refusal.status == 505,
        )


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


def _head(status: int, headers: list[Header], *, keep_alive: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {reason(status)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
