"""The Extensions API (2020-01-01).

An internal extension runs in the runtime's process, an external one in its own. An init is complete
only when every extension waits for its next event. So is an invocation, for the extensions that
were told of it.

Sources: AWS "runtimes-extensions-api"; statuses and error types of AWS's runtime interface
emulator.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from lambda_emulator import limits
from lambda_emulator.function.runtime_replies import accept, refuse
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.invocation import ErrorAnswer, Invocation
from lambda_emulator.template.cloudformation import ACCOUNT
from lambda_emulator.template.config import FunctionConfig

__all__ = ["Extensions", "Observer"]

_JSON: Final = ("Content-Type", "application/json")
_INTERNAL: Final = frozenset({"INVOKE"})
_EXTERNAL: Final = frozenset({"INVOKE", "SHUTDOWN"})


class Observer(Protocol):
    """Is told what extensions do."""

    def extension_waits(self) -> None:
        """An extension asks for its next event."""

    def extension_failed(self, error: ErrorAnswer) -> None:
        """An extension reports that it cannot start or cannot continue."""


@dataclass(slots=True)
class _Extension:
    name: str
    events: frozenset[str]
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    poll: "asyncio.Future[bytes] | None" = None

    @property
    def waits(self) -> bool:
        return self.poll is not None and not self.poll.done()


class Extensions:
    """The extensions of one environment. `external` are those with a process of their own."""

    def __init__(
        self, function: FunctionConfig, observer: Observer, external: Iterable[str] = ()
    ) -> None:
        self.function = function
        self.observer = observer
        self.external = frozenset(external)
        self.registered: dict[str, _Extension] = {}
        self.all_external_registered = asyncio.Event()
        self._note_registered()

    # ---- routes

    async def register(self, exchange: Exchange, *, is_open: bool) -> None:
        """Register an extension. `is_open`: the init still runs."""
        name = exchange.request.header("lambda-extension-name") or ""
        body = await exchange.read(limits.MIB)
        refusal = self._refusal(name, is_open=is_open)
        if refusal is None:
            try:
                events = _events(body)
            except ValueError as error:
                refusal = "InvalidRequestFormat", str(error)
            else:
                unknown = sorted(events - (_EXTERNAL if name in self.external else _INTERNAL))
                if unknown:
                    refusal = (
                        "Extension.InvalidEventType",
                        f"{unknown[0]} is no event for this extension",
                    )
        if refusal is not None:
            refuse(exchange, 403, *refusal)
            return
        extension = _Extension(name, events)
        self.registered[extension.identifier] = extension
        self._note_registered()
        about = {
            "functionName": self.function.name,
            "functionVersion": "$LATEST",
            "handler": self.function.handler,
        }
        if exchange.request.header("lambda-extension-accept-feature") == "accountId":
            about["accountId"] = ACCOUNT
        headers = [_JSON, ("Lambda-Extension-Identifier", extension.identifier)]
        exchange.respond(200, headers, json.dumps(about).encode())

    def _refusal(self, name: str, *, is_open: bool) -> tuple[str, str] | None:
        if not name:
            return "Extension.InvalidExtensionName", "Empty extension name"
        if not is_open:
            return "Extension.RegistrationClosed", "Extensions register before the first next"
        if any(extension.name == name for extension in self.registered.values()):
            return "Extension.InvalidExtensionState", "Extension with this name already registered"
        return None

    async def next(self, exchange: Exchange) -> None:
        extension = self._identified(exchange)
        if extension is None:
            return
        poll = extension.poll = asyncio.get_running_loop().create_future()
        exchange.when_gone(poll.cancel)
        self.observer.extension_waits()
        try:
            event = await poll
        except asyncio.CancelledError:
            if not exchange.gone:
                raise
            return  # The extension closed the connection.
        finally:
            if extension.poll is poll:
                extension.poll = None
        exchange.respond(
            200, [_JSON, ("Lambda-Extension-Event-Identifier", str(uuid.uuid4()))], event
        )

    async def error(self, exchange: Exchange) -> None:
        """`init/error` and `exit/error`."""
        body = await exchange.read(limits.MIB)
        if self._identified(exchange) is None:
            return
        kind = exchange.request.header("lambda-extension-function-error-type")
        if not kind:
            refuse(
                exchange,
                403,
                "Extension.MissingHeader",
                "Lambda-Extension-Function-Error-Type not found",
            )
            return
        accept(exchange)
        self.observer.extension_failed(ErrorAnswer(kind, body, platform=True))

    async def subscribe(self, exchange: Exchange) -> None:
        """The Telemetry and Logs APIs. Like AWS's runtime interface emulator, this one does not
        have them.
        """
        await exchange.read(limits.MIB)
        api = "Telemetry" if "telemetry" in exchange.request.target else "Logs"
        refuse(exchange, 202, f"{api}.NotSupported", f"{api} API is not supported")

    def _identified(self, exchange: Exchange) -> _Extension | None:
        """Return the extension that sent a request, or None after refusing it."""
        identifier = exchange.request.header("lambda-extension-identifier")
        if not identifier:
            kind, message = (
                "MissingExtensionIdentifier",
                "Missing Lambda-Extension-Identifier header",
            )
        elif not _is_uuid(identifier):
            kind, message = "InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"
        elif identifier not in self.registered:
            kind, message = "UnknownExtensionIdentifier", f"Unknown extension {identifier}"
        else:
            return self.registered[identifier]
        refuse(exchange, 403, f"Extension.{kind}", message)
        return None

    # ---- for the environment

    def tell_invoke(self, invocation: Invocation) -> None:
        """Send the INVOKE event to every extension that registered for it."""
        fields = {
            "deadlineMs": _deadline(self.function.timeout),
            "requestId": invocation.request_id,
            "invokedFunctionArn": self.function.qualified_arn(invocation.qualifier),
            "tracing": {"type": "X-Amzn-Trace-Id", "value": f"Root={invocation.trace_root}"},
        }
        self._tell("INVOKE", fields)

    def tell_shutdown(self, reason: str, seconds: float) -> None:
        """Send the SHUTDOWN event. `reason` is spindown, timeout or failure."""
        fields = {"shutdownReason": reason, "deadlineMs": _deadline(seconds)}
        self._tell("SHUTDOWN", fields)

    def _tell(self, kind: str, fields: dict[str, Any]) -> None:
        event = json.dumps({"eventType": kind, **fields}).encode()
        for extension in self.registered.values():
            poll = extension.poll
            if kind in extension.events and poll is not None and not poll.done():
                poll.set_result(event)

    @property
    def all_wait(self) -> bool:
        return all(extension.waits for extension in self.registered.values())

    @property
    def all_told_wait(self) -> bool:
        """Whether all extensions that are told of invocations wait for their next event."""
        return all(
            extension.waits
            for extension in self.registered.values()
            if "INVOKE" in extension.events
        )

    @property
    def shutdown_seconds(self) -> float:
        """The time from SIGTERM to SIGKILL."""
        if self.external:
            return limits.SHUTDOWN_EXTERNAL_SECONDS
        return limits.SHUTDOWN_INTERNAL_SECONDS if self.registered else 0.0

    def _note_registered(self) -> None:
        if self.external <= {extension.name for extension in self.registered.values()}:
            self.all_external_registered.set()


def _events(body: bytes) -> frozenset[str]:
    """Return the events of a registration. No list and null mean none.

    Raises:
        ValueError: The body has another form.
    """
    try:
        data = json.loads(body)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    events = data.get("events") if isinstance(data, dict) else data
    if not isinstance(data, dict) or not isinstance(events, list | None):
        raise ValueError("the body is not of the form {events: [...]}")
    if not all(isinstance(event, str) for event in events or ()):
        raise ValueError("an event is a string")
    return frozenset(events or ())


def _deadline(seconds: float) -> int:
    """Return the time so many seconds from now, in epoch milliseconds."""
    return int((time.time() + seconds) * 1000)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
