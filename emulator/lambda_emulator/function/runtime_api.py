"""The Runtime API (2018-06-01) of one execution environment; the Extensions API is served beside it.

A runtime polls `next`, posts to `response` or `error`, and polls again. What it may call when is a table here; the
process, its time and its place in the pool are execution_environment.py's and function.py's.
Sources: AWS "runtimes-api", "runtimes-extensions-api", "snapstart-runtime-hooks-custom"; statuses as AWS's own
runtime interface emulator gives them.
"""

import asyncio
import base64
import json
import re
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from lambda_emulator import limits
from lambda_emulator.function.extensions import Extensions
from lambda_emulator.function.runtime_replies import accept, refuse
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import PeerGone, RequestError
from lambda_emulator.http.server import HTTPServer
from lambda_emulator.invocation import AnswerStart, ErrorAnswer, Invocation, Outcome
from lambda_emulator.template.reader import FunctionConfig

__all__ = ["Events", "RuntimeAPI", "error_json"]

_INVOCATION: Final = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)")
_ERROR_TYPE: Final = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_STREAMING: Final = "streaming"


class Events(Protocol):
    """What the API tells its execution environment."""

    def initialised(self) -> None:
        """The runtime (and every extension) waits for work, or for its snapshot."""

    def init_failed(self, error: ErrorAnswer) -> None:
        """The runtime said that it cannot start."""

    def waiting(self) -> None:
        """A poll waits for an invocation."""

    def completed(self, invocation: Invocation) -> None:
        """An invocation is over: answered, and the runtime has asked for more."""


class _Phase(Enum):
    """One invocation's way through the API."""

    RUNNING = auto()
    RESPONDING = auto()
    RESPONDED = auto()


@dataclass(slots=True)
class _Delivered:
    invocation: Invocation
    phase: _Phase = _Phase.RUNNING


def error_json(kind: str, message: str) -> bytes:
    """An error as Lambda writes it."""
    return json.dumps({"errorType": kind, "errorMessage": message}, separators=(",", ":")).encode()


