"""The Extensions API (2020-01-01), as far as an internal extension needs it: one that lives in the runtime's process.

Source: AWS "runtimes-extensions-api". An init, and an invocation that an extension was told of, are complete only when
the extension waits for its next event.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from lambda_emulator import limits
from lambda_emulator.function.runtime_replies import refuse
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.invocation import Invocation
from lambda_emulator.template.reader import FunctionConfig

__all__ = ["Extensions"]


@dataclass(slots=True)
class _Extension:
    name: str
    events: frozenset[str]
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    parked: "asyncio.Future[bytes] | None" = None

    @property
    def waits(self) -> bool:
        return self.parked is not None and not self.parked.done()


class Extensions:
    """The extensions of one environment. `on_wait` is called when one of them waits for an event."""

    def __init__(self, function: FunctionConfig, on_wait: Callable[[], None]) -> None:
        self.function = function
        self.on_wait = on_wait
        self.registered: dict[str, _Extension] = {}

    async def register(self, exchange: Exchange, *, open_: bool) -> None:
        """`open_`: the init still runs."""
        name = exchange.request.header("lambda-extension-name")
        try:
            events = frozenset(json.loads(await exchange.read(limits.MIB) or b"{}").get("events", []))
        except (ValueError, AttributeError, TypeError):
            events = frozenset({"?"})
        if not name:
            refuse(exchange, 403, "Extension.MissingHeader", "Lambda-Extension-Name is missing")
        elif not open_:
            refuse(exchange, 403, "Extension.RegistrationClosed", "Extensions register before the first next")
        elif not events <= {"INVOKE"}:
            kind = "Extension.InvalidEventType"
            refuse(exchange, 403, kind, f"An internal extension may ask for INVOKE only, not {sorted(events)}")
        else:
            extension = _Extension(name, events)
            self.registered[extension.identifier] = extension
            about = {
                "functionName": self.function.name, "functionVersion": "$LATEST", "handler": self.function.handler,
            }  # fmt: skip
            headers = [("Content-Type", "application/json"), ("Lambda-Extension-Identifier", extension.identifier)]
            exchange.respond(200, headers, json.dumps(about).encode())

    async def next(self, exchange: Exchange) -> None:
        extension = self.registered.get(exchange.request.header("lambda-extension-identifier") or "")
        if extension is None:
            refuse(exchange, 403, "Extension.UnknownExtensionIdentifier", "No extension is registered under that id")
            return
        extension.parked = asyncio.get_running_loop().create_future()
        self.on_wait()
        event = await extension.parked
        extension.parked = None
        headers = [("Content-Type", "application/json"), ("Lambda-Extension-Event-Identifier", str(uuid.uuid4()))]
        exchange.respond(200, headers, event)

    def tell(self, invocation: Invocation) -> None:
        """Hands the INVOKE event to all that asked for it."""
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int((time.time() + self.function.timeout) * 1000),
            "requestId": invocation.request_id,
            "invokedFunctionArn": self.function.qualified_arn(invocation.qualifier),
            "tracing": {"type": "X-Amzn-Trace-Id", "value": f"Root={invocation.trace_root}"},
        }
        for extension in self.registered.values():
            if "INVOKE" in extension.events and extension.parked is not None and extension.waits:
                extension.parked.set_result(json.dumps(event).encode())

    def wait_for_event(self) -> bool:
        """Do all of them wait?"""
        return all(extension.waits for extension in self.registered.values())

    def wait_for_invoke(self) -> bool:
        """Do all that are told of invocations wait?"""
        return all(extension.waits for extension in self.registered.values() if "INVOKE" in extension.events)
