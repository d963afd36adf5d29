"""Test your app in an execution environment inside your process, without sockets.

    from lambda_asgi.testing import ExecutionEnvironment, function_url_event

    async with ExecutionEnvironment(app) as environment:
        response = await environment.invoke(function_url_event("/stream"))
    assert response.chunks == [b"one", b"two"]

The request cycle, the response states and the prelude are the runtime's own. Only the wire is
missing. To see your app behind a Function URL, use lambda-emulator.
"""

import base64
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from lambda_asgi import _prelude as prelude
from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._application import Exchange
from lambda_asgi._asgi import ASGIApp
from lambda_asgi._environment import FunctionIdentity, Settings
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._invocation import Invocation, LambdaContext, current_invocation

__all__ = ["ExecutionEnvironment", "StreamedResponse", "function_url_event"]


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A streamed response. `chunks` are the parts of the body, one for each message of the app.

    `error` is what Lambda is told in trailers when the response breaks; None if it is complete.
    `exception` is what the app raised, before, during or after its response.
    """

    status: int
    headers: dict[str, str]
    cookies: list[str]
    chunks: list[bytes]
    error: ErrorReport | None
    exception: BaseException | None = None

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)


class ExecutionEnvironment:
    """An app in an execution environment. Use it with `async with`.

    The app's lifespan starts once. Then the app answers any number of events, also at the same
    time.

    Args:
        app: An ASGI app, or the `LambdaASGI` around it.
        settings: Values of `LAMBDA_ASGI_` variables.

    Raises:
        StartupFailed: From `async with`, if the lifespan fails.
    """

    def __init__(self, app: ASGIApp | LambdaASGI, settings: Settings | None = None) -> None:
        adapter = app if isinstance(app, LambdaASGI) else LambdaASGI(app)
        self._application = adapter.application(settings or Settings())

    async def __aenter__(self) -> Self:
        await self._application.startup()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._application.shutdown()

    async def invoke(self, event: Any, *, timeout_seconds: float = 30.0) -> StreamedResponse:
        """Return the streamed response to `event`.

        That is after the app and its background work have ended.

        Args:
            event: The event, as decoded JSON.
            timeout_seconds: The function's timeout.
        """
        writer = _Recorder()
        exchange = self._exchange(event, timeout_seconds)
        await exchange.stream(writer)
        assert exchange.cycle is not None, "it has run"
        return writer.response(exchange.cycle.error)

    async def invoke_buffered(self, event: Any, *, timeout_seconds: float = 30.0) -> Any:
        """Return the function's result for `event`, as in buffered mode.

        Raises:
            LambdaASGIError: The invocation fails, such as for a non-HTTP event that the app did not
                handle.
        """
        return (await self._exchange(event, timeout_seconds).answer()).value

    def _exchange(self, event: Any, timeout_seconds: float) -> Exchange:
        invocation = Invocation(
            request_id=str(uuid.uuid4()),
            deadline=time.time() + timeout_seconds,
            function_arn="arn:aws:lambda:us-east-1:123456789012:function:test",
            payload=b"",
        )
        current_invocation.set(invocation)
        context = LambdaContext(
            invocation, FunctionIdentity(name="test", version="$LATEST", memory_mb="128")
        )
        return self._application.exchange(event, context, context.deadline)


@dataclass(slots=True)
class _Recorder:
    """A ResponseWriter that records what it gets."""

    parts: list[bytes] = field(default_factory=list)
    error: ErrorReport | None = None

    @property
    def begun(self) -> bool:
        return bool(self.parts)

    def when_gone(self, callback: Callable[[], None], /) -> None:
        """Do nothing: no client leaves here."""

    def stream(self, parts: Sequence[bytes], last: bool) -> None:
        self.stream_now(parts, last)

    def stream_now(self, parts: Sequence[bytes], last: bool = False) -> None:
        self.parts += [part for part in parts if part]

    def fail(self, error: ErrorReport, /) -> None:
        self.error = error

    def response(self, exception: BaseException | None) -> StreamedResponse:
        opening = prelude.split(self.parts[0])
        assert opening is not None, "the first part is the prelude"
        (status, headers, cookies), _ = opening
        return StreamedResponse(status, headers, cookies, self.parts[1:], self.error, exception)


def function_url_event(
    url: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    """Return the event of a request to a Function URL (payload format 2.0).

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads

    Args:
        url: A path, with a query if there is one.
        method: The HTTP method.
        headers: Request headers by name.
        body: The request body.
    """
    parts = urlsplit(url)
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
    domain = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws"
    sent = {
        "host": domain,
        "x-forwarded-proto": "https",
        "x-forwarded-port": "443",
        "x-forwarded-for": "203.0.113.7",
    }
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.query,
        "headers": sent,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": sent.get("user-agent"),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if "cookie" in sent:
        event["cookies"] = sent["cookie"].split("; ")
    if body:
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        sent["content-length"] = str(len(body))
    return event
