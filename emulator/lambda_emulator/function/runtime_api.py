"""The Runtime API (2018-06-01) of one execution environment. The Extensions API is served beside
it.

A runtime polls `next`, posts to `response` or `error`, and polls again. This module decides which
call is allowed when. execution_environment.py has the process and its time, pool.py its place in
the pool.

Sources: AWS "runtimes-api", "runtimes-extensions-api", "snapstart-runtime-hooks-custom"; statuses
of AWS's runtime interface emulator.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Final, Protocol

from lambda_emulator import limits
from lambda_emulator.function.extensions import Extensions
from lambda_emulator.function.runtime_posts import error_type, receive_error, receive_response
from lambda_emulator.function.runtime_replies import accept, refuse
from lambda_emulator.http.exchange import Exchange, Handler
from lambda_emulator.http.guard import Guard
from lambda_emulator.http.server import HTTPServer
from lambda_emulator.invocation import ErrorAnswer, Invocation
from lambda_emulator.template.config import FunctionConfig

__all__ = ["Observer", "RuntimeAPI"]

_INVOCATION: Final = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)")
_JSON: Final = ("Content-Type", "application/json")


class Observer(Protocol):
    """What the API tells its execution environment."""

    def initialised(self) -> None:
        """The runtime and every extension wait for work, or for the snapshot."""

    def init_failed(self, error: ErrorAnswer) -> None:
        """The runtime or an extension reported that it cannot start."""

    def failed(self, error: ErrorAnswer) -> None:
        """An extension reported that it cannot continue."""

    def waiting(self) -> None:
        """A poll waits for an invocation."""

    def completed(self, invocation: Invocation) -> None:
        """An invocation is over: it is answered, and the runtime has asked for more."""


class _Phase(Enum):
    """The progress of one invocation through the API."""

    RUNNING = auto()
    RESPONDING = auto()
    RESPONDED = auto()


@dataclass(slots=True)
class _Delivered:
    invocation: Invocation
    phase: _Phase = _Phase.RUNNING


class RuntimeAPI:
    """Serves one environment on a port of its own, so that the port identifies the caller.

    `external` names the extensions that have a process of their own.
    """

    def __init__(
        self, function: FunctionConfig, observer: Observer, external: Iterable[str] = ()
    ) -> None:
        self.function = function
        self.is_managed = function.managed_concurrency is not None
        self.observer = observer
        self.extensions = Extensions(function, self, external)
        self._server = HTTPServer(self._handle, half_close=False, guard=Guard())
        self._polls: deque[asyncio.Future[Invocation]] = deque()
        self._restore: asyncio.Future[None] | None = None
        self._delivered: dict[str, _Delivered] = {}
        self._expired: set[str] = set()
        self._initialised = False
        self._failed = False
        self._routes: Mapping[str, tuple[str, Handler]] = {
            "/2018-06-01/runtime/invocation/next": ("GET", self._next),
            "/2018-06-01/runtime/init/error": ("POST", partial(self._init_error, "init")),
            "/2018-06-01/runtime/restore/next": ("GET", self._restore_next),
            "/2018-06-01/runtime/restore/error": ("POST", partial(self._init_error, "restore")),
            "/2018-06-01/ping": ("GET", _ping),
            "/2020-01-01/extension/register": ("POST", self._register),
            "/2020-01-01/extension/event/next": ("GET", self.extensions.next),
            "/2020-01-01/extension/init/error": ("POST", self.extensions.error),
            "/2020-01-01/extension/exit/error": ("POST", self.extensions.error),
            "/2022-07-01/telemetry": ("PUT", self.extensions.subscribe),
            "/2020-08-15/logs": ("PUT", self.extensions.subscribe),
        }

    async def start(self) -> str:
        """Listen, and return host:port, the value of AWS_LAMBDA_RUNTIME_API."""
        port = await self._server.start("127.0.0.1", 0)
        return f"127.0.0.1:{port}"

    async def close(self) -> None:
        await self._server.close()

    # ---- for the environment

    @property
    def free(self) -> int:
        """How many invocations can be delivered now."""
        return sum(not poll.done() for poll in self._polls)

    @property
    def awaiting_restore(self) -> bool:
        return self._restore is not None and not self._restore.done()

    def restore(self) -> None:
        """Report that the snapshot is restored.

        The runtime runs its hooks and then asks for `next`.
        """
        if self._restore is not None and not self._restore.done():
            self._restore.set_result(None)
        self._initialised = False

    def deliver(self, invocation: Invocation) -> None:
        """Give an invocation to a waiting poll.

        Raises:
            RuntimeError: No poll is waiting. The caller checks `free` first.
        """
        while self._polls:
            poll = self._polls.popleft()
            if not poll.done():
                self._delivered[invocation.request_id] = _Delivered(invocation)
                poll.set_result(invocation)
                self.extensions.tell_invoke(invocation)
                return
        raise RuntimeError("no poll is waiting")

    def forget(self, invocation: Invocation) -> None:
        """Forget an invocation that timed out under Managed Instances. A late response gets 410."""
        if self._delivered.pop(invocation.request_id, None) is not None:
            self._expired.add(invocation.request_id)

    def take_held(self) -> list[Invocation]:
        """Return all invocations that the runtime still holds when it is gone."""
        held = [delivered.invocation for delivered in self._delivered.values()]
        self._delivered.clear()
        return held

    # ---- what extensions do

    def extension_waits(self) -> None:
        self._advance()

    def extension_failed(self, error: ErrorAnswer) -> None:
        if self._initialised:
            self.observer.failed(error)
        elif not self._failed:
            self._failed = True
            self.observer.init_failed(error)

    # ---- routes

    async def _handle(self, exchange: Exchange) -> None:
        method = exchange.request.method
        path, _, _ = exchange.request.target.partition("?")
        route = self._routes.get(path)
        if match := _INVOCATION.fullmatch(path):
            route = "POST", partial(self._post, match[1], match[2])
        if route is None:
            refuse(exchange, 404, "NotFound", f"The Runtime API has no {path}")
            return
        allowed, handler = route
        if method == allowed:
            await handler(exchange)
        else:
            exchange.respond(405, [("Allow", allowed)])

    async def _next(self, exchange: Exchange) -> None:
        invocation = self._repeated() or await self._polled(exchange)
        if invocation is None:
            return
        deadline = int((time.time() + self.function.timeout) * 1000)
        arn = self.function.qualified_arn(invocation.qualifier)
        sampled = int(self.function.traced)
        trace = f"Root={invocation.trace_root};Parent={invocation.parent};Sampled={sampled}"
        headers = [
            _JSON,
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", arn),
            ("Lambda-Runtime-Trace-Id", trace),
            ("Lambda-Runtime-Invocation-Id", invocation.nonce),
        ]
        if invocation.client_context is not None:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        if invocation.tenant_id is not None:
            headers.append(("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id))
        exchange.respond(200, headers, invocation.event)

    def _repeated(self) -> Invocation | None:
        """Return the same invocation to a runtime that asks again before it has answered."""
        if self.is_managed:
            return None
        for delivered in self._delivered.values():
            if delivered.phase is _Phase.RUNNING:
                return delivered.invocation
        return None

    async def _polled(self, exchange: Exchange) -> Invocation | None:
        """Wait for an invocation. Returns None after a refusal, or when the runtime has hung up."""
        phases = [delivered.phase for delivered in self._delivered.values()]
        if _Phase.RESPONDING in phases and not self.is_managed:
            message = "Transition from Responding to Ready is not allowed"
            refuse(exchange, 403, "InvalidStateTransition", message)
            return None
        poll: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._polls.append(poll)
        exchange.when_gone(poll.cancel)
        self._advance()
        self.observer.waiting()
        try:
            return await poll
        except asyncio.CancelledError:
            if not exchange.gone:
                raise
            return None
        finally:
            if poll in self._polls:
                self._polls.remove(poll)

    async def _post(self, request_id: str, route: str, exchange: Exchange) -> None:
        delivered = self._delivered.get(request_id)
        mode = exchange.request.header("lambda-runtime-function-response-mode")
        if delivered is None and request_id in self._expired:
            refuse(exchange, 410, "InvokeTimeout", "Invoke timeout")
        elif delivered is None:
            refuse(exchange, 400, "InvalidRequestID", "Invalid request ID")
        elif exchange.request.header("lambda-runtime-invocation-id") not in (
            None,
            delivered.invocation.nonce,
        ):
            refuse(exchange, 410, "InvokeTimeout", "Invoke timeout")
        elif delivered.phase is not _Phase.RUNNING:
            refuse(
                exchange,
                403,
                "InvalidStateTransition",
                f"Transition from {delivered.phase.name} is not allowed",
            )
        elif route == "response" and mode not in (None, "streaming"):
            refuse(
                exchange,
                400,
                "InvalidFunctionResponseMode",
                f"Lambda-Runtime-Function-Response-Mode is {mode!r}",
            )
        else:
            await self._receive(
                receive_response if route == "response" else receive_error, exchange, delivered
            )

    async def _receive(
        self,
        receive: Callable[[Exchange, Invocation], Awaitable[None]],
        exchange: Exchange,
        delivered: _Delivered,
    ) -> None:
        delivered.phase = _Phase.RESPONDING
        try:
            await receive(exchange, delivered.invocation)
        finally:
            delivered.phase = _Phase.RESPONDED
        self._advance()

    async def _init_error(self, phase: str, exchange: Exchange) -> None:
        body = await exchange.read(limits.MIB)
        expected = "init" if self._restore is None else "restore"
        if self._initialised or self._failed or phase != expected:
            refuse(exchange, 403, "InvalidStateTransition", f"{phase}/error is not allowed now")
            return
        self._failed = True
        accept(exchange)
        self.observer.init_failed(ErrorAnswer(error_type(exchange), body, platform=False))

    async def _restore_next(self, exchange: Exchange) -> None:
        if not self.function.snap_start:
            refuse(
                exchange,
                404,
                "NotFound",
                "This function has no SnapStart (AWS_LAMBDA_INITIALIZATION_TYPE)",
            )
            return
        if self._restore is not None or self._polls:
            refuse(
                exchange,
                403,
                "InvalidStateTransition",
                "restore/next is called once, before the first next",
            )
            return
        self._restore = asyncio.get_running_loop().create_future()
        self._advance()
        await self._restore
        exchange.respond(200, [_JSON])

    async def _register(self, exchange: Exchange) -> None:
        await self.extensions.register(exchange, is_open=not self._initialised)

    # ---- state

    def _advance(self) -> None:
        """Check whether the init or an invocation is complete, after a poll or an answer.

        An init is complete when the runtime and all extensions wait. An ordinary invocation is
        complete when the runtime and the extensions that were told of it wait again. An invocation
        under Managed Instances is complete when it is answered.
        """
        waiting = self.free > 0
        if not self._initialised:
            if (waiting or self.awaiting_restore) and self.extensions.all_wait:
                self._initialised = True
                self.observer.initialised()
            return
        for request_id, delivered in list(self._delivered.items()):
            is_over = self.is_managed or (waiting and self.extensions.all_told_wait)
            if delivered.phase is _Phase.RESPONDED and is_over:
                del self._delivered[request_id]
                self.observer.completed(delivered.invocation)


async def _ping(exchange: Exchange) -> None:
    exchange.respond(200, [("Content-Type", "text/plain")], b"pong")