class RuntimeAPI:
    """Serves one environment on a port of its own, so that whoever calls is known by the port.

    `concurrency` is None for an ordinary function and the number of parallel invocations for Managed Instances.
    """

    def __init__(self, function: FunctionConfig, events: Events) -> None:
        self.function = function
        self.concurrency = function.managed_concurrency
        self.events = events
        self.extensions = Extensions(function, self._settle)
        self._server = HTTPServer(self._handle, half_close=False)
        self._parked: deque[asyncio.Future[Invocation]] = deque()
        self._restore: asyncio.Future[None] | None = None
        self._delivered: dict[str, _Delivered] = {}
        self._expired: set[str] = set()
        self._initialised = False
        self._failed = False

    async def start(self) -> str:
        """Listens; returns host:port, the value of AWS_LAMBDA_RUNTIME_API."""
        port = await self._server.start("127.0.0.1", 0)
        return f"127.0.0.1:{port}"

    async def close(self) -> None:
        await self._server.close()

    # ---- for the environment

    @property
    def free(self) -> int:
        """How many invocations can be delivered at once."""
        return sum(not poll.done() for poll in self._parked)

    @property
    def awaiting_restore(self) -> bool:
        return self._restore is not None and not self._restore.done()

    def restore(self) -> None:
        """The snapshot is restored: the runtime runs its hooks and then asks for `next`."""
        if self._restore is not None and not self._restore.done():
            self._restore.set_result(None)
        self._initialised = False

    def deliver(self, invocation: Invocation) -> None:
        """Hands an invocation to a waiting poll; there must be one (`free`)."""
        while self._parked:
            poll = self._parked.popleft()
            if not poll.done():
                self._delivered[invocation.request_id] = _Delivered(invocation)
                poll.set_result(invocation)
                self.extensions.tell(invocation)
                return
        raise RuntimeError("no poll is waiting")

    def forget(self, invocation: Invocation) -> None:
        """It ended without the runtime (timeout under Managed Instances): a late answer gets 410."""
        if self._delivered.pop(invocation.request_id, None) is not None:
            self._expired.add(invocation.request_id)

    def undelivered_end(self) -> list[Invocation]:
        """All invocations that the runtime still holds; it is gone."""
        held = [delivered.invocation for delivered in self._delivered.values()]
        self._delivered.clear()
        return held

    @property
    def shutdown_seconds(self) -> float:
        """From SIGTERM to SIGKILL: 0 without extensions."""
        return limits.SHUTDOWN_EXTENSION_SECONDS if self.extensions.registered else 0.0

    # ---- routes

    async def _handle(self, exchange: Exchange) -> None:
        method, path = exchange.request.method, exchange.request.target.partition("?")[0]
        match method, path:
            case "GET", "/2018-06-01/runtime/invocation/next":
                await self._next(exchange)
            case "POST", "/2018-06-01/runtime/init/error":
                await self._init_error(exchange, "init")
            case "GET", "/2018-06-01/runtime/restore/next":
                await self._restore_next(exchange)
            case "POST", "/2018-06-01/runtime/restore/error":
                await self._init_error(exchange, "restore")
            case "GET", "/2018-06-01/ping":
                exchange.respond(200, [("Content-Type", "text/plain")], b"pong")
            case "POST", "/2020-01-01/extension/register":
                await self.extensions.register(exchange, open_=not self._initialised)
            case "GET", "/2020-01-01/extension/event/next":
                await self.extensions.next(exchange)
            case "POST", "/2020-01-01/extension/init/error" | "/2020-01-01/extension/exit/error":
                await exchange.read(limits.MIB)
                accept(exchange)
            case "PUT", "/2022-07-01/telemetry" | "/2020-08-15/logs":
                await exchange.read(limits.MIB)
                refuse(exchange, 202, "Telemetry.NotSupported", "The emulator prints logs; it does not send them.")
            case "POST", _ if match := _INVOCATION.fullmatch(path):
                await self._answer(exchange, match[1], match[2])
            case _:
                refuse(exchange, 404, "NotFound", f"The Runtime API has no {method} {path}")

    async def _next(self, exchange: Exchange) -> None:
        if self.concurrency is None and any(d.phase is not _Phase.RESPONDED for d in self._delivered.values()):
            refuse(exchange, 403, "InvalidStateTransition", "Transition from Running to Ready is not allowed")
            return
        poll: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._parked.append(poll)
        exchange.when_gone(poll.cancel)
        self._settle()
        self.events.waiting()
        try:
            invocation = await poll
        except asyncio.CancelledError:
            if not exchange.gone:
                raise
            return  # the runtime hung up; the poll is no longer counted
        finally:
            if poll in self._parked:
                self._parked.remove(poll)
        deadline = int((time.time() + self.function.timeout) * 1000)
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", self.function.qualified_arn(invocation.qualifier)),
            ("Lambda-Runtime-Trace-Id", f"Root={invocation.trace_root};Parent={invocation.parent};Sampled=0"),
            ("Lambda-Runtime-Invocation-Id", invocation.nonce),
        ]
        if invocation.client_context is not None:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        if invocation.tenant_id is not None:
            headers.append(("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id))
        exchange.respond(200, headers, invocation.event)

    async def _answer(self, exchange: Exchange, request_id: str, route: str) -> None:
        delivered = self._delivered.get(request_id)
        if delivered is None and request_id in self._expired:
            refuse(exchange, 410, "InvokeTimeout", "Invoke timeout")
        elif delivered is None:
            refuse(exchange, 400, "InvalidRequestID", "Invalid request ID")
        elif exchange.request.header("lambda-runtime-invocation-id") not in (None, delivered.invocation.nonce):
            refuse(exchange, 410, "InvokeTimeout", "Invoke timeout")
        elif delivered.phase is not _Phase.RUNNING:
            refuse(exchange, 403, "InvalidStateTransition", f"Transition from {delivered.phase.name} is not allowed")
        elif route == "error":
            await self._error(exchange, delivered)
        else:
            await self._response(exchange, delivered)

    async def _response(self, exchange: Exchange, delivered: _Delivered) -> None:
        mode = exchange.request.header("lambda-runtime-function-response-mode")
        if mode not in (None, _STREAMING):
            refuse(exchange, 400, "InvalidFunctionResponseMode", f"Lambda-Runtime-Function-Response-Mode is {mode!r}")
            return
        answer = delivered.invocation.answer
        delivered.phase = _Phase.RESPONDING
        if mode is None:
            await self._buffered_response(exchange, delivered)
            return
        answer.begin(AnswerStart(True, exchange.request.header("content-type") or "application/octet-stream"))
        size = 0
        try:
            while parts := await exchange.parts():
                size += sum(map(len, parts))
                if size > limits.STREAMED_RESPONSE:
                    parts = _cut(parts, size - limits.STREAMED_RESPONSE)
                    answer.cut = True
                await answer.body.put(parts)
        except (PeerGone, RequestError) as error:
            answer.end(Outcome.CRASH, error_json("Runtime.TruncatedResponse", "The response ended before its end."))
            delivered.phase = _Phase.RESPONDED
            if isinstance(error, RequestError):
                refuse(exchange, 400, "TruncatedHTTPRequest", str(error))
            return
        announced = (exchange.request.header("trailer") or "").lower()
        trailers = {name.lower(): value for name, value in exchange.request.trailers if name.lower() in announced}
        if "lambda-runtime-function-error-type" in trailers:
            answer.end(Outcome.ERROR, _trailer_body(trailers.get("lambda-runtime-function-error-body", "")))
        else:
            answer.end(Outcome.SUCCESS)
        delivered.phase = _Phase.RESPONDED
        accept(exchange)
        self._settle()

    async def _buffered_response(self, exchange: Exchange, delivered: _Delivered) -> None:
        answer = delivered.invocation.answer
        try:
            body = await exchange.read(limits.BUFFERED_RESPONSE)
        except RequestError as error:
            delivered.phase = _Phase.RESPONDED
            if error.status != 413:
                answer.fail(
                    ErrorAnswer("Runtime.TruncatedResponse", error_json("Runtime.TruncatedResponse", str(error)), True)
                )
                refuse(exchange, 400, "TruncatedHTTPRequest", str(error))
                return
            message = f"Response payload size exceeded maximum allowed payload size ({limits.BUFFERED_RESPONSE} bytes)."
            kind = "Function.ResponseSizeTooLarge"
            answer.fail(ErrorAnswer(kind, error_json(kind, message), True), Outcome.TOO_LARGE)
            refuse(exchange, 413, "RequestEntityTooLarge", message)
        except PeerGone:
            delivered.phase = _Phase.RESPONDED
            return  # the process is ending, which says more
        else:
            answer.begin(AnswerStart(False, exchange.request.header("content-type") or "application/json"))
            answer.body.add([body])
            answer.end(Outcome.SUCCESS)
            delivered.phase = _Phase.RESPONDED
            accept(exchange)
        self._settle()

    async def _error(self, exchange: Exchange, delivered: _Delivered) -> None:
        delivered.phase = _Phase.RESPONDING
        body = await exchange.read(limits.BUFFERED_RESPONSE)
        delivered.invocation.answer.fail(ErrorAnswer(_error_type(exchange), body, platform=False))
        delivered.phase = _Phase.RESPONDED
        accept(exchange)
        self._settle()

    async def _init_error(self, exchange: Exchange, phase: str) -> None:
        body = await exchange.read(limits.MIB)
        if self._initialised or self._failed or (phase == "restore") != (self._restore is not None):
            refuse(exchange, 403, "InvalidStateTransition", f"{phase}/error is not allowed now")
            return
        self._failed = True
        accept(exchange)
        self.events.init_failed(ErrorAnswer(_error_type(exchange), body, platform=False))

    async def _restore_next(self, exchange: Exchange) -> None:
        if not self.function.snap_start:
            refuse(exchange, 404, "NotFound", "This function has no SnapStart (AWS_LAMBDA_INITIALIZATION_TYPE)")
            return
        if self._restore is not None or self._parked:
            refuse(exchange, 403, "InvalidStateTransition", "restore/next is called once, before the first next")
            return
        self._restore = asyncio.get_running_loop().create_future()
        self._settle()
        await self._restore
        exchange.respond(200, [("Content-Type", "application/json")])

    # ---- state

    def _settle(self) -> None:
        """Something was parked or answered: is the init, or an invocation, complete with it?

        An init is complete when the runtime and all extensions wait; an ordinary invocation when the runtime waits
        again and so do the extensions that were told of it; a Managed Instances one when it is answered.
        """
        waiting = self.free > 0
        if not self._initialised:
            if (
                waiting or (self._restore is not None and not self._restore.done())
            ) and self.extensions.wait_for_event():
                self._initialised = True
                self.events.initialised()
            return
        for request_id, delivered in list(self._delivered.items()):
            managed = self.concurrency is not None
            if delivered.phase is _Phase.RESPONDED and (managed or (waiting and self.extensions.wait_for_invoke())):
                del self._delivered[request_id]
                self.events.completed(delivered.invocation)


def _cut(parts: list[bytes], excess: int) -> list[bytes]:
    """Without the last `excess` bytes."""
    kept = list(parts)
    while kept and excess >= len(kept[-1]):
        excess -= len(kept.pop())
    if kept and excess:
        kept[-1] = kept[-1][:-excess]
    return kept


def _trailer_body(value: str) -> bytes:
    """The error's JSON: base64, since a trailer's value is one line."""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value.encode("latin-1")


def _error_type(exchange: Exchange) -> str:
    """The platform keeps (Runtime|Function).CamelCase; other values become Function.Unknown or Runtime.Unknown."""
    kind = exchange.request.header("lambda-runtime-function-error-type") or ""
    if _ERROR_TYPE.fullmatch(kind):
        return kind
    return "Function.Unknown" if kind.startswith("Function.") else "Runtime.Unknown"
